"""How good samples are, in the units of the data, with the floor that true samples set."""
