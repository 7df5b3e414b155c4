"""`torchrun --nproc-per-node 2 -m unstir train ...`: process 0 runs the command, the others lend it a hand.

    process 0     the command as ever, until training is about to start  ->  settings, encoder, state  ->  the other processes
    the others    wait, read the same data, become the same state, train in step, and go without a word when they are let go

Where the state is shared out over the processes, the others give their parts whenever process 0 needs it whole: to look, and for a checkpoint.
A command that ends before training, of an error or because there was nothing to train, sends the others home. A signal reaches all of them;
they stop after the same step. Only process 0 needs the run folder; each reads the data by itself.
"""

import tomllib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from unstir.cli.parts.signals import Asked, patient
from unstir.encoders.registry import ENCODERS
from unstir.errors import DataError, Stopped, UnstirError
from unstir.training.config import resolve
from unstir.training.config_file import write_config
from unstir.training.fitting import Fitting
from unstir.training.presets import load_data
from unstir.training.processes import Request, hear, here, in_step, joined, tell
from unstir.training.state import State

SHARED = ("train", "resume")
AGAIN = 5.0  # seconds in which a signal that comes twice is one: torchrun passes on what the terminal has sent to all already


@dataclass
class Lead:
    """Whether the others have been told yet what to do."""

    told: bool = False


_lead = Lead()


@contextmanager
def leading() -> Iterator[None]:
    """Process 0's command inside: whatever ends it, nobody is left waiting."""
    with joined():
        try:
            yield
        finally:
            if not _lead.told:
                with suppress(RuntimeError):  # they have gone already
                    tell({}, {})


def call(fitting: Fitting) -> None:
    """Process 0, about to train: have the others do so too. Raises DataError where one of them cannot."""
    if here().count == 1:
        return
    encoder, state = fitting.encoder, fitting.state
    document = {
        "config": write_config(fitting.config),
        "source": fitting.data.source,
        "sha256": fitting.data.sha256(),
        "step": state.step,
        "encoder": {"name": encoder.name, "settings": encoder.settings},
    }
    held = {f"encoder.{k}": v for k, v in encoder.tensors().items()}
    if not fitting.sharded:  # else the others get their parts of it with the first step
        held |= {f"state.{k}": v for k, v in state.tensors().items()}
    _lead.told = True
    tell(document, held)
    if here().agree()[1]:
        raise DataError("another process cannot train with this one: it says why above.")


def follow() -> None:
    """Any other process, from its start to its end. Raises what reading the data raises."""
    with suppress(Stopped), joined(), in_step():  # of process 0 having gone there is nothing to say, and nobody to say it
        document, tensors = hear()
        if not document:
            return
        try:
            fitting = _fitting(document, tensors)
        except UnstirError:
            here().agree(code=1)
            raise
        here().agree()
        with suppress(UnstirError), patient(AGAIN) as asked:  # process 0 meets the same, and says it
            for _ in fitting.steps():
                if agreed(asked, fitting.state):
                    break
            agreed(asked, fitting.state)  # until process 0 needs nothing more


def agreed(asked: Asked, state: State) -> int:
    """The exit code of a signal that any process has been sent, 0 for none: after each step, and in the end, in all of them.

    The others first give what process 0 asks for before it comes here.
    """
    while True:
        request, code = here().agree(code=asked.code)
        if request == Request.NOTHING:
            return code
        state.give(request)


def _fitting(document: dict[str, Any], tensors: dict[str, Tensor]) -> Fitting:
    """The fitting that process 0 has, from what it said and this process's own data."""
    config = resolve(tomllib.loads(document["config"]), {"data": {"source": document["source"]}})
    data = load_data(config)
    if data.sha256() != document["sha256"]:
        raise DataError(f"{document['source']} is not the same here as for process 0: its sha256 differs. Copy it from there.")
    parts = {
        part: {k.removeprefix(f"{part}."): v for k, v in tensors.items() if k.startswith(f"{part}.")}
        for part in ("encoder", "state")
    }
    encoder = ENCODERS[document["encoder"]["name"]].build(document["encoder"]["settings"], parts["encoder"])
    fitting = Fitting(data, config, encoder)
    if fitting.sharded:
        fitting.state.step = document["step"]
    else:
        fitting.state.restore(parts["state"], document["step"])
    return fitting
