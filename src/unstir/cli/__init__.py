"""The command line, `unstir`: one file per command, named like the command. stdout is for results, stderr for progress.

A command is a function in the file of its name: `train.py` has `train`, `sample.py` has `sample`. The function's parameters are the
command's arguments and flags, its docstring is the help text, and its body is all that the command does, from top to bottom.

    Where is a flag declared?
      of one command              in the signature of its function            --dry-run is in train.py
      of several commands         in parts/flags.py                           --steps of sample, --json, --out
      a setting of a run          in unstir.training.config                   --optim.lr, --diffusion.schedule
      a short name of one         in parts/settings.py                        only --steps, --batch-size, --schedule, --target, --latent

    How is a command added?
      1. its file, here, with one function; whatever imports torch or numpy is imported inside the function
      2. its row in the table COMMANDS of registry.py

`parts/` has what several commands share: flags, progress, signals, how training is started and ended. This file builds the program
from COMMANDS and maps errors to exit codes:

    0 fine    1 a bug of ours    2 usage    3 data    4 numerics    5 storage    130, 143 stopped by a signal

`parts/output.py` says what becomes of a command whose stdout or stderr is closed, full, or without a reader.
"""

import os
import sys
import traceback
from contextlib import nullcontext

from cyclopts import App, CycloptsError, Parameter
from pydantic import ValidationError

from unstir import __version__
from unstir.cli.parts import clock
from unstir.cli.parts.output import lost, outlasting
from unstir.cli.parts.signals import prompt
from unstir.cli.registry import COMMANDS
from unstir.errors import StorageError, UnstirError, out_of_memory
from unstir.steady import steady
from unstir.training.config import message
from unstir.words import printable

HELP = "Train diffusion models from scratch on your own data, sample them in few steps, and know how good they are."


def main(arguments: list[str] | None = None) -> None:
    """Run a command, by default the one that was typed; exits with the code of what happened."""
    clock.start(typed=arguments is None)
    arguments = sys.argv[1:] if arguments is None else arguments
    # torch reads this when it is loaded, which is later. Without it, OpenMP threads that wait by spinning take the processor from
    # each other on a busy machine: a training step was seen to take 90 ms instead of 4.
    os.environ.setdefault("GOMP_SPINCOUNT", "10000")
    with outlasting() as out:
        code = _ended(arguments)
        clock.stop()
        if said := lost(out):
            code = code or StorageError.exit_code
            _say(said)
    sys.exit(code)


def _ended(arguments: list[str]) -> int:
    """Run a command to its end; the exit code of what happened, which is said on stderr if it is not 0."""
    try:
        with prompt():
            try:
                _run(arguments)
            finally:
                sys.stdout.flush()  # here, where waiting for a reader can be interrupted
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else 0 if stop.code is None else 1
    except KeyboardInterrupt as error:
        _say("" if _rank() else str(error) or "stopped.")
        return getattr(error, "exit_code", 130)
    except (CycloptsError, UnstirError) as error:
        if "--debug" in arguments:
            traceback.print_exc()
        _say(f"error: {_text(error)}")
        return getattr(error, "exit_code", 2)
    except Exception as error:
        if "--debug" in arguments:
            traceback.print_exc()
        if out_of_memory(error):
            _say(
                "error: there is not enough memory for this. Ask for less at once: half as many samples (-n) or points, half the "
                "--batch-size, or half the --network.width."
            )
            return 2
        _say(f"error: a bug of ours, not of yours: {type(error).__name__}: {error}. Repeat with --debug and tell us.")
        return 1
    return 0


def program() -> App:
    """The command line made of the table of commands."""
    made = App(
        name="unstir",
        version=__version__,
        help=HELP,
        default_parameter=Parameter(name_transform=lambda name: name.replace("_", "-")),
        suppress_keyboard_interrupt=False,
    )
    for place, (name, command) in enumerate(COMMANDS.items()):
        made.command(command, name=name, sort_key=place)
    return made


@steady
def _run(arguments: list[str]) -> None:
    """Run the command. Where `torchrun` has started several processes, the first one runs it and the others help it to train."""
    app = program()
    if os.environ.get("WORLD_SIZE", "1") == "1" or not os.environ.keys() >= {"RANK", "MASTER_ADDR"}:
        app(arguments, exit_on_error=False, print_error=False)
        return
    from unstir.cli.parts.together import SHARED, follow, leading

    shared = bool(arguments) and arguments[0] in SHARED
    if _rank() == 0:
        with leading() if shared else nullcontext():
            app(arguments, exit_on_error=False, print_error=False)
    elif shared:
        follow()


def _rank() -> int:
    return int(os.environ.get("RANK", "0"))


def _text(error: Exception) -> str:
    cause = error.__cause__
    if isinstance(cause, ValidationError):
        return "; ".join(message(e) for e in cause.errors())
    return " ".join(str(error).split())


def _say(text: str) -> None:
    if text:
        text = printable(text)  # a name from the data can hold what a terminal obeys
        print(f"process {_rank()}: {text}" if _rank() else text, file=sys.stderr)
