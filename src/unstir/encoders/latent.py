"""Latent diffusion (Rombach et al. 2022): an autoencoder makes rows smaller, and the diffusion model is trained on these latents.

    q(z | x) = N(m(x), s(x)^2),      p(x | z) = N(g(z), noise^2 I),      p(z) = N(0, I)                       (1)
    KL(q(z | x) | p(z)) = sum (m^2 + s^2 - 1 - log s^2) / 2                                                   (2)

(2), divided by ln 2, is the *rate*: the information in the latents, in bits a row. It is never less than the minimum of rate-distortion
theory for the error that is left (`tests/encoders/test_latents.py`). The diffusion model sees m(x), standardised channel by channel, and
its samples are decoded by g. So it cannot be better than the autoencoder, whose error on held-out rows is reported, and it has no density
in the data's units. `unstir.encoders.autoencoder` trains the autoencoder.

    >>> from unstir.data import layout
    >>> from unstir.encoders.base import FitOptions, fit_encoder
    >>> options = FitOptions(settings={"updates": 3, "filters": 8}, layout=layout((8, 8)))
    >>> encoder = fit_encoder("latent", torch.randn(50, 8, 8), options)
    >>> encoder.encode(torch.zeros(2, 8, 8)).shape, encoder.decode(torch.zeros(2, *encoder.space)).shape
    (torch.Size([2, 1, 4, 4]), torch.Size([2, 8, 8]))
"""

import inspect
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import torch
from torch import Tensor

from unstir.data.layouts import Layout
from unstir.data.rows import Rows
from unstir.encoders.affine import Channels
from unstir.encoders.base import Encoder, Fit, FitOptions, Outline, Reconstruction
from unstir.errors import UsageError
from unstir.networks.autoencoder import Autoencoder
from unstir.seeds import globally, seeded

MEASURED = 4096  # rows on which the latents' scale and the reconstruction are measured
AT_ONCE = 2**25  # numbers of the first level's activations that are computed at once: 128 MB


@dataclass(frozen=True)
class Latent(Encoder):
    """m(x) and g(z) of (1), between rows standardised by channel (`pixels`) and latents standardised by channel (`latents`)."""

    pixels: Channels
    autoencoder: Autoencoder
    latents: Channels
    built_from: Mapping[str, Any]

    name, describes, trained = "latent", "latent", True

    @classmethod
    def begin(cls, views: Sequence[Rows], options: FitOptions) -> Fit:
        """The training of the autoencoder on the rows; other views are not used."""
        from unstir.encoders.autoencoder import Training  # imported here, because it imports this module

        return Training(views[0], options)

    @classmethod
    def outline(cls, settings: Mapping[str, Any], shape: tuple[int, ...]) -> Outline:
        """Both standardisations, and the weights of the autoencoder, which is made on torch's meta device."""
        known = inspect.signature(Autoencoder).parameters
        if settings.keys() != known.keys() or settings["shape"] != list(shape):
            raise UsageError(f"its autoencoder is not for rows of shape {shape}")
        with torch.device("meta"):
            network = make_autoencoder(settings)
        wanted = dict.fromkeys(("shift", "scale"), (shape, torch.float64))
        wanted |= dict.fromkeys(("latent_shift", "latent_scale"), (network.latent, torch.float64))
        wanted |= {f"autoencoder.{part}": (tuple(w.shape), w.dtype) for part, w in network.state_dict().items()}
        return Outline(network.latent, wanted)

    @classmethod
    def build(cls, settings: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> Self:
        """The encoder with both standardisations and the weights in `tensors`."""
        network = make_autoencoder(settings)
        network.load_state_dict({k.removeprefix("autoencoder."): v for k, v in tensors.items() if k.startswith("autoencoder.")})
        pixels = Channels.build({}, tensors)
        latents = Channels.build({}, {part: tensors[f"latent_{part}"] for part in ("shift", "scale")})
        return cls(pixels, network.eval().requires_grad_(False), latents, dict(settings))

    @property
    def settings(self) -> dict[str, Any]:
        """The settings of the autoencoder."""
        return dict(self.built_from)

    def tensors(self) -> dict[str, Tensor]:
        """Both standardisations, and the weights of the autoencoder."""
        own = self.pixels.tensors() | {f"latent_{part}": value for part, value in self.latents.tensors().items()}
        return own | {f"autoencoder.{name}": w for name, w in self.autoencoder.state_dict().items()}

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the data."""
        return self.pixels.shape

    @property
    def space(self) -> tuple[int, ...]:
        """Channels, then the sizes after all halvings."""
        return self.autoencoder.latent

    def layout(self, of_data: Layout | None) -> Layout | None:
        """The same kind, with the channels first."""
        return of_data and Layout(of_data.kind, self.space[0], self.space[1:], 0)

    @property
    def constant(self) -> Tensor:
        """Elements of the data that never vary."""
        return self.pixels.constant

    @property
    def linear(self) -> tuple[Tensor, Tensor] | None:
        """None: an autoencoder is not linear."""
        return None

    @torch.no_grad()
    def encode(self, x: Tensor) -> Tensor:
        """m(x), standardised."""
        means = (self.autoencoder.encode(self._there(self.pixels.encode(part)))[0].to(x.device) for part in self._parts(x))
        return torch.cat([self.latents.encode(mean) for mean in means])

    @torch.no_grad()
    def decode(self, z: Tensor) -> Tensor:
        """g(z), in the data's units."""
        latents = (self._there(self.latents.decode(part).float()) for part in self._parts(z))
        return torch.cat([self.pixels.decode(self.autoencoder.decode(part).to(z.device)) for part in latents])

    def log_volume(self, x: Tensor) -> Tensor | None:  # noqa: ARG002
        """None: there is no density in the data's units."""
        return None

    def known(self, mask: Tensor) -> Tensor | None:  # noqa: ARG002
        """None: known elements of a row do not determine its latents."""
        return None

    def bounds(self, low: float, high: float) -> tuple[Tensor, Tensor] | None:  # noqa: ARG002
        """None: latents have no bounds, even if the data has."""
        return None

    def reach(self) -> tuple[float, float]:
        """The reach of the standardised data."""
        return self.pixels.reach()

    @torch.no_grad()
    def reconstruction(self, x: Tensor, seed: int = 0) -> Reconstruction | None:
        """The error of rows x (N, *shape), the first 4,096 of them, decoded from z drawn from q(z | x) of (1)."""
        generator = seeded(seed, "reconstruction")
        x = x[:MEASURED]
        squared, rate = [], []
        for part in self._parts(self.pixels.encode(x)):
            mean, log_deviation = (answer.to(x.device) for answer in self.autoencoder.encode(self._there(part)))
            z = mean + log_deviation.exp() * torch.randn(mean.shape, generator=generator)
            squared.append((self.autoencoder.decode(self._there(z)).to(x.device) - part).double().square())
            rate.append(kl(mean.double(), log_deviation.double()))
        error = torch.where(self.constant, 0.0, torch.cat(squared))  # what never varies is decoded exactly
        data = self.pixels.encode(x).double()
        # The variance over rows, or over all positions if the rows are all alike, as a single one is.
        spread = next((v for v in ((data - data.mean(0)).square().mean().item(), data.square().mean().item()) if v), 1.0)
        in_units = (error * self.pixels.scale.square()).mean().sqrt().item()
        bits = torch.cat(rate).mean().item() / math.log(2)
        return Reconstruction(in_units, error.mean().item() / spread, bits, x[0].numel(), math.prod(self.space))

    def _there(self, x: Tensor) -> Tensor:
        """On the device of the autoencoder, which is the CPU unless `moving.moved` says otherwise."""
        return x.to(next(self.autoencoder.parameters()).device)

    def _parts(self, rows: Tensor) -> Sequence[Tensor]:
        at_once = AT_ONCE // (self.built_from["filters"] * math.prod(self.autoencoder.sizes[0]))
        return rows.split(max(1, at_once))


def kl(mean: Tensor, log_deviation: Tensor) -> Tensor:
    """Eq. (2), in nats a row: (B,).

    >>> kl(torch.zeros(1, 3), torch.zeros(1, 3)).item(), kl(torch.ones(1, 3), torch.zeros(1, 3)).item()
    (0.0, 1.5)
    """
    return ((mean.square() + (2 * log_deviation).exp() - 1) / 2 - log_deviation).flatten(1).sum(1)


def make_autoencoder(settings: Mapping[str, Any], seed: int = 0) -> Autoencoder:
    """A fresh autoencoder, initialised from the seed; the caller's random state does not change."""
    with globally(seed):
        return Autoencoder(**settings)
