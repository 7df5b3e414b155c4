"""Between the data's units and the model's space."""
