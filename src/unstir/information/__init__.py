"""What noise does to the information about the data, and how much of it a denoiser gets back. All in nats.

mmse.py          the error of a denoiser at each noise level, and the information that x_t holds about x_0, which follows from it
likelihood.py    log p(x) by the probability flow, and the variational bound: in steps of a chain, and in continuous time
gaussian.py      what rows cost under a Gaussian, in closed form
cost.py          what rows cost between noise levels, measured beside the Gaussian with the same noise
levels.py        probabilities of levels, and between which noise levels the integral runs
steps.py         the bound of a chain with a fixed and with a matched variance
"""

from unstir.registry import lazily

_NAMES = {
    "ErrorCurve": "mmse",  # the error of a denoiser by noise level
    "error_curve": "mmse",  # the same, measured on rows
    "information": "mmse",  # what x_t still holds about the data, in nats
    "ode_log_prob": "likelihood",  # log p(x) by the probability flow
    "variational_bound": "likelihood",  # the bound of a chain of T steps
    "continuous_bound": "likelihood",  # the bound in continuous time
    "Bound": "likelihood",  # its three parts
}
__all__ = [*_NAMES]
__getattr__, __dir__ = lazily(__name__, _NAMES)
