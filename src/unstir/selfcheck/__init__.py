"""The mathematics, checked on the user's machine against exact answers, without a test library: `unstir selfcheck`.

checks.py        the table of checks, and `selfcheck()`, which runs them and yields a row for each result
known.py         what they compare with: Gaussians and mixtures whose every answer is known, and every schedule
forward.py       the forward process
denoisers.py     targets, the loss, exact denoisers, guidance
sampling.py      samplers
information.py   bounds, information, likelihood
training.py      the average of the weights
"""

from unstir.registry import lazily

_NAMES = {
    "selfcheck": "checks",  # every check, a row each
}
__all__ = [*_NAMES]
__getattr__, __dir__ = lazily(__name__, _NAMES)
