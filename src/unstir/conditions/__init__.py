"""What rows are drawn given: classes today, one file for each kind."""
