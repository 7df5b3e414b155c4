"""The smallest error that any network can reach, in the model's space, for the built-in set "eight_gaussians".

    eight Gaussians, standardised: a mixture of eight with means (mu_k - shift) / scale and covariance diag(0.1 / scale)^2      (1)

A model with classes is told k, so its smallest error is that of a single Gaussian: (1) for one k.
"""

from functools import lru_cache

import torch
from torch import Tensor

from unstir.data.toys import EIGHT_CENTRES, EIGHT_NOISE
from unstir.diffusion.oracles import Gaussian, Mixture
from unstir.encoders.base import Encoder
from unstir.information.mmse import ErrorCurve

LEVELS = torch.linspace(-10, 14, 49, dtype=torch.float64, device="cpu")


def best_curve(source: str, encoder: Encoder, labelled: bool) -> ErrorCurve | None:
    """The smallest possible error, summed over a row, as a curve with one element; None for any data set but that of (1).

    >>> from unstir.encoders.affine import Standardise
    >>> one = Standardise(torch.zeros(2), torch.ones(2))
    >>> best_curve("moons", one, False) is None, len(best_curve("eight_gaussians", one, True).mse)
    (True, 49)
    """
    if source != eight_gaussians.__name__ or encoder.linear is None:
        return None
    shift, scale = encoder.linear
    return _curve(labelled, tuple(shift.tolist()), tuple(scale.tolist()))


def eight_gaussians(shift: Tensor, scale: Tensor) -> Mixture:
    """The mixture of eq. (1)."""
    means = (torch.from_numpy(EIGHT_CENTRES) - shift) / scale
    return Mixture(torch.ones(8) / 8, means, torch.diag((EIGHT_NOISE / scale) ** 2).expand(8, 2, 2))


@lru_cache(maxsize=4)  # the page of a run in training is written many times, and needs the same curve each time
def _curve(labelled: bool, shift: tuple[float, ...], scale: tuple[float, ...]) -> ErrorCurve:
    """The curve: in closed form for a single Gaussian, else the mean over 20,000 draws at each level."""
    every = eight_gaussians(*(torch.tensor(part, dtype=torch.float64) for part in (shift, scale)))
    error = Gaussian(every.means[0], every.covariances[0]).gaussian_mmse(LEVELS) if labelled else every.mmse(LEVELS)[0]
    return ErrorCurve(LEVELS, error[:, None])
