"""`unstir.fit`: train a model on an array in one line.

>>> import numpy as np
>>> model = fit(np.random.default_rng(0).normal(size=(300, 2)), steps=20)
>>> model.sample(5).shape, len(model.losses)
((5, 2), 20)
"""

import logging
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from torch import Tensor

from unstir.data import Data
from unstir.data.arrays import from_arrays
from unstir.data.given import as_numbers
from unstir.data.opacity import WHITE, on_white
from unstir.data.problems import Problem
from unstir.data.tables.libraries import LIBRARIES, library_of
from unstir.encoders.registry import ENCODERS
from unstir.errors import UsageError
from unstir.model.model import Model
from unstir.model.own import Own
from unstir.steady import steady
from unstir.training.allowance import Allowance
from unstir.training.config import Config, flat, resolve
from unstir.training.cost import MOST_MINUTES
from unstir.training.fitting import Fitting
from unstir.training.loop import read
from unstir.training.minutes import curves, promised
from unstir.training.presets import settle
from unstir.training.problem import ANSWERS
from unstir.training.problems import problems_of_data, problems_of_settings
from unstir.training.progress import shown
from unstir.training.starting import Start, start_from
from unstir.training.threads import for_training, using


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
    start: Any = None,
    minutes: float | None = None,
    progress: bool | None = None,
    **settings: Any,
) -> Model:
    """Train a model on rows x (N, ...), numpy or torch, with a class for each row if `labels` (N,) are given.

    `given` is what else is known of each row, and what a sample can be asked for: a dict of arrays (N,) or (N, k), of numbers, booleans or
    text, or the names of columns of x, as in given=["price", "island"]. Then `model.sample(100, given={"price": 3.2})`; what is left out
    is not known. A missing value of `given` counts as not given. An array (N, ...) is a picture or a sequence beside each row.

    x may be a table with named columns: a data frame (pandas, polars, pyarrow), a structured array, a dict of columns. The model keeps the
    names, and matches by them what comes back to it. Then `labels` and `groups` may be the names of columns, as in labels="species".
    x is anything that `unstir.data.given` takes, and is not changed; the model does not hold it. A mapped array is read where it is needed.
    `network`, `schedule`, `target` and `encoder` are names, or parts of your own: a `torch.nn.Module` called as `network(x, t, cond)`, a
    `diffusion.Schedule`, a `diffusion.Target`, a subclass of `encoders.base.Encoder`. A `condition` of your own needs `given` (N, ...),
    the values of the rows. A network of your own is copied: your object stays as it is, and all weights of the copy are trained, those of
    frozen layers too. `groups` (N,): rows of one group are either all trained on or all held out. `minutes`: train for about this
    long. `progress`: whether to show progress; None shows it in notebooks and on terminals. Further settings are those of the command line
    by their last names: steps, lr, width, seed, held_out, ... Settings that are not given are chosen from the size of the data.
    `start`: a model, or the folder of one or of its run, whose weights training starts from in place of random ones: `training.starting`.
    Settings that are not given are then its own, and its encoder is kept unless scale="fitted".

    What a person should know about the data and the settings is one line of the log "unstir", with the number of further ones.
    The model is that of the step with the lowest held-out loss, and training ends early if that loss has risen for a quarter of the steps;
    the log then says so. keep="last" asks for the model of the last step: `training.keeping`.

    `model.losses` has the losses of all steps. Raises DataError for data that cannot be used, UsageError for a wrong setting.
    """
    if isinstance(x, str):
        raise UsageError(f"fit takes an array, not the name '{x}'. Use unstir.data.load('{x}').values.")
    named = {"architecture": network, "schedule": schedule, "target": target, "encoder": encoder}
    settings |= {name: part for name, part in named.items() if isinstance(part, str)}
    brought = {"network": network, "schedule": schedule, "target": target, "encoder": encoder}
    begins = start_of(start, settings)
    if begins is not None and given is not None and condition is None and "condition" in begins.model.card.own:
        condition = begins.model.condition
    own = Own(condition=condition, **{name: part for name, part in brought.items() if not isinstance(part, str)})
    if begins is not None:
        own = replace(
            begins.own(own, without=[name for name, part in brought.items() if isinstance(part, str)]), condition=condition
        )
    if own.target is not None:
        settings = {"times": own.target.times, **settings}
    if given is None and condition is not None:
        raise UsageError("a condition of your own and the values of the rows go together: pass both condition=... and given=...")
    if labels is not None and given is not None:
        raise UsageError("labels are a condition, and so is given=...: give one of them, the class among what is given.")
    columns_given = names_of(given) if condition is None else ()
    if isinstance(labels, str):
        settings = {"labels": labels, **settings}  # the samples' column of classes is called so too
    if minutes is not None and ("steps" in settings or not 0 < minutes <= MOST_MINUTES):
        raise UsageError(
            f"minutes={minutes:g}: give a time above 0 and of a year at most, and no steps: minutes chooses the number of steps."
        )
    began = time.monotonic()
    layers, there = [flat(**settings)], begins.of_arrays if begins else {}
    settled = resolve(there, *layers)
    asked = settled.data
    beside = None if columns_given or condition is not None else given
    how = {"missing": asked.missing, "axes": asked.axes, "columns": settled.columns}
    data = from_arrays(x, labels, groups=groups, copy=False, given=beside, **how)
    data = data.with_given(columns_given) if columns_given else data
    data = on_white(data) if asked.alpha == WHITE else data
    if begins is not None:
        data, columns = begins.columns(data)
        layers = [there, columns, *layers]
    if any(part is not None for part in (own.network, own.target, own.encoder)):  # they see one number for each column
        layers = [{"data": {"encoder": ENCODERS.default}}, *layers]
    if condition is not None:  # the preset, which does not know it, might ask for the mean over rows of other conditions
        layers = [flat(answer=ANSWERS[0]), *layers]
    known, config = data, settle(data, *layers)
    if condition is not None:
        data = replace(data, given=_values(given, len(data)))
    fitting = Fitting(data, config, own=own, start=begins)
    if minutes is not None:
        first = fitting

        def made(settings: Config) -> Fitting:
            return first if settings == first.config else Fitting(data, settings, first.encoder, own, begins)

        allowance = Allowance(60 * minutes, began)
        decided, _ = promised(made, known, layers, allowance, curves)
        config = settle(known, *layers, decided)
        fitting = Fitting(data, config, first.encoder, own, begins)
        fitting.allowance, fitting.effort = allowance, allowance.effort
    _say(problems_of_settings(known, config, flat(**settings), own), known, config, fitting)
    with using(for_training(fitting)):
        losses = read([step.loss for step in shown(fitting, progress)])
        if fitting.keeping.risen:
            logging.getLogger("unstir").warning("unstir.fit: " + fitting.keeping.said)
        model = fitting.model()
    kind = "torch" if isinstance(x, Tensor) else library if (library := library_of(x)) in LIBRARIES else "numpy"
    return replace(model, card=replace(model.card, kind=kind), losses=np.array(losses))


def _say(settings: list[Problem], data: Data, config: Config, fitting: Fitting) -> None:
    """What a person should know before training, in one line of the log "unstir", which Python shows on stderr.

    That is how the data was read, as which columns were left out, the worst of the problems, and how many more there are. It is no warning
    of Python's: those can be turned into errors, and training would depend on that.
    """
    if fitting.started:
        logging.getLogger("unstir").info("unstir.fit: " + fitting.started)
    found = [*fitting.far_from_start, *(problem.text for problem in (*settings, *problems_of_data(data, config)))]
    rest = [f"And {len(found) - 1:,} more: unstir.data.survey(unstir.data.from_arrays(x)).problems"] if len(found) > 1 else []
    if said := [*data.notes, *found[:1], *rest]:
        logging.getLogger("unstir").warning("unstir.fit: " + " ".join(said))


def start_of(start: Any, settings: Mapping[str, Any]) -> Start | None:
    """The model to start from: the one that was passed, or else the one that the settings name; None if there is none."""
    named = resolve(flat(**settings)).start
    model = named.run if start is None else start
    return None if model is None else start_from(model, named.sha256)


def names_of(given: Any) -> tuple[str, ...]:
    """The names of columns, if what is given are names; () for values.

    >>> names_of("price"), names_of(["price", "island"]), names_of({"price": [3.2]})
    (('price',), ('price', 'island'), ())
    """
    if isinstance(given, str):
        return (given,)
    is_names = isinstance(given, list | tuple) and len(given) > 0 and all(isinstance(name, str) for name in given)
    return tuple(given) if is_names else ()


def _values(given: Any, rows: int) -> np.ndarray:
    """The values (N, ...) of a condition as an array. Raises UsageError unless there is one for each row."""
    values, _ = as_numbers(given, "given")
    if values.ndim == 0 or len(values) != rows:
        raise UsageError(f"given has shape {values.shape}, but there are {rows} rows: pass one value for each row.")
    kept = np.float32 if values.dtype == np.float64 else values.dtype.newbyteorder("=")
    return np.array(values, dtype=kept, order="C")
