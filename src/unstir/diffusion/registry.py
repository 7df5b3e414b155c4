"""The names of what can be chosen: schedules, targets, weights of the loss and distributions of training times.

Each row says where the part is written. It is imported when it is first looked up, so this file needs no torch, and `--help` can
list the names at once. To add a schedule, write it in a file of its own and add one row here.

    >>> list(TARGETS), TARGETS.default
    (['x0', 'eps', 'v', 'velocity', 'edm'], 'edm')

Sampling grids and samplers have their tables beside their functions: `times.GRIDS` and `samplers.SAMPLERS`.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from unstir.registry import Registry

if TYPE_CHECKING:
    from torch import Tensor

    from unstir.diffusion.denoiser import Target
    from unstir.diffusion.loss import Weight
    from unstir.diffusion.schedules import Schedule

SCHEDULES: "Registry[Callable[..., Schedule]]" = Registry(
    "schedule",
    {
        "linear": "unstir.diffusion.chains:linear",
        "cosine": "unstir.diffusion.chains:cosine",
        "sigmoid": "unstir.diffusion.chains:sigmoid",
        "sigmoid_bare": "unstir.diffusion.chains:sigmoid_bare",
        "sigmoid_alpha_bar": "unstir.diffusion.chains:sigmoid_alpha_bar",
        "scaled_linear": "unstir.diffusion.chains:scaled_linear",
        "chain": "unstir.diffusion.chains:chain",
        "vp": "unstir.diffusion.continuous:VP",
        "ve": "unstir.diffusion.continuous:VE",
        "flow": "unstir.diffusion.continuous:Flow",
    },
    default="linear",
)
"""A row is a function or class whose arguments are the settings of the schedule: `SCHEDULES["linear"](T=100)`."""

TARGETS: "Registry[Target]" = Registry(
    "target",
    {
        "x0": "unstir.diffusion.denoiser:_x0",
        "eps": "unstir.diffusion.denoiser:_eps",
        "v": "unstir.diffusion.denoiser:_v",
        "velocity": "unstir.diffusion.denoiser:_velocity",
        "edm": "unstir.diffusion.denoiser:_edm",
    },
    default="edm",
)
"""What the network predicts. A row is a `denoiser.Target`."""

WEIGHTS: "Registry[Weight]" = Registry(
    "loss weight",
    {
        "simple": "unstir.diffusion.loss:simple",
        "min_snr": "unstir.diffusion.loss:min_snr",
        "edm": "unstir.diffusion.loss:edm",
        "elbo": "unstir.diffusion.loss:elbo",
    },
    default="simple",
)
"""How the loss weighs each noise level. A row is a `loss.Weight`."""

DISTRIBUTIONS: "Registry[Callable[..., Tensor]]" = Registry(
    "distribution of times",
    {
        "uniform": "unstir.diffusion.times:uniform",
        "chain": "unstir.diffusion.times:chain",
        "log_normal": "unstir.diffusion.times:log_normal",
        "logit_normal": "unstir.diffusion.times:logit_normal",
    },
    default="log_normal",
)
"""Which noise levels to train on. The default is the one that suits the default target."""

PAPER: Mapping[str, Any] = MappingProxyType(
    {"schedule": "linear", "T": 1000, "target": "eps", "loss": "simple", "times": "chain"},
)
"""The recipe of Ho et al. 2020 as settings of a run, for example `unstir.fit(x, **PAPER)`."""
