"""`torchrun --nproc-per-node 2 -m unstir train ...`: process 0 runs the command, and the others help it to train.

    process 0     runs the command as usual; when training is about to start, it sends settings, encoder and state to the others
    the others    wait for them, read the same data, train in step with process 0, and end without a word when it is done

Where the state is shared out over the processes, the others give their parts whenever process 0 needs it whole: to look, and for a checkpoint.
If the command ends before training, by an error or because there is nothing to train, the others end too. A signal reaches all of them;
they stop after the same step. Only process 0 needs the run folder; each reads the data by itself.
"""

import tomllib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from unstir.cli.parts.signals import Asked, patient
from unstir.encoders.turned import rebuilt, saved
from unstir.errors import DataError, Stopped, UnstirError
from unstir.training.config import resolve
from unstir.training.config_file import write_config
from unstir.training.fitting import Fitting
from unstir.training.presets import load_data
from unstir.training.processes import hear, here, in_step, joined, tell
from unstir.training.state import State

SHARED = ("train", "resume")
AGAIN = 5.0  # seconds: a signal that comes twice within this time is one, which the terminal sent to all and torchrun passed on


@dataclass
class Lead:
    """Whether the others have been told what to do."""

    told: bool = False


_lead = Lead()


@contextmanager
def leading() -> Iterator[None]:
    """Around the command in process 0: however it ends, no other process is left waiting."""
    with joined():
        try:
            yield
        finally:
            if not _lead.told:
                with suppress(RuntimeError):  # the others have ended already
                    tell({}, {})


def call(fitting: Fitting) -> None:
    """In process 0, before training: tell the others to train too. Raises DataError where one of them cannot."""
    if here().count == 1:
        return
    encoder, state = fitting.encoder, fitting.state
    document = {
        "config": write_config(fitting.config),
        "source": fitting.data.source,
        "sha256": fitting.data.sha256(),
        "step": state.step,
        "encoder": saved(encoder),
    }
    held = {f"encoder.{k}": v for k, v in encoder.tensors().items()}
    if not fitting.sharded:  # else the others get their parts of it with the first step
        held |= {f"state.{k}": v for k, v in state.tensors().items()}
    _lead.told = True
    tell(document, held)
    if here().agree()[1]:
        raise DataError("another process cannot train with this one: see its error above.")


def follow() -> None:
    """All that a process other than 0 does. Raises what reading the data raises."""
    with suppress(Stopped), joined(), in_step():  # if process 0 has ended there is nothing to say
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
                if stop_code(asked, fitting.state):
                    break
            stop_code(asked, fitting.state)  # until process 0 needs nothing more


def stop_code(asked: Asked, state: State) -> int:
    """The exit code of a signal that any of the processes was sent, 0 for none.

    All processes call this after each step and once more when training is done, and hear the same. Before the others do, they give
    process 0 the parts of the state that it has asked for since.
    """
    code = state.meet(asked.code)
    if code:
        asked.answer()
    return code


def _fitting(document: dict[str, Any], tensors: dict[str, Tensor]) -> Fitting:
    """The same fitting as in process 0, made of what it sent and of the data as this process reads it."""
    config = resolve(tomllib.loads(document["config"]), {"data": {"source": document["source"]}})
    data = load_data(config)
    if data.sha256() != document["sha256"]:
        raise DataError(f"{document['source']} is not the same here as for process 0: its sha256 differs. Copy it from there.")
    parts = {
        part: {k.removeprefix(f"{part}."): v for k, v in tensors.items() if k.startswith(f"{part}.")}
        for part in ("encoder", "state")
    }
    encoder = rebuilt(document["encoder"], parts["encoder"])
    fitting = Fitting(data, config, encoder)
    if fitting.sharded:
        fitting.state.step = document["step"]
    else:
        fitting.state.restore(parts["state"], document["step"])
    return fitting
