"""What the checks compare with: distributions whose every answer is known, fixed random numbers, and every schedule."""

import inspect
from functools import partial

import numpy as np
import torch
from torch import Tensor

from unstir.diffusion.oracles import Gaussian, Mixture
from unstir.diffusion.registry import SCHEDULES
from unstir.diffusion.schedules import Schedule, schedule
from unstir.seeds import seeded

Case = tuple[str, float | Tensor, float, float]
"""What is checked, the number that was measured, and the interval [low, high] that it has to be in."""

f64 = partial(torch.tensor, dtype=torch.float64, device="cpu")

MU, S, VARIANCE = f64([0.5, -1.0]), f64([[1.1, 0.4], [0.4, 0.8]]), f64([0.25, 1.5])
GAUSSIAN, DIAGONAL = Gaussian(MU, S), Gaussian(f64([0.0, 0.0]), torch.diag(VARIANCE))
MIXTURE = Mixture(f64([0.4, 0.6]), torch.stack([MU, -MU]), torch.stack([S, 0.3 * S]))
EARLY, LATE = torch.combinations(f64([0.0, 0.001, 0.1, 0.4, 0.401, 0.8, 1.0])).unbind(
    1
)  # s < t: short steps, long ones, both ends


def make(name: str, T: int) -> Schedule:
    """The schedule of that name, with T steps if it is a chain."""
    settings = inspect.signature(SCHEDULES[name]).parameters
    if "betas" in settings:
        return schedule(name, betas=np.linspace(1e-4, 0.02, T).tolist())
    return schedule(name, T=T) if "T" in settings else schedule(name)


def schedules() -> dict[str, Schedule]:
    """Every schedule with T = 1000 steps, or with 10 if it is pure noise long before its end at 1000, as the bare sigmoid is."""
    made = {name: make(name, 1000) for name in SCHEDULES}
    return {name: make(name, 10) if s.T is not None and s.alpha_bar_end < 1e-100 else s for name, s in made.items()}


def normal(*shape: int, seed: int = 0) -> Tensor:
    """Standard normal numbers, float64: the same ones for the same seed."""
    return torch.randn(*shape, dtype=torch.float64, generator=seeded(seed))
