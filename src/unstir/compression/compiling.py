"""From a trained model to its compiled copy: which noise levels it answers at, and everything else that a file needs, as stored numbers.

    cleanest level      s_0 is `CLEANEST` of the distance of two levels of the data                   (1)
    noisiest level      all but `LEFT` of the information is destroyed there                          (2)
    between             128 steps, each of which destroys as much of a mixture of the two             (3)
                        measures: information to the power 1/2, and log-SNR itself

(2) and (3) use `information.information`, which is made of the model's measured errors. A file of 16, 32 or 64 levels takes every eighth,
fourth or second of them.
"""

import copy
import math
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from unstir.compression.arithmetic import ACTIVATION, WEIGHT, tables
from unstir.compression.exact import Compiled
from unstir.compression.registry import EXACT
from unstir.compression.snapped import Arrays, check_sums
from unstir.encoders.turned import as_data
from unstir.errors import NumericsError, UsageError
from unstir.information.mmse import information
from unstir.model.model import Model
from unstir.model.units import refuse_cells
from unstir.seeds import seeded
from unstir.steady import steady

FINEST = 128  # steps
CLEANEST = 0.5
LEFT = 0.003
EVEN = 0.3  # the share of log-SNR in (3)
DRAWS = 256  # of noise, for the prior and for the comparison of the two networks
CLOSE = 0.05  # the most that the answers of the two networks may differ by, root mean square


@steady
@torch.no_grad()
def compiled(model: Model) -> Compiled:
    """The compiled copy of a model, which stays as it is and where it is.

    Raises UsageError for a model that has none: of data without levels, of latents, with a network that is not in `registry.EXACT`, with
    parts of the caller's own; NumericsError if the copy does not answer what the model does.
    """
    refuse(model)
    model = replace(model, network=copy.deepcopy(model.network).cpu())
    linear = model.encoder.linear
    assert linear is not None
    shift, scale = (part.flatten().double().numpy() for part in linear)
    values = np.array(model.card.levels)
    varies = scale > 0
    first = np.where(varies, (values[0] - shift) / np.where(varies, scale, 1.0), 0.0)
    step = np.where(varies, (values[1] - values[0]) / np.where(varies, scale, 1.0), 0.0)
    log_snr = chosen_levels(model, float(np.median(step[varies])))
    t = model.schedule.inverse(log_snr)
    alpha, sigma = model.schedule(t)
    c = model.target(model.schedule, t)
    settings, arrays = EXACT[model.card.network].compiled(model.network, t.float())
    limit = limit_for(EXACT[model.card.network].largest_group(settings, arrays))
    check_sums(arrays, limit)
    held: Arrays = {f"network.{name}": array for name, array in arrays.items()}
    held |= {f"table.{name}": array for name, array in tables().items()}
    held |= {"s2": (sigma / alpha).square().numpy(), "c_in": (c.c_in * alpha * ACTIVATION).numpy()}
    held |= {
        "first": first,
        "step": step,
        "usual": np.rint((shift - values[0]) / (values[1] - values[0])).clip(0, len(values) - 1),
    }
    order = as_data(torch.arange(first.size).view(1, *model.space), model.encoder).flatten().numpy()
    held |= {"order": order.astype(np.int32)} | _posterior(model, log_snr)
    if model.target.reading.is_affine:
        held |= {"c_skip": (c.c_skip * alpha).numpy(), "c_out": (c.c_out / ACTIVATION).numpy()}
    document: dict[str, Any] = {
        "network": model.card.network,
        "network_settings": settings,
        "limit": limit,
        "space": list(model.space),
    }
    document |= {"shape": list(model.card.shape), "levels": [float(value) for value in values], "axes": model.card.axes}
    document |= {"names": list(model.card.names), "bits": float(information(model.error, log_snr[:1])[0]) / math.log(2)}
    made = Compiled(document, held)
    compare(made, model, t)
    return Compiled(document, held | prior(made))


def refuse(model: Model) -> None:
    """Raise UsageError for a model that has no exact copy, with the reason and what to do."""
    card = model.card
    refuse_cells(card, "lossless coding")
    if card.levels is None:
        raise UsageError(
            f"this model is of rows of {card.dtype} whose values may be any number, and lossless coding is for values that are one of at "
            "most 256 whole numbers. Round the data to such numbers, as in np.round(100 * x), which keeps two decimals, and train on that."
        )
    if not np.allclose(np.diff(card.levels), card.levels[1] - card.levels[0]):
        raise UsageError(
            "the levels of this model are not evenly spaced, and coding needs that. Train on the numbers 0, 1, 2, ... of the levels."
        )
    if card.own:
        raise UsageError(
            f"this model has parts of your own ({', '.join(card.own)}), of which there is no exact copy. Train without."
        )
    if card.network not in EXACT:
        raise UsageError(
            f"there is no exact copy of the network {card.network} yet, only of {EXACT.names}. Train with --network.architecture "
            f"{next(iter(EXACT))}, or another of these."
        )
    if model.encoder.linear is None:
        raise UsageError(
            f"the encoder {card.encoder} does not keep levels evenly spaced, and coding needs that. Train with --data.encoder channels or "
            "standardise, and without --latent."
        )


def chosen_levels(model: Model, step: float) -> torch.Tensor:
    """The 129 log-SNRs of (1) to (3), from the cleanest to the noisiest: they fall. `step` is the distance of two levels of the data."""
    ends = model.schedule.log_snr(torch.tensor([1.0, 0.0], dtype=torch.float64)).tolist()
    high = min(-2 * math.log(CLEANEST * step), ends[1] - 0.01)
    fine = torch.linspace(max(-16.0, ends[0] + 0.01), high, 2001, dtype=torch.float64)
    known = information(model.error, fine)
    low = int(torch.searchsorted(known, LEFT * known[-1]).clamp(max=len(fine) - 2))
    fine, rate = fine[low:], (known[low + 1 :] - known[low:-1]).clamp(min=0).sqrt()
    measure = torch.cat([torch.zeros(1), (rate / rate.sum()).cumsum(0)]) * (1 - EVEN) + EVEN * torch.linspace(0, 1, len(fine))
    wanted = torch.linspace(1, 0, FINEST + 1, dtype=torch.float64)
    return torch.from_numpy(np.interp(wanted.numpy(), measure.double().numpy(), fine.numpy()))


def limit_for(group: int) -> float:
    """The largest activation in counts with which the squares of a group of so many still sum exactly."""
    exponent = min(19, (52 - math.ceil(math.log2(group))) // 2)
    if exponent < 15:
        raise UsageError(
            f"the network normalises {group:,} numbers together, which is too many for exact sums. Use smaller images."
        )
    return 2.0**exponent


def _posterior(model: Model, log_snr: torch.Tensor) -> Arrays:
    """What makes a posterior of the network's answer: the model's error, or the shares of the levels."""
    reading = model.target.reading
    if reading.is_affine:
        error = torch.stack([model.error.at(level).flatten() for level in log_snr])
        return {"variance": error.float().numpy()}
    shares = reading.tensors()["shares"]
    return {"shares": np.rint(ACTIVATION * shares.log().flatten(0, -2).numpy()), "gamma": log_snr.exp().numpy()}


def compare(made: Compiled, model: Model, t: torch.Tensor) -> None:
    """Raise NumericsError if the answers of the copy are not those of the network."""
    for number in (0, FINEST // 2, FINEST):
        s = math.sqrt(made.arrays["s2"][number])
        x = torch.randn(8, *model.space, generator=seeded("compiled", number))
        x = torch.where(torch.arange(8).view(-1, *[1] * len(model.space)) < 4, 0.0, 1.0) * x.roll(1, 0) + s * x
        seen = np.rint(x.flatten(1).double().numpy() * made.arrays["c_in"][number])
        wanted = model.network(torch.from_numpy(seen / ACTIVATION).float().view(x.shape), t[number].float().view(1), None)
        found = made.answers(x.flatten(1).double().numpy(), number) / ACTIVATION
        off = float(np.sqrt(np.square(found.ravel() - wanted.flatten().double().numpy()).mean()))
        if not off < CLOSE * max(1.0, float(wanted.square().mean().sqrt())):
            raise NumericsError(
                f"the exact copy of the network is off by {off:.2g} at log-SNR {-2 * math.log(s):.1f}: its activations are too large for "
                f"whole numbers of 1/{ACTIVATION:.0f} up to {made.settings['limit'] / ACTIVATION:.0f}, or its weights for 1/{WEIGHT:.0f}. "
                "Train again."
            )


def prior(made: Compiled) -> Arrays:
    """Mean and variance of the data as the model knows them at the noisiest level, averaged over noise."""
    s = math.sqrt(made.arrays["s2"][FINEST])
    eps = torch.randn(DRAWS, len(made.arrays["first"]), generator=seeded("prior"), dtype=torch.float64).numpy()
    parts = [made.known(s * part, FINEST) for part in np.array_split(eps, 8)]
    mean, variance = (np.concatenate(part) for part in zip(*(part[:2] for part in parts), strict=True))
    return {"prior.mean": mean.mean(0), "prior.variance": variance.mean(0) + mean.var(0) + 1e-6}
