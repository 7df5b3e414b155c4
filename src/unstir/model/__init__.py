"""The trained model: what it can do, its folder, editing."""
