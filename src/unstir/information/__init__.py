"""What noise does to information, and what a denoiser gets back."""
