"""Everything that training changes: weights, their average, the optimiser's moments, the number of steps. A checkpoint holds it."""

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn

from unstir.networks.building import blocks
from unstir.training.optimisers import MOMENTS, OPTIMISERS, Optimiser, moments_of
from unstir.training.processes import ALONE, Processes, Request, here, own
from unstir.training.recipe import Recipe

PARTS = ("network", "average", *MOMENTS)


class State:
    """Everything that training changes: the network, the average of its weights, the optimiser, and the number of steps taken.

    After `shard`, each of several processes keeps only a part of every tensor. When process 0 needs whole tensors, the others call `give`.
    """

    def __init__(self, network: nn.Module, recipe: Recipe):
        self.network, self._recipe = network, recipe
        self.weights: list[Tensor] = list(network.parameters())
        self.average = [w.detach().clone() for w in self.weights]
        self.step = 0
        self.together = ALONE  # the processes that each keep a part of this state
        self.deferred: object = None  # the step of `training.update` that was made for this state, captured or not
        self.rows: dict[str, Any] = {}  # what `training.supply` keeps on the device for this state
        self.pending: Callable[[], None] | None = None  # raises if a step that was not looked at yet was bad
        self._averaged: tuple[int, dict[str, Tensor]] | None = None  # the last whole average, and the step that it belongs to

    @cached_property
    def optimiser(self) -> Optimiser:
        """The recipe's optimiser. It is made on first use, because torch imports AdamW in 1.5 seconds, and reading a run does not need it."""
        return OPTIMISERS[self._recipe.optimiser](self.weights, self._recipe)

    def settle(self) -> None:
        """Wait for the steps so far. Raises NumericsError if one of them was bad; the state is then as it was before that step."""
        if self.pending is not None:
            self.pending()

    def tensors(self) -> dict[str, Tensor]:
        """All tensors that training changes, by name, as a checkpoint holds them."""
        return self._whole(Request.EVERYTHING, self.kept())

    def averaged(self) -> dict[str, Tensor]:
        """The state_dict of a network with the averaged weights."""
        self.settle()
        if self._averaged is None or self._averaged[0] != self.step:
            made = self._whole(Request.AVERAGE, self.network.state_dict() | dict(zip(self._names, self.average, strict=True)))
            if self.together is ALONE:
                return made
            self._averaged = self.step, made
        return self._averaged[1]

    @torch.no_grad()
    def shard(self, together: Processes, device: str) -> None:
        """Split the state of process 0 over all processes: each keeps a part of every tensor, on `device`. All processes call this at once."""
        leads = together.rank == 0
        moments = [[self.optimiser.state[w][m] for w in self.weights] for m in MOMENTS] if leads and self.step else []
        whole = {"average": self.average, **dict(zip(MOMENTS, moments, strict=False))}
        together.shard(self.network, blocks(self.network), device)
        self.weights = list[Tensor](self.network.parameters())
        self.together = together
        self.__dict__.pop("optimiser", None)
        part = {
            name: [together.part(whole[name][i] if leads else None, w) for i, w in enumerate(self.weights)]
            for name in ("average", *(MOMENTS if self.step else ()))
        }
        self.average = part["average"]
        for i, w in enumerate(self.weights if self.step else ()):
            self._remember(w, self.step, {moment: part[moment][i] for moment in MOMENTS})

    def give(self, asked: Request) -> None:
        """Send this process's parts of what process 0 has asked for. Every process but 0 calls this."""
        self.tensors() if asked == Request.EVERYTHING else self.averaged()

    def meet(self, code: int = 0) -> int:
        """The largest code of all processes. All call this at once; the others first give process 0 what it has asked for meanwhile."""
        while True:
            asked, largest = here().agree(code=code)
            if asked == Request.NOTHING:
                return largest
            self.give(asked)

    @property
    def _names(self) -> list[str]:
        return [name for name, _ in self.network.named_parameters()]

    def kept(self) -> dict[str, Tensor]:
        """The tensors of `tensors` as this process holds them: only its parts if the state is sharded."""
        self.settle()
        held = {f"network.{name}": value for name, value in self.network.state_dict().items()}
        held |= {f"average.{name}": a for name, a in zip(self._names, self.average, strict=True)}
        for name, w in zip(self._names, self.weights, strict=True):
            held |= {
                f"{moment}.{name}": self.optimiser.state[w][moment] for moment in MOMENTS if moment in self.optimiser.state[w]
            }
        return held

    def _whole(self, asked: Request, held: dict[str, Tensor]) -> dict[str, Tensor]:
        if self.together is ALONE:
            return held
        if self.together.rank == 0:
            self.together.agree(asked)
        return {name: self.together.whole(value) for name, value in held.items()}

    def _remember(self, w: Tensor, step: int, moments: dict[str, Tensor]) -> None:
        # The fused optimiser counts its steps in a float32 on the weights' own device.
        self.optimiser.state[w] = {"step": torch.tensor(float(step), device=w.device), **moments}

    @torch.no_grad()
    def restore(self, tensors: Mapping[str, Tensor], step: int) -> None:
        """Restore the state that had these `tensors()` after `step` steps. Raises KeyError or RuntimeError if they do not fit."""
        part = {name: {k.removeprefix(f"{name}."): v for k, v in tensors.items() if k.startswith(f"{name}.")} for name in PARTS}
        self.network.load_state_dict(part["network"])
        for (name, w), a in zip(self.network.named_parameters(), self.average, strict=True):
            a.copy_(part["average"][name])
            if step:
                held = {moment: torch.empty_like(w).copy_(part[moment][name]) for moment in moments_of(w, self._recipe)}
                self._remember(w, step, held)
        self.step = step

    @torch.no_grad()
    def update_average(self, decay: float) -> None:
        """Take one step of the average, eq. (1) of `recipe`, with decay d_k."""
        torch._foreach_lerp_([own(a) for a in self.average], [own(w) for w in self.weights], 1 - decay)

    @torch.no_grad()
    def drift(self, share: Tensor) -> None:
        """The same step with 1 - d_k as a tensor () on the weights' device; where it is 0, the average stays as it is."""
        difference = torch._foreach_sub(self.weights, self.average)
        torch._foreach_mul_(difference, share)
        torch._foreach_add_(self.average, difference)

    @torch.no_grad()
    def swap(self) -> None:
        """Exchange weights and average, before and after an evaluation, which always uses the average. Not for a sharded state."""
        self.settle()
        for w, a in zip(self.weights, self.average, strict=True):
            w.data, a.data = a.data, w.data
