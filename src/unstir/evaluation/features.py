"""Features of images and sequences: what a row looks like, in 64 numbers, from a small network trained on the user's own rows.

Pixels compare images badly: two photographs of the same thing can differ in every pixel, and a blurred image is near to all of them.
So images and sequences are compared in the features that a network has learnt:

    row (C, ...) -> stages of convolution by 2, norm, SiLU, down to 4 positions a side -> linear -> features (64)           (1)
    with classes:   features -> SiLU -> linear -> class           cross-entropy                                            (2)
    without:        features -> linear -> convolutions, growing back to the size of the row -> row   squared error         (3)

A stage halves the side of the stage before it and doubles its channels. A classifier's features vary almost only along as many
directions as there are classes, and blurring the rows hardly changes them along those. So the features are rotated to the principal
directions of the rows trained on, with variances v_1 >= v_2 ..., and directions of small variance are scaled up:

    direction i  ->  direction i / sqrt(v_i + v_1 / 100)                                                                   (4)

Where there are few rows, only the first k directions are used, scaled so that the rows trained on have mean square 1 in them.

These are not Inception features: a distance in them can be compared with other distances in the same features, never with a
published FID.

    >>> from unstir.data import from_arrays
    >>> rows = np.random.default_rng(0).normal(size=(60, 6, 5)); rows[30:] += 3
    >>> seen = learn(from_arrays(rows, labels=["low"] * 30 + ["high"] * 30), seed=0)
    >>> seen.of(rows, 8).shape, [seen.classes[k] for k in seen.classify(rows[[0, 59]])]
    ((60, 8), ['low', 'high'])
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count, islice, pairwise

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from unstir.data import Data, Layout
from unstir.networks.rates import warm_up_then_cosine
from unstir.networks.space import CONVOLUTIONS, channels_first, normal
from unstir.seeds import globally, seeded
from unstir.steady import steady

FEATURES = 64
SMALLEST, LEAST_STAGES = 4, 2  # positions along the longest side after the last stage
WIDEST, NARROWEST = 64, 8  # channels of the last stage, and the fewest of any stage
BATCH, AT_ONCE = 128, 512  # rows a training step, and rows encoded at once
WORK = 8e11  # multiply-adds of training at most: about 15 seconds on two cores
POINTWISE = 150  # norm and activation take as much time for each output as this many multiply-adds
PASSES, FEWEST_STEPS = 30, 300
LR, WARMUP, DECAY = 3e-3, 50, 0.01
ROWS_A_CLASS = 10  # on average; with fewer, no classifier is trained
TINY, SOFT = 1e-12, 0.01  # the smallest variance, for rows that are all alike; the 1 / 100 of (4)
LOOKED_AT = 5000  # rows from which the variances of the data and of the features are estimated


@dataclass(frozen=True, eq=False)
class Standard:
    """Standardises rows for the network: (N, ...) -> (N, C, ...), float32, each channel with mean 0 and standard deviation 1.

    `shift` and `scale` are (C, 1, ...).
    """

    row_layout: Layout
    shift: np.ndarray
    scale: np.ndarray

    def __call__(self, rows: np.ndarray) -> Tensor:
        """Rows (N, ...) -> (N, C, ...), float32."""
        return torch.from_numpy(((_doubles(rows, self.row_layout) - self.shift) / self.scale).astype(np.float32))


@dataclass(frozen=True, eq=False)
class Features:
    """The trained network of (1); `head` is the classifier of (2) if there are `classes`, else the decoder of (3).

    `centre` (64,) and the columns of `directions` (64, 64) are (4), the direction of largest variance first. Along these directions
    the rows trained on (`rows` of them) have `variances` (64,).
    """

    standard: Standard
    encoder: nn.Module
    head: nn.Module
    classes: tuple[str, ...]
    rows: int
    centre: Tensor
    directions: Tensor
    variances: Tensor

    @steady
    def of(self, rows: np.ndarray, dimensions: int = FEATURES) -> np.ndarray:
        """The first `dimensions` features of rows (N, ...) in the data's units: (N, dimensions), float64."""
        turned = (encoded(self.encoder, self.standard, rows) - self.centre) @ self.directions[:, :dimensions]
        return (turned / self.variances[:dimensions].mean().sqrt()).numpy()

    @steady
    @torch.no_grad()
    def classify(self, rows: np.ndarray) -> np.ndarray:
        """The class ids (N,) that the classifier gives to rows (N, ...)."""
        return self.head(encoded(self.encoder, self.standard, rows).float()).argmax(1).numpy()


@steady
def learn(data: Data, seed: int) -> Features:
    """Train the features on rows that are images or sequences; the result depends only on (data, seed).

    Trains the classifier (2) if there are at least two classes and ten rows a class, else the autoencoder (3). Takes seconds, on the CPU.
    """
    row_layout = data.layout
    assert row_layout is not None, data.shape
    by_class = _by_class(data)
    looked_at = torch.randperm(len(data), generator=seeded(seed, "features, looked at"))[:LOOKED_AT].numpy()
    some = data.rows[looked_at]
    standard = _standard(some, row_layout)
    sizes, widths = _sizes(row_layout.spatial), _widths(row_layout)
    with globally(seed):
        encoder = _encoder(sizes, widths)
        head = nn.Sequential(nn.SiLU(), nn.Linear(FEATURES, len(data.classes))) if by_class else Decoder(sizes, widths)
    steps, batch, _ = _training(data, by_class)
    _train(nn.Sequential(encoder, head), standard, data, by_class, steps, batch, seed)
    principal = _principal(encoded(encoder, standard, some))
    return Features(standard, encoder, head, data.classes if by_class else (), len(data), *principal)


def training_work(data: Data) -> int:
    """The multiply-adds, forward, of all rows that training the features on these rows takes."""
    steps, batch, operations = _training(data, _by_class(data))
    return steps * batch * operations


def _by_class(data: Data) -> bool:
    return len(data.classes) >= 2 and len(data) >= ROWS_A_CLASS * len(data.classes)


def _training(data: Data, by_class: bool) -> tuple[int, int, int]:
    """The training steps, the rows of each, and the multiply-adds of a row."""
    assert data.layout is not None
    sizes, widths = _sizes(data.layout.spatial), _widths(data.layout)
    operations = sum(_operations(sizes, widths, growing) for growing in ((False,) if by_class else (False, True)))
    batch = min(BATCH, len(data))
    return int(min(WORK // (3 * operations * batch), max(FEWEST_STEPS, PASSES * len(data) // batch))), batch, operations


def _train(network: nn.Module, standard: Standard, data: Data, by_class: bool, steps: int, batch: int, seed: int) -> None:
    """Train by AdamW; the learning rate warms up, then falls to 0 along a cosine."""
    optimiser = torch.optim.AdamW(network.parameters(), lr=LR, weight_decay=DECAY)
    for step, rows in enumerate(islice(_batches(len(data), batch, seed), steps)):
        for group in optimiser.param_groups:
            group["lr"] = warm_up_then_cosine(step, LR, WARMUP, steps)
        x = standard(data.rows[rows])
        if by_class:
            assert data.labels is not None
            loss = F.cross_entropy(network(x), torch.from_numpy(data.labels[rows]))
        else:
            loss = F.mse_loss(network(x), x)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()


def _batches(n: int, batch: int, seed: int) -> Iterator[np.ndarray]:
    """Row numbers of batches, without end: each pass visits every row about once, in an order that depends only on (seed, pass)."""
    for k in count():
        order = torch.randperm(n, generator=seeded(seed, "features, order", k)).numpy()
        yield from order[: n // batch * batch].reshape(-1, batch)


@torch.no_grad()
def encoded(encoder: nn.Module, standard: Standard, rows: np.ndarray) -> Tensor:
    """(1) as the network has it: rows (N, ...) -> (N, 64), float64."""
    return torch.cat([encoder(standard(rows[i : i + AT_ONCE])) for i in range(0, len(rows), AT_ONCE)]).double()


def _principal(features: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The centre (64,) of features (N, 64), the columns of (4) (64, 64), and the variances along them (64,)."""
    centre = features.mean(0)
    values, vectors = torch.linalg.eigh((features - centre).T @ (features - centre) / len(features))
    values = values.flip(0).clamp(min=TINY)
    softened = values + SOFT * values[0]
    return centre, vectors.flip(1) / softened.sqrt(), values / softened


def _standard(rows: np.ndarray, row_layout: Layout) -> Standard:
    x = _doubles(rows, row_layout)
    over = (0, *range(2, x.ndim))
    shift, scale = x.mean(over, keepdims=True)[0], x.std(over, keepdims=True)[0]
    return Standard(row_layout, shift, np.where(scale == 0, 1, scale))


def _doubles(rows: np.ndarray, row_layout: Layout) -> np.ndarray:
    return channels_first(torch.as_tensor(rows), row_layout.channel_axis).double().numpy()


def _sizes(spatial: tuple[int, ...]) -> list[tuple[int, ...]]:
    """The spatial sizes before each stage, and after the last.

    >>> _sizes((28, 17)), _sizes((5,))
    ([(28, 17), (14, 9), (7, 5), (4, 3)], [(5,), (3,), (2,)])
    """
    sizes = [spatial]
    while len(sizes) <= LEAST_STAGES or max(sizes[-1]) > SMALLEST:
        sizes.append(tuple((size + 1) // 2 for size in sizes[-1]))
    return sizes


def _widths(row_layout: Layout) -> list[int]:
    """The channels before each stage, and after the last."""
    stages = len(_sizes(row_layout.spatial)) - 1
    return [row_layout.channels, *(max(NARROWEST, WIDEST >> i) for i in reversed(range(stages)))]


def _operations(sizes: list[tuple[int, ...]], widths: list[int], growing: bool) -> int:
    """Multiply-adds of an encoder for one row, or of a decoder (`growing`), whose stages compute at the larger of their two sizes."""
    found = FEATURES * widths[-1] * math.prod(sizes[-1])
    for i in range(len(sizes) - 1):
        positions, made = math.prod(sizes[i if growing else i + 1]), widths[i if growing else i + 1]
        found += positions * (3 ** len(sizes[0]) * widths[i] * widths[i + 1] + POINTWISE * made)
    return found


def _encoder(sizes: list[tuple[int, ...]], widths: list[int]) -> nn.Sequential:
    """The encoder of (1): (B, C, ...) -> (B, 64)."""
    convolution = CONVOLUTIONS[len(sizes[0]) - 1]
    layers: list[nn.Module] = []
    for before, after in pairwise(widths):
        layers += [convolution(before, after, 3, stride=2, padding=1), normal(after), nn.SiLU()]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(widths[-1] * math.prod(sizes[-1]), FEATURES))


class Decoder(nn.Module):
    """The decoder of (3): features (B, 64) -> (B, C, ...); each stage undoes an encoder's stage, enlarging by nearest neighbours."""

    def __init__(self, sizes: list[tuple[int, ...]], widths: list[int]):
        super().__init__()
        convolution = CONVOLUTIONS[len(sizes[0]) - 1]
        self.sizes, self.start = sizes, nn.Linear(FEATURES, widths[-1] * math.prod(sizes[-1]))
        self.norms = nn.ModuleList(normal(width) for width in widths[1:])
        self.stages = nn.ModuleList(convolution(after, before, 3, padding=1) for before, after in pairwise(widths))

    def forward(self, features: Tensor) -> Tensor:
        """Features (B, 64) -> rows (B, C, ...)."""
        h = self.start(features).view(len(features), -1, *self.sizes[-1])
        for size, norm, stage in reversed(list(zip(self.sizes[:-1], self.norms, self.stages, strict=True))):
            h = stage(F.interpolate(F.silu(norm(h)), size=size, mode="nearest"))
        return h
