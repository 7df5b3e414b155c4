"""Latent diffusion (Rombach et al. 2022): an autoencoder makes rows small, and the model is one of what is left.

    q(z | x) = N(m(x), s(x)^2),      p(x | z) = N(g(z), noise^2 I),      p(z) = N(0, I)                       (1)
    loss = E |x - g(m + s eps)|^2 / (2 noise^2) + KL(q(z | x) | p(z))                                         (2)
    KL = sum (m^2 + s^2 - 1 - log s^2) / 2                                                                    (3)

(2) is the variational autoencoder's (Kingma & Welling 2014), with x in units of each channel's deviation. `noise` says what is close
enough: .1 is a tenth of that deviation. (3), divided by ln 2, is the *rate*: the bits a row that the latents may be said to hold, never
less than what rate-distortion theory asks for the error that is left (`tests/encoders/test_latents.py`). The model sees m(x),
standardised channel by channel; what it draws goes through g. So it can be no better than the autoencoder, whose error on held-out rows
is told, and it has no density in the data's units.

    >>> encoder = fit_latent(torch.randn(50, 8, 8).numpy(), Recipe(updates=3, filters=8))
    >>> encoder.encode(torch.zeros(2, 8, 8)).shape, encoder.decode(torch.zeros(2, *encoder.space)).shape
    (torch.Size([2, 1, 4, 4]), torch.Size([2, 8, 8]))
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from unstir.data.rows import Rows
from unstir.encoders.affine import Affine, Encoder, fit_encoder
from unstir.errors import NumericsError, UsageError
from unstir.networks.autoencoder import Autoencoder
from unstir.seeds import seeded

NAME = "latent"
LOWEST = 8  # positions along the longest side of the latents, about
MOST_HALVINGS = 3
SMALLER, MOST_CHANNELS = 4, 4
FEWEST, MOST = 250, 1500  # updates
BATCH, LR, WARMUP, CLIP = 64, 2e-3, 50, 1.0
MEASURED = 4096  # rows that say how far latents spread, and how good they are
AT_ONCE = 2**25  # numbers of a level's channels: 128 MB


@dataclass(frozen=True)
class Recipe:
    """How the autoencoder is built and trained; 0 halvings, channels and updates are chosen from the size of the data.

    Channels are as many as leave a quarter of the numbers, and four at the most.
    """

    halvings: int = 0
    channels: int = 0
    filters: int = 32
    updates: int = 0
    noise: float = 0.1
    seed: int = 0
    precision: str = "float32"


@dataclass(frozen=True, kw_only=True)
class Latent(Encoder):
    """m(x) and g(z) of (1), between rows standardised by channel and latents standardised by channel. `settings` build the autoencoder."""

    autoencoder: Autoencoder
    latents: Affine

    @property
    def space(self) -> tuple[int, ...]:
        """Channels and what is left of the sizes."""
        return self.autoencoder.latent

    @cached_property
    def pixels(self) -> Affine:
        """Eq. (1) of `unstir.encoders.affine`, between data and autoencoder."""
        return Affine("channels", self.shift, self.scale)

    def tensors(self) -> dict[str, Tensor]:
        """The two standardisations, and the autoencoder's weights."""
        weights = {f"autoencoder.{name}": w for name, w in self.autoencoder.state_dict().items()}
        own = {"shift": self.shift, "scale": self.scale, "latent_shift": self.latents.shift, "latent_scale": self.latents.scale}
        return own | weights

    @torch.no_grad()
    def encode(self, x: Tensor) -> Tensor:
        """m(x), standardised."""
        return torch.cat([self.latents.encode(self.autoencoder.encode(self.pixels.encode(part))[0]) for part in self._parts(x)])

    @torch.no_grad()
    def decode(self, z: Tensor) -> Tensor:
        """g(z)."""
        return torch.cat(
            [self.pixels.decode(self.autoencoder.decode(self.latents.decode(part).float())) for part in self._parts(z)]
        )

    def _parts(self, rows: Tensor) -> Sequence[Tensor]:
        at_once = AT_ONCE // (self.settings["filters"] * math.prod(self.autoencoder.sizes[0]))
        return rows.split(max(1, at_once))


class Update(NamedTuple):
    """What an update of the autoencoder did: its number from 1, mean squared error an element, rate in bits a row."""

    number: int
    error: float
    rate: float


class Reconstruction(NamedTuple):
    """How good an autoencoder is on rows that it was not trained on.

    Root mean squared error in the data's units; the share of the data's variance that it loses; rate in bits a row; numbers a row
    before and after.
    """

    error: float
    lost: float
    rate: float
    before: int
    after: int

    def __str__(self) -> str:
        """In words."""
        return (
            f"{self.before:,} numbers a row to {self.after:,}; on held-out rows it is off by {self.error:.3g} (root mean square; "
            f"{100 * self.lost:.1f} % of the variance is lost) at a rate of {self.rate:,.0f} bits a row"
        )


def fit_latent(values: Any, recipe: Recipe, channel_axis: int | None = None) -> Latent:
    """Train the autoencoder of rows (N, ...) to the end: `Fit`, in a line."""
    fit = Fit(values, recipe, channel_axis)
    for _ in fit.updates():
        pass
    return fit.encoder()


class Fit:
    """The training of an autoencoder that the caller drives: `updates()`, then `encoder()`.

    `values` (N, ...) is an array, or rows that need not fit into memory. Everything random is a function of the seed and the update's number.
    Raises UsageError where rows are too small for the halvings, and for settings that are out of range.
    """

    def __init__(self, values: Any, recipe: Recipe, channel_axis: int | None = None, device: str = "cpu"):
        self.rows = values if isinstance(values, Rows) else Rows(np.asarray(values))
        self.recipe, self.device = recipe, device
        shape = self.rows.shape[1:]
        space = shape if channel_axis is None else shape[1:] if channel_axis == 0 else shape[:-1]
        halvings = recipe.halvings or max(1, min(MOST_HALVINGS, round(math.log2(max(space) / LOWEST))))
        if max(space) < 2**halvings:
            raise UsageError(f"rows of {shape} cannot be halved {halvings} times. Train without --latent: they are small enough.")
        numbers = math.prod(shape) // math.prod(space) * 2 ** (halvings * len(space))  # to a position of the latents
        self.settings = {
            "shape": list(shape),
            "channel_axis": channel_axis,
            "halvings": halvings,
            "channels": recipe.channels or max(1, min(MOST_CHANNELS, numbers // SMALLER)),
            "filters": recipe.filters,
        }
        self.count = recipe.updates or min(max(2 * len(self.rows), FEWEST), MOST)
        self.network = make_autoencoder(self.settings, recipe.seed).to(device)
        self.pixels = fit_encoder("channels", map(torch.as_tensor, self.rows.scan()), channel_axis)

    def updates(self) -> Iterator[Update]:
        """Descend on (2). Raises NumericsError where the loss is not finite."""
        recipe, network = self.recipe, self.network
        weights = list(network.parameters())
        optimiser = torch.optim.AdamW(weights, lr=LR, betas=(0.9, 0.99), weight_decay=0.0)
        schedule = torch.optim.lr_scheduler.LambdaLR(
            optimiser, lambda k: min(1.0, (k + 1) / WARMUP) * (1 + math.cos(math.pi * k / self.count)) / 2
        )
        autocast = torch.autocast(torch.device(self.device).type, torch.bfloat16, enabled=recipe.precision == "bfloat16")
        for k in range(self.count):
            generator = seeded(recipe.seed, "autoencoder", k)
            index = torch.randint(len(self.rows), (min(BATCH, len(self.rows)),), generator=generator)
            x = self.pixels.encode(torch.as_tensor(self.rows[index.numpy()])).to(self.device)
            eps = torch.randn((len(x), *network.latent), generator=generator).to(self.device)
            with autocast:
                mean, log_deviation = network.encode(x)
                made = network.decode(mean + log_deviation.exp() * eps)
            error, rate = F.mse_loss(made.float(), x), kl(mean.float(), log_deviation.float()).mean()
            loss = error + rate * 2 * recipe.noise**2 / x[0].numel()  # (2), in units of the mean squared error
            if not loss.isfinite():
                raise NumericsError(f"update {k + 1} of the autoencoder: its loss is not finite. Look for outliers in the data.")
            loss.backward()
            nn.utils.clip_grad_norm_(weights, CLIP)
            optimiser.step()
            optimiser.zero_grad()
            schedule.step()
            yield Update(k + 1, error.item(), rate.item() / math.log(2))

    @torch.no_grad()
    def encoder(self) -> Latent:
        """The autoencoder as it is now, on the CPU, as an encoder."""
        network = self.network.to("cpu").eval().requires_grad_(False)
        ones = Affine(
            "channels", torch.zeros(network.latent, dtype=torch.float64), torch.ones(network.latent, dtype=torch.float64)
        )
        whole = {"shift": self.pixels.shift, "scale": self.pixels.scale, "settings": self.settings, "autoencoder": network}
        plain = Latent(NAME, **whole, latents=ones)
        return Latent(NAME, **whole, latents=fit_encoder("channels", plain.encode(self._some(MEASURED)), 0))

    def _some(self, most: int) -> Tensor:
        """Rows at random, at most so many."""
        index = torch.randperm(len(self.rows), generator=seeded(self.recipe.seed, "autoencoder", "some"))[:most]
        return torch.as_tensor(self.rows[index.numpy()])


def kl(mean: Tensor, log_deviation: Tensor) -> Tensor:
    """Eq. (3), in nats a row: (B,).

    >>> kl(torch.zeros(1, 3), torch.zeros(1, 3)).item(), kl(torch.ones(1, 3), torch.zeros(1, 3)).item()
    (0.0, 1.5)
    """
    return ((mean.square() + (2 * log_deviation).exp() - 1) / 2 - log_deviation).flatten(1).sum(1)


@torch.no_grad()
def reconstruction(encoder: Latent, x: Tensor, seed: int = 0) -> Reconstruction:
    """What goes through (1) and back of rows x (N, ...) in the data's units, the first 4,096, with z drawn from q(z | x)."""
    network, generator = encoder.autoencoder, seeded(seed, "reconstruction")
    x = x[:MEASURED]
    squared, rate = [], []
    for part in encoder._parts(encoder.pixels.encode(x)):
        mean, log_deviation = network.encode(part)
        z = mean + log_deviation.exp() * torch.randn(mean.shape, generator=generator)
        squared.append((network.decode(z) - part).double().square())
        rate.append(kl(mean.double(), log_deviation.double()))
    error = torch.cat(squared)
    data = encoder.pixels.encode(x).double()
    lost = error.mean() / (data - data.mean(0)).square().mean()
    in_units = (error * encoder.scale.square()).mean().sqrt().item()
    return Reconstruction(
        in_units, lost.item(), torch.cat(rate).mean().item() / math.log(2), x[0].numel(), math.prod(encoder.space)
    )


def make_autoencoder(settings: Mapping[str, Any], seed: int = 0) -> Autoencoder:
    """A fresh one, initialised from the seed; the caller's random state stays as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Autoencoder(**settings)


def latent_from(settings: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> Latent:
    """The encoder with these settings and `tensors()`."""
    network = make_autoencoder(settings)
    network.load_state_dict({k.removeprefix("autoencoder."): v for k, v in tensors.items() if k.startswith("autoencoder.")})
    return Latent(
        NAME,
        tensors["shift"],
        tensors["scale"],
        dict(settings),
        autoencoder=network.eval().requires_grad_(False),
        latents=Affine("channels", tensors["latent_shift"], tensors["latent_scale"]),
    )
