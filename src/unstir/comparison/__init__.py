"""Comparisons: what is compared, how it is read, and what the numbers let one say."""
