"""Truth 23: the average of the weights that training keeps."""

import math
from collections.abc import Iterator

import torch

from unstir.selfcheck.known import Case, normal
from unstir.training.recipe import Recipe, ema_decay
from unstir.training.state import State


def average_of_weights() -> Iterator[Case]:
    """The average after updates of known weights w_k is sum_k (1 - d_k) prod_{j > k} d_j w_k, with d_0 = 0 for the first weights."""
    state, n, ema = State(torch.nn.Linear(1, 1, bias=False), Recipe()), 40, 0.8
    weights, decays = normal(n + 1).tolist(), [1.0, *(min(ema, (1 + k) / (10 + k)) for k in range(n))]
    state.average[0].fill_(weights[0])
    for k in range(n):
        state.weights[0].data.fill_(weights[k + 1])
        state.update_average(ema_decay(k, ema))
    expected = weights[0] * math.prod(decays)
    expected += sum((1 - decays[k]) * math.prod(decays[k + 1 :]) * weights[k] for k in range(1, n + 1))
    yield f"warm-up, then {ema}", abs(state.average[0].item() - expected), 0, 1e-6
