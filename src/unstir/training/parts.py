"""From settings to parts: the encoder, the condition and the network of a training run, by name or as the caller's own."""

import copy
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from torch import nn

from unstir.conditions.base import Condition, Several
from unstir.conditions.columns import Columns
from unstir.conditions.grid import Grid, kept_rows
from unstir.conditions.registry import CONDITIONS
from unstir.conditions.together import Together
from unstir.data import Data
from unstir.data.layouts import Layout
from unstir.devices import pick
from unstir.diffusion.denoiser import Target, target
from unstir.diffusion.readings import AFFINE, Reading
from unstir.encoders.base import Encoder, Fit, FitOptions, Fitted
from unstir.encoders.registry import ENCODERS
from unstir.encoders.rows import EncodedRows, encoded_levels, parts, states_of, views
from unstir.encoders.turned import kind_for
from unstir.errors import UsageError
from unstir.model.own import Own
from unstir.networks.building import make_network, settings_for
from unstir.networks.plain import in_float32
from unstir.training.config import KEPT, Config
from unstir.training.starting import Start
from unstir.words import listed

AUTOENCODER = 1e10  # multiply-adds of one call in its training: convolutions of 64 images
NO_LABELS = "none"  # in place of the name of a column or an array


def encoder_fit(training: Data, config: Config, own: Own, start: Start | None = None) -> Fit:
    """The fitting of the encoder to these rows; the caller drives its updates, if it has any. Raises what the encoder's `begin` raises.

    With a `start`, the encoder is that of the other model, if it can be kept.
    """
    if start is not None and (kept := start.encoder_for(training, config, own)) is not None:
        return Fitted(kept)
    device, lies = str(pick(config.device, AUTOENCODER).device), training.layout
    options = FitOptions(config.seed, config.optim.precision, device, config.autoencoder.model_dump(), lies, training.table)
    kind = kind_for(own.encoder or ENCODERS[config.data.encoder], lies, own.network is not None)
    return kind.begin(views(training.rows, config.data.flip, lies), options)


def with_its_classes(data: Data, config: Config) -> Data:
    """The data as it is trained on: without its classes if the settings say `--data.labels none`."""
    return replace(data, labels=None, classes=()) if data.classes and config.data.labels == NO_LABELS else data


def condition_for(training: Data, config: Config, start: Start | None = None) -> Condition | None:
    """The condition on what the training rows are given, or on their classes, with the counts of those; None if there is neither.

    With a `start`, what is given keeps the scale of the other model. Raises UsageError where that is given other columns or categories.
    """
    made = told_by(training, config.seed)
    if made is not None:
        before = None if start is None else start.model.condition
        if start is None or not isinstance(before, Several):
            return made
        if made.meant != before.meant:
            raise UsageError(
                f"{start.name} is given {listed(before.names)}, and these rows are given {listed(made.names)}. Both need the same columns in "
                "the same order, of the same kinds, with the same categories, and arrays of the same shapes."
            )
        return made if config.start.scale != KEPT else made.scaled_like(before)
    if not training.classes or training.labels is None:
        return None
    counts = np.bincount(training.labels, minlength=len(training.classes)).tolist()
    column = label_name(config.data.labels, training.names)
    return CONDITIONS[CONDITIONS.default].build({"names": list(training.classes), "counts": counts, "column": column})


def told_by(training: Data, seed: int) -> Several | None:
    """The condition on what the training rows are given, columns and arrays; None if they are given nothing, or values of a caller's own."""
    table, codes, beside = training.given_table, training.given, training.beside
    columns = [] if table is None or codes is None else [Columns.fitted(table, codes, seed)]
    if len(columns) + len(beside) < 2:
        return next(iter([*columns, *(Grid.fitted(one, seed=seed) for one in beside)]), None)
    which = kept_rows(len(training), sum(math.prod(one.shape) for one in beside) + sum(len(one.names) for one in columns), seed)
    parts = [replace(one, seen=one.seen[:1]) for one in columns] + [Grid.fitted(one, which[:1]) for one in beside]
    made = Together.of(parts)
    return made.with_seen(made.values(training.take(which).told, len(which)))


def network_for(
    config: Config, encoder: Encoder, lies: Layout | None, condition: Condition | None, own: Own, reading: Reading = AFFINE
) -> tuple[dict[str, Any], Callable[[int], nn.Module]]:
    """The network's settings, and a function that makes it from a seed: a copy of the caller's own, or a fresh one by name.

    `lies` is how rows of the model's space lie; `reading` is how its answer is read.

    Raises UsageError if the network is for images or sequences and the rows are neither, or if it cannot return so many numbers.
    """
    mine = own.network
    if mine is not None:
        return {}, lambda seed: in_float32(copy.deepcopy(mine)).requires_grad_(True)  # noqa: ARG005
    name, axis = config.network.architecture, lies.channel_axis if lies else None
    settings = settings_for(
        name, config.network.model_dump(), encoder.space, axis, lies is not None, reading.answers, reading.needs_states
    )
    return settings, lambda seed: make_network(name, settings, condition, seed)


def target_for(config: Config, own: Own, encoder: Encoder, levels: Sequence[float] | None, rows: Sequence[EncodedRows]) -> Target:
    """The target of the settings or the caller's own, its reading fitted to the training rows and other views of them, such as mirror images.

    `levels` are those of the data, in its units. Raises UsageError if the target is not for such data.
    """
    chosen = own.target or target(config.diffusion.target)
    if chosen.reading.needs_states:
        return replace(chosen, reading=chosen.reading.fitted(states_of(encoder), ()))
    if not chosen.reading.needs_levels:
        return chosen
    encoded = (encoder.encode(part) for view in rows for part in parts(view.rows))
    return replace(chosen, reading=chosen.reading.fitted(None if levels is None else encoded_levels(levels, encoder), encoded))


def label_name(labels: str | None, names: tuple[str, ...]) -> str:
    """The name of a column of classes beside columns of these `names`: its name in the table that it came from, or `class`.

    >>> label_name("pet", ("size",)), label_name(None, ("size", "class")), label_name("2", ())
    ('pet', 'class_', 'class')
    """
    name = labels if labels and labels != NO_LABELS and names else "class"
    while name in names:
        name += "_"
    return name
