"""A model's folder, the part of a run that is shared: it is written as a whole, and checked when it is read.

    config.json        the card: everything that describes the model but its tensors
    model.safetensors  network.* (the averaged weights), encoder.* (its numbers), error.log_snr and error.mse, data.deviation,
                       if it has a blend, its Gaussian and its shares: blend.*, what its target counts in the data: target.*, and
                       what pictures rows were given: condition.seen
    README.md          for people            MANIFEST.json      the sha256 of each of these

The manifest shows that the bytes are those that were written, but not who wrote them. So nothing is executed, and every entry of the
card is checked. A size that the card claims is compared with the tensors of the file before anything of that size is made: the network
is first built on torch's meta device, where it takes no memory. Anything that does not fit together is a StorageError.
"""

import copy
import json
import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from unstir.conditions.base import Condition, OnGrid, Several
from unstir.diffusion.blending import WIDE, Blend
from unstir.diffusion.denoiser import Target, check_pair, target
from unstir.diffusion.oracles import Independent
from unstir.diffusion.schedules import Schedule, schedule
from unstir.encoders.base import Encoder
from unstir.encoders.registry import ENCODERS
from unstir.encoders.rows import encoded_levels, states_of
from unstir.encoders.turned import kind_for
from unstir.errors import StorageError, UsageError
from unstir.files import read_folder, storage_errors, write_folder
from unstir.information.mmse import ErrorCurve
from unstir.model.card import Card, card_from, condition_of, readme
from unstir.model.own import NOTHING_OWN, Own
from unstir.networks.building import make_network, settings_for
from unstir.networks.plain import in_float32, plain_names, plain_state
from unstir.words import quoted

FORMAT = 1
BLEND = ("blend.means", "blend.variances", "blend.directions", "blend.log_snr", "blend.share")

SEEN, ABSENT = (
    "condition.seen",
    torch.finfo(torch.float32).max,
)  # what was given to rows of the training data; this stands for NaN


class Parts(NamedTuple):
    """The parts that a folder holds, and that a model is made of."""

    card: Card
    network: nn.Module
    encoder: Encoder
    error: ErrorCurve
    deviation: Tensor
    schedule: Schedule
    target: Target
    condition: Condition | None
    blend: Blend | None


def write(path: Path, parts: Parts) -> None:
    """Write the folder, as a whole or not at all. Raises StorageError if it exists or cannot be written.

    Raises UsageError for a network that is not the one that the card describes, since the folder could not be read again.
    """
    _check_network(parts)
    tensors = {f"network.{name}": weight for name, weight in plain_state(parts.network).items()}
    tensors |= {f"encoder.{name}": value for name, value in parts.encoder.tensors().items()}
    tensors |= {"error.log_snr": parts.error.log_snr, "error.mse": parts.error.mse, "data.deviation": parts.deviation}
    tensors |= _blend_tensors(parts.blend)
    tensors |= {SEEN: parts.condition.seen.nan_to_num(nan=ABSENT)} if isinstance(parts.condition, OnGrid) else {}
    tensors |= {f"target.{name}": value for name, value in parts.target.reading.tensors().items()}
    card = {"format": FORMAT, **parts.card.as_json()}
    told = parts.condition.names if isinstance(parts.condition, Several) else ()
    write_folder(path, {"model": tensors}, {"config": card}, {"README.md": readme(parts.card, told)})


def read(path: Path, own: Own = NOTHING_OWN) -> Parts:
    """Read a model's folder, or the model of a run's folder; the network is in evaluation mode, without gradients.

    Raises StorageError for a folder that is missing, damaged, foreign or of a newer format, and for a run without a model yet;
    UsageError if a part of the caller's own is missing, or was brought although the model was trained without it.
    """
    with storage_errors(path):
        if (path / "model").is_dir():
            path = path / "model"
        elif (path / "run.json").is_file():
            raise StorageError(f"{path} has no model: {_how_it_ended(path / 'run.json')}")
    parts, documents = read_folder(path, ["model"], ["config"])
    raw, tensors = documents["config"], parts["model"]
    version = raw.pop("format", None)
    if type(version) is not int or version < 1:
        raise StorageError(f"{path} does not hold a model of unstir: its config.json has no valid format number.")
    if version != FORMAT:
        raise StorageError(
            f"{path} was written by a newer unstir, in format {version}; this one reads format {FORMAT}. Update it."
        )
    try:
        card = card_from(raw)
    except UsageError as error:
        raise _foreign(path, error) from None
    _check_own(path, card, own)
    try:
        return _built(card, tensors, own)
    except UsageError as error:
        raise _foreign(path, error) from None


def _check_network(parts: Parts) -> None:
    """Raise UsageError unless a network that was made by name still has the weights of one that is made afresh."""
    card = parts.card
    if "network" in card.own:
        return
    with torch.device("meta"):
        fresh = make_network(card.network, card.network_settings, parts.condition).state_dict()
    wanted, found = ({name: tuple(w.shape) for name, w in state.items()} for state in (fresh, plain_state(parts.network)))
    if wanted != found:
        name = min(wanted.items() ^ found.items())[0]
        raise UsageError(
            f"the model's network is not a {card.network} with {card.network_settings} any more: see its weight {name!r:.60}. A folder "
            "could not be read again; save the network as it was trained."
        )


def _foreign(path: Path, error: UsageError) -> StorageError:
    return StorageError(f"{path} does not hold a model that fits together: {str(error).rstrip('.')}. Use another copy.")


def _check_own(path: Path, card: Card, own: Own) -> None:
    """Raise UsageError unless the caller brings exactly the custom parts that the card lists."""
    missing = [part for part in card.own if part not in own.parts]
    if missing:
        called = ", ".join(f"{part} ({getattr(card, part)})" for part in missing)
        given = "".join(f", {part}=..." for part in card.own)
        raise UsageError(
            f"{path} was trained with custom parts: {called}. No code is loaded from a folder, so pass them: unstir.load(path{given})."
        )
    for part in own.parts:
        if part not in card.own:
            raise UsageError(
                f"{path} was trained with the {part} '{getattr(card, part)}', not with one of your own. Leave {part} out."
            )


def _built(card: Card, tensors: Mapping[str, Tensor], own: Own) -> Parts:
    """Build the parts from a card and tensors. Raises UsageError if these do not fit together."""
    chosen = own.schedule or schedule(card.schedule, **card.schedule_settings)
    aim = own.target or target(card.target)
    check_pair(chosen, aim)
    condition = condition_of(card, own.condition)
    kind = kind_for(own.encoder or ENCODERS[card.encoder], card.layout, own.network is not None)
    space, encoder_tensors = kind.outline(card.encoder_settings, card.shape)
    answers, counted = aim.reading.outline(len(card.levels or ()), space)
    make = _network_of(card, condition, space, own, answers, aim.reading.needs_states)
    with torch.device("meta"):
        weights = plain_state(own.network if own.network is not None else make())
    wanted = {f"network.{name}": (tuple(weight.shape), weight.dtype) for name, weight in weights.items()}
    wanted |= {f"encoder.{name}": what for name, what in encoder_tensors.items()}
    levels = len(tensors["error.log_snr"]) if "error.log_snr" in tensors and tensors["error.log_snr"].ndim else 0
    wanted |= {"error.log_snr": ((levels,), torch.float64), "error.mse": ((levels, *space), torch.float64)}
    wanted |= {"data.deviation": (card.shape, torch.float64)}
    wanted |= _blend_wanted(tensors, math.prod(space))
    wanted |= {f"target.{name}": what for name, what in counted.items()}
    wanted |= {SEEN: (condition.kept, torch.float32)} if isinstance(condition, OnGrid) else {}
    _check_tensors(tensors, wanted)
    if isinstance(condition, OnGrid):
        condition = condition.with_seen(tensors[SEEN].where(tensors[SEEN] != ABSENT, math.nan))
    if levels < 2 or not (tensors["error.log_snr"].diff() > 0).all():
        raise UsageError("error.log_snr has to have at least two levels, in rising order")
    if any((tensors[name] < 0).any() for name in ("error.mse", "data.deviation")):
        raise UsageError("error.mse and data.deviation cannot be negative")
    network = make()
    network.load_state_dict({name: tensors[f"network.{plain}"] for plain, name in plain_names(network).items()}, strict=False)
    held = {name.removeprefix("encoder."): value for name, value in tensors.items() if name.startswith("encoder.")}
    error = ErrorCurve(tensors["error.log_snr"], tensors["error.mse"])
    encoder = kind.build(card.encoder_settings, held)
    lies, axis = encoder.layout(card.layout), card.network_settings.get("channel_axis")
    if "channel_axis" in card.network_settings and (lies is None or lies.channel_axis != axis):
        raise UsageError(f"its network has its channels at axis {axis}, and its rows have not")
    return Parts(
        card,
        network.eval().requires_grad_(False),
        encoder,
        error,
        tensors["data.deviation"],
        chosen,
        _fitted(aim, card, encoder, tensors),
        condition,
        _blend(tensors),
    )


def _blend_tensors(blend: Blend | None) -> dict[str, Tensor]:
    if blend is None:
        return {}
    found = (blend.gaussian.means, blend.gaussian.variances, blend.directions, blend.log_snr, blend.share)
    return dict(zip(BLEND, found, strict=True))


def _blend_wanted(tensors: Mapping[str, Tensor], d: int) -> dict[str, tuple[tuple[int, ...], torch.dtype]]:
    """The shapes and types of the tensors of a blend of rows of d numbers, if the file has any."""
    if not any(name in tensors for name in BLEND):
        return {}
    levels = len(tensors[BLEND[3]]) if BLEND[3] in tensors and tensors[BLEND[3]].ndim else 0
    shapes = ((d,), (d,), (d if d <= WIDE else 0, d), (levels,), (levels, d))
    return {
        name: (shape, torch.float32 if name == BLEND[2] else torch.float64) for name, shape in zip(BLEND, shapes, strict=True)
    }


def _blend(tensors: Mapping[str, Tensor]) -> Blend | None:
    """The blend of tensors that have been checked. Raises UsageError for values that none can have."""
    if BLEND[0] not in tensors:
        return None
    means, variances, directions, log_snr, share = (tensors[name] for name in BLEND)
    if len(log_snr) < 2 or not (log_snr.diff() > 0).all():
        raise UsageError("blend.log_snr has to have at least two levels, in rising order")
    if (variances < 0).any() or (share < 0).any() or (share > 1).any():
        raise UsageError("blend.variances cannot be negative, and blend.share is between 0 and 1")
    return Blend(Independent(means, variances), directions, log_snr, share)


def _fitted(aim: Target, card: Card, encoder: Encoder, tensors: Mapping[str, Tensor]) -> Target:
    """The target with its reading as it was fitted. Raises UsageError for values that none can have."""
    if aim.reading.needs_states:
        return replace(aim, reading=aim.reading.built(states_of(encoder), {}))
    if not aim.reading.needs_levels:
        return aim
    held = {name.removeprefix("target."): value for name, value in tensors.items() if name.startswith("target.")}
    return replace(aim, reading=aim.reading.built(encoded_levels(card.levels or (), encoder), held))


def _network_of(card: Card, condition: Condition | None, space: tuple[int, ...], own: Own, answers: int, direct: bool) -> Any:
    """How to make the network of a card: a copy of the caller's own, or a fresh one. Raises UsageError if it is for rows of another shape."""
    if own.network is not None:
        return lambda: in_float32(copy.deepcopy(own.network))
    axis = card.network_settings.get("channel_axis")  # compared with the encoder's when that is built
    decided = settings_for(card.network, card.network_settings, space, axis, in_space=True, answers=answers, direct=direct)
    if decided != card.network_settings:
        raise UsageError(f"its network is not one for rows of {space}")
    return lambda: make_network(card.network, card.network_settings, condition)


def _check_tensors(tensors: Mapping[str, Tensor], wanted: Mapping[str, tuple[tuple[int, ...], torch.dtype]]) -> None:
    """Raise UsageError naming the first tensor that is missing, unknown, of a wrong shape or type, or not finite."""
    for name in sorted(wanted.keys() | tensors.keys()):
        found = (tuple(tensors[name].shape), tensors[name].dtype) if name in tensors else None
        if found != wanted.get(name):
            raise UsageError(f"tensor {name!r:.60} is {found or 'missing'} and has to be {wanted.get(name, 'left out')}")
        if not tensors[name].isfinite().all():
            raise UsageError(f"tensor {name} holds numbers that are not finite")


def _how_it_ended(about: Path) -> str:
    """Why a run has no model yet, and what to do about it, from its `run.json`."""
    try:
        told = json.loads(about.read_bytes())
        status, why, steps = (told.get(name) for name in ("status", "why", "steps"))
    except (ValueError, AttributeError, RecursionError):
        return "the reason is unknown, because its run.json is damaged."
    again = f"Go on with `unstir resume {quoted(about.parent)}`."
    return {
        "running": f"it is still training, so wait. If its training was killed, {again[0].lower()}{again[1:]}",
        "stopped": f"training stopped at step {steps}. {again}",
        "failed": f"training failed at step {steps} ({why}).",
    }.get(str(status), "the model was removed. Put it back, or train again.")
