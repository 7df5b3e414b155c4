"""The report: what a run shows (`contents`, `comparison`), and the page that shows it (`page`)."""
