"""Run folders, and training on the record."""
