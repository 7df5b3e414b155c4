"""A model is loaded from its own folder, from a finished run, or from a run that is not finished.

    finished                         the model in model/
    stopped, failed, in training     the weights kept by the newest whole checkpoint, and a warning that says so          (1)

(1) writes nothing, and does not disturb a process that trains. It needs the data of the run: the model's error by noise level is measured
on the held-out rows.
"""

import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import Tensor

from unstir.errors import StorageError, UnstirWarning, UsageError
from unstir.files import storage_errors
from unstir.model import model as finished
from unstir.model.model import Model
from unstir.runs.about import ABOUT, read_status
from unstir.runs.checkpoints import read_checkpoint
from unstir.runs.data import read_data, read_encoder
from unstir.steady import steady
from unstir.training.config import resolve
from unstir.training.config_file import read_config
from unstir.training.fitting import Fitting

State = tuple[dict[str, Tensor], dict[str, Any]]
"""Tensors and document of a checkpoint."""


@steady
def load(path: str | Path, precision: str = "float32", device: str = "cpu", **own: Any) -> Model:
    """Read a model's folder, or the model of a run's folder. Nothing in it is executed. `precision` is that of sampling.

    It computes on the `device`: "cpu", "cuda", "cuda:1", "mps", or "auto" for a GPU if there is one and the network is large enough for it.

    Of a run that is not finished, this is the model of its newest checkpoint, with an `UnstirWarning`. If the model was trained with parts of
    your own, pass them again: `network`, `schedule`, `target`, `encoder`, `condition`.
    Raises StorageError for a folder that is missing, damaged, foreign or of a newer format, and for a run without a checkpoint yet;
    UsageError for a part of your own that is missing, or that the model was trained without.
    """
    path = Path(path)
    checkpoint = read_checkpoint(path) if is_unfinished(path) else None
    if checkpoint is None:
        return finished.load(path, precision, device, **own)
    if own:
        raise UsageError(f"{path} was trained without parts of your own. Leave {', '.join(own)} out.")
    config = resolve(read_config(path / "config.toml"), {"device": device})
    try:
        fitting = Fitting(read_data(path, config), config, read_encoder(path))
    except StorageError as error:
        raise StorageError(f"{error} The model of a run that is not finished is made of its checkpoint and its data.") from None
    return replace(of_checkpoint(path, fitting, checkpoint).to(device), precision=precision)


def is_unfinished(path: Path) -> bool:
    """Whether this is the folder of a run that has no model yet."""
    with storage_errors(path):
        return (path / ABOUT).is_file() and not (path / "model").is_dir()


def of_checkpoint(path: Path, fitting: Fitting, checkpoint: State) -> Model:
    """The model of a checkpoint of the run at `path`; its fitting is changed to that state. Warns that this is no finished model."""
    tensors, document = checkpoint
    fitting.restore(tensors, document)
    status, model = read_status(path)["status"], fitting.model()
    at = model.card.steps_trained
    which = "the averaged weights of the newest checkpoint"
    if at < document["step"]:
        which = f"of all averaged weights up to the newest checkpoint, at step {document['step']:,}, those with the lowest held-out loss"
    said = (
        f"{path} is {'still in training' if status == 'running' else status} and has no finished model. This is the model of step "
        f"{at:,} of {fitting.recipe.steps:,}: {which}."
    )
    warnings.warn(UnstirWarning(said), stacklevel=4)  # the call of `load`
    return model
