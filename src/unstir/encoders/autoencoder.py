"""Trains the autoencoder of `unstir.encoders.latent`. The caller drives the training: `updates()`, then `encoder()`.

    loss = E |x - g(m + s eps)|^2 / (2 noise^2) + KL(q(z | x) | p(z))                                         (1)

(1) is the loss of the variational autoencoder (Kingma & Welling 2014), with x in units of each channel's standard deviation. `noise` is the
size of an error that does not matter: 0.1 is a tenth of that deviation. Everything random depends only on the seed and the number of the
update.

    >>> from unstir.data import layout
    >>> rows = Rows(torch.randn(9, 8, 8).numpy())
    >>> training = Training(rows, FitOptions(settings={"updates": 2, "filters": 8}, layout=layout((8, 8))))
    >>> [update.number for update in training.updates()], training.encoder().space
    ([1, 2], (1, 4, 4))
"""

import copy
import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from unstir.data.rows import Rows
from unstir.encoders.affine import Channels
from unstir.encoders.base import FitOptions, Update
from unstir.encoders.latent import MEASURED, Latent, kl, make_autoencoder
from unstir.errors import NumericsError, UsageError
from unstir.networks.rates import warm_up_then_cosine
from unstir.seeds import seeded
from unstir.steady import steady

LOWEST = 8  # positions along the longest side of the latents, about, if halvings is 0
MOST_HALVINGS = 3
SMALLER, MOST_CHANNELS = 4, 4  # latents have a fourth of the numbers, and at most four channels, if channels is 0
FEWEST, MOST = 250, 1500  # updates, if updates is 0
BATCH, LR, WARMUP, CLIP = 64, 2e-3, 50, 1.0


@dataclass(frozen=True)
class Settings:
    """How the autoencoder is built and trained. Halvings, channels and updates that are 0 are chosen from the size of the data.

    Channels are then chosen so that latents have about a quarter of the numbers, but at most four channels.
    """

    halvings: int = 0
    channels: int = 0
    filters: int = 32
    updates: int = 0
    noise: float = 0.1


class Training:
    """The training of an autoencoder on rows (N, ...), which need not fit into memory.

    Raises UsageError if rows are neither images nor sequences, if they are too small for the halvings, or if a setting is out of range.
    """

    @steady
    def __init__(self, rows: Rows, options: FitOptions):
        self.rows, self.options, self.own = rows, options, Settings(**options.settings)
        shape, row_layout = rows.shape[1:], options.layout
        if row_layout is None:
            raise UsageError(
                f"--latent is for images and sequences; a row here is {shape}. Train without it, or say with --data.axes which axis is what."
            )
        halvings = self.own.halvings or max(1, min(MOST_HALVINGS, round(math.log2(max(row_layout.spatial) / LOWEST))))
        if max(row_layout.spatial) < 2**halvings:
            raise UsageError(f"rows of {shape} cannot be halved {halvings} times. Train without --latent: they are small enough.")
        numbers = row_layout.channels * 2 ** (halvings * len(row_layout.spatial))  # of the data, for each position of the latents
        self.settings = {
            "shape": list(shape),
            "channel_axis": row_layout.channel_axis,
            "halvings": halvings,
            "channels": self.own.channels or max(1, min(MOST_CHANNELS, numbers // SMALLER)),
            "filters": self.own.filters,
        }
        self.count = self.own.updates or min(max(2 * len(rows), FEWEST), MOST)
        self.network = make_autoencoder(self.settings, options.seed).to(options.device)
        self.pixels = Channels.fit(map(torch.as_tensor, rows.scan()), row_layout.channel_axis)

    @steady
    def updates(self) -> Iterator[Update]:
        """Descend on (1), one update at a time. Raises NumericsError if the loss is not finite."""
        options, network = self.options, self.network
        weights = list(network.parameters())
        optimiser = torch.optim.AdamW(weights, lr=LR, betas=(0.9, 0.99), weight_decay=0.0)
        schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda k: warm_up_then_cosine(k, 1.0, WARMUP, self.count))
        autocast = torch.autocast(torch.device(options.device).type, torch.bfloat16, enabled=options.precision == "bfloat16")
        for k in range(self.count):
            generator = seeded(options.seed, "autoencoder", k)
            index = torch.randint(len(self.rows), (min(BATCH, len(self.rows)),), generator=generator)
            x = self.pixels.encode(torch.as_tensor(self.rows[index.numpy()])).to(options.device)
            eps = torch.randn((len(x), *network.latent), generator=generator).to(options.device)
            with autocast:
                mean, log_deviation = network.encode(x)
                made = network.decode(mean + log_deviation.exp() * eps)
            error, rate = F.mse_loss(made.float(), x), kl(mean.float(), log_deviation.float()).mean()
            loss = error + rate * 2 * self.own.noise**2 / x[0].numel()  # (1), in units of the mean squared error
            if not loss.isfinite():
                raise NumericsError(f"update {k + 1} of the autoencoder: its loss is not finite. Look for outliers in the data.")
            loss.backward()
            nn.utils.clip_grad_norm_(weights, CLIP)
            optimiser.step()
            optimiser.zero_grad()
            schedule.step()
            yield Update(k + 1, error.item(), rate.item() / math.log(2))

    @steady
    @torch.no_grad()
    def encoder(self) -> Latent:
        """The current autoencoder as an encoder, on the CPU."""
        network = copy.deepcopy(self.network).to("cpu").eval().requires_grad_(False)
        zeros = torch.zeros(network.latent, dtype=torch.float64)
        plain = Latent(self.pixels, network, Channels(zeros, zeros + 1), self.settings)
        return Latent(self.pixels, network, Channels.fit([plain.encode(self._some(MEASURED))], 0), self.settings)

    def _some(self, most: int) -> Tensor:
        """Random rows, at most `most`."""
        index = torch.randperm(len(self.rows), generator=seeded(self.options.seed, "autoencoder", "some"))[:most]
        return torch.as_tensor(self.rows[index.numpy()])
