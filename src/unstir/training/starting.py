"""Training that starts from the weights of another model, in place of random ones.

    tensor of the same name and shape      taken over                                                                   (1)
    a row for each class                   taken over by the name of the class; new classes start at random             (2)
    tensor that only one model has         starts at random, or is left behind                                          (3)
    tensor of another shape                refused, with both shapes                                                    (4)
    encoder                                kept if the rows have the same shape, so that the weights see the scale that they know
    optimiser, average, learning rate      begin anew: warm-up, then a cosine, as in every training

The weights are the averaged ones, which a model's folder has. Settings that nobody has set are those of the other run, but for the number
of steps. Columns go by their names.

    >>> import numpy as np, unstir
    >>> x = np.random.default_rng(0).normal(5, 2, (200, 2))
    >>> first = unstir.fit(x, steps=20)
    >>> more = unstir.fit(x, start=first, steps=1, lr=1e-12)
    >>> bool(np.abs(more.sample(3) - first.sample(3)).max() < 1e-4)
    True
"""

import csv
import hashlib
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from unstir.conditions.base import Condition
from unstir.data import Data
from unstir.data.matching import Known, matched
from unstir.data.readers import in_order, in_schema
from unstir.data.statistics import statistics
from unstir.encoders.base import Encoder
from unstir.encoders.registry import ENCODERS
from unstir.encoders.rows import parts
from unstir.encoders.turned import kind_for, type_of
from unstir.errors import DataError, StorageError, UsageError
from unstir.model.model import Model, load
from unstir.model.own import Own
from unstir.networks.plain import plain_state
from unstir.training.config import KEPT, Config, Network, merge
from unstir.training.config_file import read_config
from unstir.words import counted, listed, short, spelled

OF_ARRAYS = ("encoder", "flip", "held_out", "axes")  # settings of a run's data that hold for an array too
LOOKED_AT = 4096  # rows whose scale is compared with that of the other model's rows
FAR, WIDE = 3.0, 3.0  # standard deviations of the mean, and a factor of the deviation, from which a person is warned

Settings = Mapping[str, Any]


class TakenOver(NamedTuple):
    """What the weights of a network were before training: numbers of tensors and, in words, what was not taken over."""

    taken: int
    tensors: int
    more: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Start:
    """A model to start from, the folder that it is in ("" for an object), and the settings of its run as far as they are known."""

    model: Model
    folder: str = ""
    settings: Settings = field(default_factory=dict)

    @property
    def name(self) -> str:
        """What the model is called in a message."""
        return spelled(self.folder) or "the model"

    @cached_property
    def sha256(self) -> str:
        """The SHA-256 of everything that is taken over: the card, and all tensors of network and encoder by name, in hexadecimal."""
        digest = hashlib.sha256(json.dumps(self.model.card.as_json(), sort_keys=True).encode())
        for tensors in (plain_state(self.model.network), self.model.encoder.tensors()):
            for name, value in sorted(tensors.items()):
                digest.update(f"{name} {value.dtype} {tuple(value.shape)} ".encode())
                digest.update(value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data)
        return digest.hexdigest()

    @property
    def inherited(self) -> dict[str, Any]:
        """The settings of the other model, as far as they decide its weights, and of its run where that is known."""
        card, own = self.model.card, self.model.card.own
        schedule = dict(card.schedule_settings)
        diffusion = {"T": schedule.pop("T", None), "settings": schedule, "schedule": card.schedule, "target": card.target}
        if "schedule" in own:
            diffusion = {"target": card.target}
        if "target" in own:
            del diffusion["target"]
        network = {"architecture": card.network} | {
            name: value for name, value in card.network_settings.items() if name in Network.model_fields
        }
        described = {
            "diffusion": {name: value for name, value in diffusion.items() if value is not None},
            "network": {} if "network" in own else network,
            "data": {} if "encoder" in own else {"encoder": card.encoder},
            "start": {"sha256": self.sha256},
        }
        return merge(self.settings, described)

    @property
    def of_arrays(self) -> dict[str, Any]:
        """`inherited` without what says how a file is read; for rows that lie in space, which axis is what."""
        axes = {"axes": self.model.card.axes} if len(self.model.card.shape) > 1 else {}
        data = {name: value for name, value in self.inherited["data"].items() if name in OF_ARRAYS}
        return self.inherited | {"data": axes | data}

    def own(self, brought: Own, without: Sequence[str] = ()) -> Own:
        """The caller's own parts that the model was trained with, unless they are brought again, and those `without`."""
        held: dict[str, Any] = {"network": self.model.network, "schedule": self.model.schedule, "target": self.model.target}
        held |= {"encoder": type_of(self.model.encoder), "condition": self.model.condition}
        return Own(**{part: held[part] for part in self.model.card.own if part not in without} | brought.parts)

    def columns(self, data: Data) -> tuple[Data, Settings]:
        """The rows with their columns in the model's order, and the setting that reads them so.

        Cells of a table get the codes that the model has for them. Raises DataError unless both have the same columns, if both have names,
        and for a cell that the model does not know.
        """
        data, settings = self._in_order(data)
        schema = self.model.card.schema
        if schema is not None and data.table is not None and data.names == schema.names and data.table.meant != schema.meant:
            data = in_schema(data, schema, self.name)
        elif schema is None and data.mixed:
            raise DataError(
                f"{data.source} is a table of mixed columns, and {self.name} was trained on rows of numbers. Train without it."
            )
        return data, settings

    def _in_order(self, data: Data) -> tuple[Data, Settings]:
        names = self.model.card.names
        if not names and data.names and len(data.shape) == 1:
            return replace(data, notes=(*data.notes, *matched((), data.names, data.source).notes)), {}
        if not names or data.names == names:
            return data, {}
        extra = [name for name in data.names if name not in names]
        if extra and set(names) <= set(data.names):
            quoted = listed([f"'{short(name)}'" for name in extra[:8]])
            raise DataError(
                f"{data.source}: {quoted} {'is' if len(extra) == 1 else 'are'} not known to {self.name}, which was trained on "
                f"{listed([short(name) for name in names[:8]])}. Choose its columns, --data.columns {as_text(names)}, or train without it."
            )
        data = in_order(data, Known(names))
        return data, {"data": {"columns": as_text(names)}} if data.names == names else {}

    def encoder_for(self, training: Data, config: Config, own: Own) -> Encoder | None:
        """The model's encoder, if it is to be kept and can be; None if one has to be fitted, and then `why_fitted` says why."""
        return None if self.why_fitted(training, config, own) else self.model.encoder

    def why_fitted(self, training: Data, config: Config, own: Own) -> str:
        """Why the encoder is fitted to these rows, in words; "" if it is kept."""
        card, encoder = self.model.card, self.model.encoder
        if config.start.scale != KEPT:
            return "as asked for"
        if (card.shape, card.layout) != (training.shape, training.layout):
            return f"for rows of {training.shape}, {training.axes.letters}, in place of {card.shape}, {card.axes}"
        if kind_for(own.encoder or ENCODERS[config.data.encoder], training.layout, own.network is not None) is not type(encoder):
            return f"because it is another one than {card.encoder}"
        if (
            merge({"autoencoder": config.autoencoder.model_dump()}, self.settings).get("autoencoder")
            != config.autoencoder.model_dump()
        ):
            return "because its settings are others"
        if encoder.constant.any():
            found = statistics(parts(training.rows))
            varies = (encoder.constant & (found.low < found.high)[0]).flatten()
            if varies.any():
                return f"because {training.place(int(varies.nonzero()[0]))} never varied there and varies here"
        return ""

    def warnings(self, training: Data, encoder: Encoder) -> list[str]:
        """Sentences about rows that are far from those of the other model, in its scale."""
        if encoder is not self.model.encoder:
            return []
        z = encoder.encode(torch.as_tensor(training.rows[:LOOKED_AT])).double().flatten(1)
        mean, deviation = z.mean(0), z.std(0)
        off = torch.maximum(mean.abs() / FAR, deviation / WIDE)
        if off.max() <= 1:
            return []
        at = int(off.argmax())
        place = training.place(at) if encoder.space == training.shape else f"number {at} of a row"
        return [
            f"in the scale of {self.name}, {place} has mean {mean[at]:.3g} and deviation {deviation[at]:.3g} here, where it had about 0 "
            "and 1. If the rows are of another kind, fit a scale of their own: --start.scale fitted."
        ]

    def take_over(self, network: nn.Module, condition: Condition | None, shape: tuple[int, ...]) -> TakenOver:
        """Copy the model's weights into a network, in place, by (1) to (4); `shape` is that of the rows, for the message.

        Raises UsageError where a tensor has another shape, DataError where the reason is the shape of the rows.
        """
        there, here = plain_state(self.model.network), plain_state(network)
        by_class = _by_class(network)
        classes = self.model.classes, condition.classes if condition else ()
        if not there.keys() & here.keys():
            self._refuse(shape, "it is another network, which has no tensor in common with this one")
        new, more, taken = [], [], 0
        with torch.no_grad():
            for name, value in here.items():
                old = there.get(name)
                if old is None:
                    new.append(name)
                elif name in by_class and all(classes) and old.shape[1:] == value.shape[1:]:
                    taken += 1
                    more += _rows_by_class(value, old, *classes)
                elif old.shape == value.shape:
                    value.copy_(old)
                    taken += 1
                else:
                    self._refuse(shape, f"'{name}' has the shape {tuple(old.shape)} there and {tuple(value.shape)} here")
        left = [name for name in there if name not in here]
        more += [f"new: {_some(new)}"] if new else []
        more += [f"left behind: {_some(left)}"] if left else []
        return TakenOver(taken, len(here), tuple(more))

    def _refuse(self, shape: tuple[int, ...], why: str) -> None:
        card = self.model.card
        if card.shape != shape:
            raise DataError(
                f"{self.name} was trained on rows of {card.shape}, and these are {shape}, so it cannot be the start: {why}."
            )
        raise UsageError(
            f"{self.name} cannot be the start: {why}. Leave out the settings of the network, which are then those of {self.name}."
        )


def start_from(model: str | Path | Model, sha256: str | None = None) -> Start:
    """The start that a model, its folder or the folder of its run is. Raises what `load` raises, and StorageError for another `sha256`."""
    if isinstance(model, Model):
        return Start(model)
    folder = Path(model).expanduser()
    settings = read_config(folder / "config.toml") if (folder / "config.toml").is_file() else {}
    held = {
        name: dict(value) if isinstance(value, dict) else value
        for name, value in settings.items()
        if name not in ("start", "device")
    }
    held.get("data", {}).pop("source", None)
    held.get("optim", {}).pop("steps", None)
    start = Start(load(folder), str(model), held)
    if sha256 is not None and start.sha256 != sha256:
        raise StorageError(
            f"{model} is not the model that training started from: its sha256 is {start.sha256[:12]}..., and {sha256[:12]}... was noted. "
            "Bring the old one back, or start from this one: --from."
        )
    return start


def said(start: Start, taken: TakenOver, why_fitted: str) -> str:
    """What is taken over, in a sentence."""
    encoder = f"its encoder is fitted anew, {why_fitted}" if why_fitted else "its encoder is kept"
    more = "".join(f"; {words}" for words in taken.more)
    return (
        f"starts from {start.name}, after {counted(start.model.card.steps_trained, 'step')}: {taken.taken} of "
        f"{counted(taken.tensors, 'tensor')} taken over{more}; {encoder}."
    )


def as_text(names: Sequence[str]) -> str:
    """Names as the setting `data.columns` has them: with commas, and quotes where a name needs them.

    >>> as_text(["age", "income, net"])
    'age,"income, net"'
    """
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow(names)
    return text.getvalue()


def _by_class(network: nn.Module) -> set[str]:
    """The names of the tensors whose rows are the classes, and a last one that is none of them."""
    return {
        f"{name}.weight".lstrip(".") for name, part in network.named_modules() if getattr(part, "has_row_for_each_class", False)
    }


def _rows_by_class(value: Tensor, old: Tensor, there: Sequence[str], here: Sequence[str]) -> list[str]:
    """Copy the rows of classes that both have, and the last row; in words, which classes are new and which are gone."""
    for number, name in enumerate(here):
        if name in there:
            value[number] = old[there.index(name)]
    value[-1] = old[-1]
    new, gone = ([name for name in these if name not in those] for these, those in ((here, there), (there, here)))
    return [f"{words}: {_some(names)}" for words, names in (("new classes", new), ("classes left behind", gone)) if names]


def _some(names: Sequence[str]) -> str:
    return listed([short(name) for name in names[:6]] + ([counted(len(names) - 6, "other")] if len(names) > 6 else []))
