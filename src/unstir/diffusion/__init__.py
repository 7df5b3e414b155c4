"""What diffusion is: schedules, times, targets, losses, samplers, guidance, and exact answers."""
