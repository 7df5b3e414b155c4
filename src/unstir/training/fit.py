"""`unstir.fit`: train a model on an array in one line.

>>> import numpy as np
>>> model = fit(np.random.default_rng(0).normal(size=(300, 2)), steps=20)
>>> model.sample(5).shape, len(model.losses)
((5, 2), 20)
"""

import time
from dataclasses import replace
from typing import Any

import numpy as np
from torch import Tensor

from unstir.data.arrays import shared
from unstir.data.given import as_numbers
from unstir.errors import UsageError
from unstir.model.model import Model
from unstir.model.own import Own
from unstir.steady import steady
from unstir.training.config import flat, resolve
from unstir.training.cost import STEADY, rehearse
from unstir.training.fitting import Fitting
from unstir.training.presets import settle
from unstir.training.progress import shown

REHEARSED = 2.0  # seconds spent on measuring a step, before `minutes` are planned


@steady
def fit(
    x: Any,
    labels: Any = None,
    *,
    given: Any = None,
    groups: Any = None,
    network: Any = None,
    schedule: Any = None,
    target: Any = None,
    encoder: Any = None,
    condition: Any = None,
    minutes: float | None = None,
    progress: bool | None = None,
    **settings: Any,
) -> Model:
    """Train a model on rows x (N, ...), numpy or torch, with a class for each row if `labels` (N,) are given.

    x is anything that `unstir.data.given` takes, and is not changed; the model does not hold it. A mapped array is read where it is needed.
    `network`, `schedule`, `target` and `encoder` are names, or parts of your own: a `torch.nn.Module` called as `network(x, t, cond)`, a
    `diffusion.Schedule`, a `diffusion.Target`, a subclass of `encoders.base.Encoder`. A `condition` of your own needs `given` (N, ...),
    the values of the rows. A network of your own is copied: your object stays as it is, and all weights of the copy are trained, those of
    frozen layers too. `groups` (N,): rows of one group are either all trained on or all held out. `minutes`: train for about this
    long. `progress`: whether to show progress; None shows it in notebooks and on terminals. Further settings are those of the command line
    by their last names: steps, lr, width, seed, held_out, ... Settings that are not given are chosen from the size of the data.

    `model.losses` has the losses of all steps. Raises DataError for data that cannot be used, UsageError for a wrong setting.
    """
    if isinstance(x, str):
        raise UsageError(f"fit takes an array, not the name '{x}'. Use unstir.data.load('{x}').values.")
    named = {"architecture": network, "schedule": schedule, "target": target, "encoder": encoder}
    settings |= {name: part for name, part in named.items() if isinstance(part, str)}
    brought = {"network": network, "schedule": schedule, "target": target, "encoder": encoder}
    own = Own(condition=condition, **{name: part for name, part in brought.items() if not isinstance(part, str)})
    if own.target is not None:
        settings = {"times": own.target.times, **settings}
    if (given is None) != (condition is None):
        raise UsageError("a condition of your own and the values of the rows go together: pass both condition=... and given=...")
    if labels is not None and condition is not None:
        raise UsageError("labels are a condition, and so is condition=...: give one of them.")
    if minutes is not None and ("steps" in settings or not minutes > 0):
        raise UsageError(f"minutes={minutes:g}: give a time above 0, and no steps: minutes chooses the number of steps.")
    began = time.monotonic()
    data = shared(x, labels, groups=groups, missing=resolve(flat(**settings)).data.missing)
    if condition is not None:
        data = replace(data, labels=_values(given, len(data)))
    fitting = Fitting(data, settle(data, flat(**settings)), own=own)
    if minutes is not None:
        left = 60 * minutes * STEADY - (time.monotonic() - began)
        planned = settle(data, flat(**settings), flat(steps=rehearse(fitting, REHEARSED).steps(left)))
        fitting = Fitting(data, planned, fitting.encoder, own)
    losses = [step.loss for step in shown(fitting, progress)]
    model = fitting.model()
    kind = "torch" if isinstance(x, Tensor) else "numpy"
    return replace(model, card=replace(model.card, kind=kind), losses=np.array(losses))


def _values(given: Any, rows: int) -> np.ndarray:
    """The values (N, ...) of a condition as an array. Raises UsageError unless there is one for each row."""
    values, _ = as_numbers(given, "given")
    if values.ndim == 0 or len(values) != rows:
        raise UsageError(f"given has shape {values.shape}, but there are {rows} rows: pass one value for each row.")
    kept = np.float32 if values.dtype == np.float64 else values.dtype.newbyteorder("=")
    return np.array(values, dtype=kept, order="C")
