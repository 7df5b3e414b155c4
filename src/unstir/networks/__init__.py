"""Networks: `(x, t, cond) -> like x`. They know nothing of diffusion."""
