"""A model's folder: the only part of a run to share, and how little of one from elsewhere is believed.

    config.json        the card: what the model is, besides its numbers
    model.safetensors  network.* (the averaged weights), encoder.shift and .scale (and an autoencoder's), error.log_snr, error.mse,
                       data.deviation
    README.md          for people            MANIFEST.json      the sha256 of each of these

The manifest says that the bytes are those that were written, not who wrote them. So nothing is executed, every word of the card is
looked at, and a size that it claims is compared with the tensors that are there before anything of that size is made: the network
is first built on torch's meta device, where a size costs no memory. Whatever does not fit is a StorageError.

    >>> card_from({"shape": [2], "kind": "numpy"})
    Traceback (most recent call last):
    ...
    unstir.errors.UsageError: schedule is missing
"""

import inspect
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from unstir.diffusion.denoiser import check_pair
from unstir.diffusion.schedules import schedule
from unstir.encoders.affine import ENCODERS, Affine, Encoder
from unstir.encoders.latent import NAME as LATENT
from unstir.encoders.latent import latent_from, make_autoencoder
from unstir.errors import StorageError, UsageError
from unstir.files import read_folder, storage_errors, write_folder
from unstir.information.mmse import ErrorCurve
from unstir.networks import make_network
from unstir.networks.autoencoder import Autoencoder

FORMAT = 1
MOST = 2**26  # elements of a row
DTYPES = (
    *("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
    *("float16", "bfloat16", "float32", "float64", "float128"),
)


@dataclass(frozen=True)
class Card:
    """What a model is, besides its numbers: JSON, one-to-one."""

    shape: tuple[int, ...]
    schedule: str
    schedule_settings: dict[str, Any]
    target: str
    network: str
    network_settings: dict[str, Any]
    encoder: str
    encoder_settings: dict[str, Any] = field(default_factory=dict)
    dtype: str = "float32"
    kind: str = "numpy"  # of array that was fitted: numpy or torch
    names: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    label_name: str = "class"  # of the column that held them
    class_counts: tuple[int, ...] = ()
    bounds: tuple[float, float] | None = None
    source: str = ""
    steps_trained: int = 0
    weights: str = "average"  # the exponential moving average, never the raw weights


class Parts(NamedTuple):
    """What a folder holds, and a model is made of."""

    card: Card
    network: nn.Module
    encoder: Encoder
    error: ErrorCurve
    deviation: Tensor


def write(path: Path, parts: Parts) -> None:
    """Write the folder, whole or not at all. Raises StorageError where it exists or cannot be written."""
    card, network, encoder, error, deviation = parts
    tensors = {f"network.{name}": weight for name, weight in network.state_dict().items()}
    tensors |= {f"encoder.{name}": value for name, value in encoder.tensors().items()}
    tensors |= {"error.log_snr": error.log_snr, "error.mse": error.mse, "data.deviation": deviation}
    write_folder(path, {"model": tensors}, {"config": {"format": FORMAT, **asdict(card)}}, {"README.md": _readme(card)})


def read(path: Path) -> Parts:
    """Read a model's folder, or that of the run around it, with the network ready to be asked.

    Raises StorageError for a folder that is missing, damaged, foreign or of a newer format, and for a run without a model yet.
    """
    with storage_errors(path):
        if (path / "model").is_dir():
            path = path / "model"
        elif (path / "run.json").is_file():
            raise StorageError(f"{path} has no model: {_how_it_ended(path / 'run.json')}")
    parts, documents = read_folder(path, ["model"], ["config"])
    raw, tensors = documents["config"], parts["model"]
    version = raw.pop("format", None)
    if not _whole(version, 1):
        raise StorageError(f"{path} does not hold a model of unstir: its config.json names no format.")
    if version != FORMAT:
        raise StorageError(
            f"{path} was written by a newer unstir, in format {version}; this one reads format {FORMAT}. Update it."
        )
    try:
        card = card_from(raw)
        network = _network_for(card, tensors)
    except UsageError as error:
        raise StorageError(
            f"{path} does not hold a model that fits together: {str(error).rstrip('.')}. Use another copy."
        ) from None
    held = {name.removeprefix("encoder."): value for name, value in tensors.items() if name.startswith("encoder.")}
    encoder = encoder_from(card.encoder, card.encoder_settings, held)
    return Parts(card, network, encoder, ErrorCurve(tensors["error.log_snr"], tensors["error.mse"]), tensors["data.deviation"])


def card_from(raw: Mapping[str, Any]) -> Card:
    """The card that a JSON object says. Raises UsageError naming the entry that is missing, unknown, or cannot be."""
    for name in raw:
        if name not in _ENTRIES:
            raise UsageError(f"{name!r:.60} is nothing that a card says")
    for name, (allowed, holds) in _ENTRIES.items():
        if name not in raw:
            raise UsageError(f"{name} is missing")
        if not holds(raw[name]):
            raise UsageError(f"{name} = {raw[name]!r:.60} has to be {allowed}")
    entries: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in raw.items()}
    card = Card(**entries)
    check_pair(schedule(card.schedule, **card.schedule_settings), card.target)
    space, _ = outline(card.encoder, card.encoder_settings, card.shape)
    own = {"dimension": math.prod(space)} if card.network == "mlp" else {"shape": list(space)}
    sizes = own | {"classes": len(card.classes)}
    if {name: card.network_settings.get(name) for name in sizes} != sizes:
        raise UsageError(f"its network is not one for rows of {space} and {sizes['classes']} classes")
    if card.names and card.shape != (len(card.names),):
        raise UsageError(f"{len(card.names)} names do not suit rows of {card.shape}")
    if len(set(card.classes)) != len(card.classes) or len(card.class_counts) != len(card.classes):
        raise UsageError(f"{len(card.classes)} classes need different names and a count each")
    if card.classes and not sum(card.class_counts):
        raise UsageError("class_counts are all zero")
    return card


def encoder_from(name: str, settings: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> Encoder:
    """The encoder with that name, these settings and numbers."""
    return latent_from(settings, tensors) if name == LATENT else Affine(name, tensors["shift"], tensors["scale"])


def outline(name: str, settings: Mapping[str, Any], shape: tuple[int, ...]) -> tuple[tuple[int, ...], dict[str, Any]]:
    """The model's space, and the shape and type of each tensor, of an encoder of rows of that shape, before anything of that size is made.

    Raises UsageError for settings that are not those of such an encoder.
    """
    wanted = dict.fromkeys(("shift", "scale"), (shape, torch.float64))
    if name != LATENT:
        if settings:
            raise UsageError(f"encoder {name} has no settings")
        return shape, wanted
    known = inspect.signature(Autoencoder).parameters
    if settings.keys() != known.keys() or settings["shape"] != list(shape):
        raise UsageError(f"its autoencoder is not one for rows of {shape}")
    with torch.device("meta"):
        network = make_autoencoder(settings)
    wanted |= {f"latent_{part}": (network.latent, torch.float64) for part in ("shift", "scale")}
    wanted |= {f"autoencoder.{part}": (tuple(w.shape), w.dtype) for part, w in network.state_dict().items()}
    return network.latent, wanted


def _how_it_ended(about: Path) -> str:
    """Why a run has no model yet, and what to do, by its `run.json`."""
    try:
        told = json.loads(about.read_bytes())
        status, why, steps = (told.get(name) for name in ("status", "why", "steps"))
    except (ValueError, AttributeError, RecursionError):
        return "what happened to it is not known, as its run.json is damaged."
    again = f"Go on with `unstir resume {about.parent}`."
    return {
        "running": f"it is being trained: wait. Or its training was killed: {again[0].lower()}{again[1:]}",
        "stopped": f"training stopped at step {steps}. {again}",
        "failed": f"training failed at step {steps} ({why}).",
    }.get(str(status), "it was taken away. Put it back, or train again.")


def _network_for(card: Card, tensors: Mapping[str, Tensor]) -> nn.Module:
    """The network of the card with the weights of the file. Raises UsageError where these are not all the tensors of such a model."""
    with torch.device("meta"):
        weights = make_network(card.network, card.network_settings).state_dict()
    space, encoder = outline(card.encoder, card.encoder_settings, card.shape)
    wanted = {f"network.{name}": (tuple(weight.shape), weight.dtype) for name, weight in weights.items()}
    levels = len(tensors["error.log_snr"]) if "error.log_snr" in tensors and tensors["error.log_snr"].ndim else 0
    wanted |= {f"encoder.{name}": what for name, what in encoder.items()}
    wanted |= {"error.log_snr": ((levels,), torch.float64), "error.mse": ((levels, *space), torch.float64)}
    wanted |= {"data.deviation": (card.shape, torch.float64)}
    for name in sorted(wanted.keys() | tensors.keys()):
        found = (tuple(tensors[name].shape), tensors[name].dtype) if name in tensors else None
        if found != wanted.get(name):
            raise UsageError(f"tensor {name!r:.60} is {found or 'missing'} and has to be {wanted.get(name, 'left out')}")
        if not tensors[name].isfinite().all():
            raise UsageError(f"tensor {name} holds numbers that are not finite")
    if levels < 2 or not (tensors["error.log_snr"].diff() > 0).all():
        raise UsageError("the levels of error.log_snr have to be two or more, and rise")
    if any((tensors[name] < 0).any() for name in ("encoder.scale", "error.mse", "data.deviation")):
        raise UsageError("encoder.scale, error.mse and data.deviation cannot be negative")
    network = make_network(card.network, card.network_settings)
    network.load_state_dict({name: tensors[f"network.{name}"] for name in weights})
    return network.eval().requires_grad_(False)


def _readme(card: Card) -> str:
    lines = [f"# A diffusion model of {card.source or 'an array'}", ""]
    lines += [f"Rows of shape {card.shape}, {card.dtype}" + (f"; classes: {', '.join(card.classes)}." if card.classes else ".")]
    lines += [
        f"{card.schedule} schedule, {card.target} target, {card.network} {card.network_settings}, {card.steps_trained} steps."
    ]
    lines += ["The weights are the exponential moving average.", "", "```python", "import unstir", ""]
    lines += ['model = unstir.load("this-folder")', "x = model.sample(1000)", "```", ""]
    return "\n".join(lines)


def _whole(value: Any, low: int = 0, high: int = 2**53) -> bool:
    return type(value) is int and low <= value <= high


def _text(value: Any) -> bool:
    return isinstance(value, str) and not any("\ud800" <= c <= "\udfff" for c in value)  # half a character cannot be written


def _name(value: Any) -> bool:
    return isinstance(value, str) and value.isidentifier() and len(value) < 40


def _number(value: Any) -> bool:
    return type(value) in (int, float) and abs(value) <= 2**53


def _each(holds: Callable[[Any], bool], value: Any) -> bool:
    return isinstance(value, list) and all(map(holds, value))


def _settings(value: Any) -> bool:
    return isinstance(value, dict) and all(map(_name, value))  # the values, the schedule and the network check themselves


_ENTRIES: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "shape": (
        f"whole numbers from 1 on, {MOST:,} elements at most",
        lambda v: _each(lambda size: _whole(size, 1, MOST), v) and 0 < len(v) < 64 and math.prod(v) <= MOST,
    ),
    "schedule": ("a name", _name),
    "schedule_settings": ("settings by name", _settings),
    "target": ("a name", _name),
    "network": ("a name", _name),
    "network_settings": ("settings by name", _settings),
    "encoder": (" or ".join((*ENCODERS, LATENT)), lambda v: _text(v) and v in (*ENCODERS, LATENT)),
    "encoder_settings": ("settings by name", _settings),
    "dtype": (f"one of {', '.join(DTYPES)}", lambda v: _text(v) and v in DTYPES),
    "kind": ("numpy or torch", lambda v: v in ("numpy", "torch")),
    "names": ("texts", lambda v: _each(_text, v)),
    "classes": ("texts", lambda v: _each(_text, v)),
    "label_name": ("a text", _text),
    "class_counts": ("whole numbers from 0 on", lambda v: _each(_whole, v)),
    "bounds": (
        "null, or two numbers, the lower first",
        lambda v: v is None or (_each(_number, v) and len(v) == 2 and v[0] < v[1]),
    ),
    "source": ("a text", _text),
    "steps_trained": ("a whole number from 0 on", _whole),
    "weights": ("average", lambda v: v == "average"),
}
