"""The exact truths, run on the user's machine."""
