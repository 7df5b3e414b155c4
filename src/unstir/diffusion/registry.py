"""The names of what can be chosen: schedules, targets, weights of the loss and distributions of training times.

Each row says where the part is written. It is imported when it is first looked up, so this file needs no torch, and `--help` can
list the names at once. To add a schedule, write it in a file of its own and add one row here.

    >>> list(TARGETS), TARGETS.default
    (['x0', 'eps', 'v', 'velocity', 'edm', 'categorical', 'table'], 'edm')

Sampling grids and samplers have their tables beside their functions: `times.GRIDS` and `samplers.SAMPLERS`.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeVar

from unstir.errors import UsageError
from unstir.registry import Registry

if TYPE_CHECKING:
    from unstir.diffusion.denoiser import Target
    from unstir.diffusion.loss import Weight
    from unstir.diffusion.schedules import Schedule
    from unstir.diffusion.times import Distribution

Row = TypeVar("Row")


def row(table: Registry[Row], kind: type[Row], which: "str | Row") -> Row:
    """The row of that name, or `which` itself if it is a row already: one of your own. Raises UsageError for anything else."""
    if isinstance(which, kind):
        return which
    return table[name_in(table, kind, which)]


def name_in(table: Registry[Any], kind: type, which: Any) -> str:
    """`which` if it is a string. Raises UsageError, which says what can be chosen, if it is not."""
    if not isinstance(which, str):
        raise UsageError(f"a {table.what} is {table.names}, or a {kind.__name__} of your own; not {which!r:.60}.")
    return which


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

CLASSIC_SCHEDULES = ("linear", "cosine", "sigmoid", "sigmoid_bare")
"""The discrete chains in common use, and the sigmoid of betas as it is, without an end that leaves signal."""

TARGETS: "Registry[Target]" = Registry(
    "target",
    {
        "x0": "unstir.diffusion.denoiser:X0",
        "eps": "unstir.diffusion.denoiser:EPS",
        "v": "unstir.diffusion.denoiser:V",
        "velocity": "unstir.diffusion.denoiser:VELOCITY",
        "edm": "unstir.diffusion.denoiser:EDM",
        "categorical": "unstir.diffusion.denoiser:CATEGORICAL",
        "table": "unstir.diffusion.denoiser:TABLE_TARGET",
    },
    default="edm",
    says="name",
)
"""What the network predicts. A row is a `denoiser.Target`."""

FOR_COLUMNS = "table"
"""The target that suits the encoder of tables."""

SAFE_TARGETS = ("v", "x0")
"""Targets that work with every schedule, also with one that ends without signal, where eps and velocity divide by zero."""

WEIGHTS: "Registry[Weight]" = Registry(
    "loss weight",
    {
        "simple": "unstir.diffusion.loss:SIMPLE",
        "min_snr": "unstir.diffusion.loss:MIN_SNR",
        "edm": "unstir.diffusion.loss:EDM",
        "elbo": "unstir.diffusion.loss:ELBO",
    },
    default="simple",
    says="name",
)
"""How the loss weighs each noise level. A row is a `loss.Weight`."""

DISTRIBUTIONS: "Registry[Distribution]" = Registry(
    "distribution of times",
    {
        "uniform": "unstir.diffusion.times:UNIFORM",
        "chain": "unstir.diffusion.times:CHAIN",
        "log_normal": "unstir.diffusion.times:LOG_NORMAL",
        "logit_normal": "unstir.diffusion.times:LOGIT_NORMAL",
        "log_snr": "unstir.diffusion.times:LOG_SNR",
    },
    default="log_normal",
    says="name",
)
"""Which noise levels to train on. A row is a `times.Distribution`. The default is the one that suits the default target."""

PAPER: Mapping[str, Any] = MappingProxyType(
    {"schedule": "linear", "T": 1000, "target": "eps", "loss": "simple", "times": "chain"},
)
"""The recipe of Ho et al. 2020 as settings of a run, for example `unstir.fit(x, **PAPER)`."""
