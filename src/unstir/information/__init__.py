"""What noise does to the information about the data, and how much of it a denoiser gets back. All in nats.

mmse.py          the error of a denoiser at each noise level, and the information that x_t holds about x_0, which follows from it
likelihood.py    log p(x) by the probability flow, and the variational bound: in steps of a chain, and in continuous time
"""
