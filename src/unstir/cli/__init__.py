"""The command line: `unstir`. stdout is for results, stderr for progress; nothing here imports torch before it must.

0 fine, 1 a bug of ours, 2 usage, 3 data, 4 numerics, 5 storage, 130 stopped by Ctrl-C
"""

import os
import sys
import traceback
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, CycloptsError, Parameter
from pydantic import Field, ValidationError, create_model

from unstir import __version__
from unstir.config import SECTIONS, Config, Section, merge, message
from unstir.errors import UnstirError

app = App(
    name="unstir",
    version=__version__,
    help="Train diffusion models from scratch on your own data, sample them in few steps, and know how good they are.",
    default_parameter=Parameter(name_transform=lambda name: name.replace("_", "-")),
    suppress_keyboard_interrupt=False,
)


def _whole(kind: type, tokens: Any) -> int:
    """A whole number as typed; 2.5 is not cut to 2."""
    return int(tokens[0].value)


Whole = Annotated[int, Parameter(converter=_whole)]


def _optional(model: type[Section], **more: Any) -> type[Section]:
    """The section with nothing required, so that only what was typed counts."""
    nothing: Any = None
    fields: dict[str, Any] = {
        name: (field.annotation | nothing, Field(None, description=field.description))
        for name, field in model.model_fields.items()
        if name not in SECTIONS and not (model is SECTIONS["data"] and name == "source")
    }
    return create_model(model.__name__, __base__=Section, **fields, **more)


Settings = _optional(Config, **{name: (_optional(section) | None, None) for name, section in SECTIONS.items()})

Json = Annotated[bool, Parameter(name="--json", negative=(), help="One JSON object on stdout.")]
Quiet = Annotated[bool, Parameter(name="--quiet", negative=(), help="No progress.")]
Debug = Annotated[bool, Parameter(name="--debug", negative=(), help="A traceback with an error.")]
Seed = Annotated[Whole, Parameter(help="Decides everything random.")]
Method = Annotated[str | None, Parameter(help="Sampler; without, the best measured one for that many steps.")]
Labels = Annotated[str | None, Parameter(name=["--class", "--label"], help="Class to sample, of a model with classes.")]


@app.command
def demo(
    *,
    out: Annotated[Path | None, Parameter(name=["--out", "-o"], help="Run folder.")] = None,
    steps: Annotated[Whole, Parameter(help="Training steps.")] = 5000,
    seed: Seed = 0,
    json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
):
    """Train the original DDPM recipe on the swiss roll, sample it twice, and say how good it is: about a minute."""
    from unstir.cli.demo import demo as command

    command(out, steps, seed, json, quiet)


@app.command
def train(
    data: Annotated[str | None, Parameter(name="DATA", help="Built-in name or .npy, .npz, .csv, .safetensors file.")] = None,
    /,
    *,
    out: Annotated[Path | None, Parameter(name=["--out", "-o"], help="Run folder; must not exist.")] = None,
    config: Annotated[Path | None, Parameter(name=["--config", "-c"], help="Settings in TOML.")] = None,
    steps: Annotated[Whole | None, Parameter(converter=_whole, help="Training steps: --optim.steps.")] = None,
    batch_size: Annotated[Whole | None, Parameter(converter=_whole, help="Rows a step: --optim.batch-size.")] = None,
    schedule: Annotated[str | None, Parameter(help="--diffusion.schedule.")] = None,
    target: Annotated[str | None, Parameter(help="--diffusion.target.")] = None,
    settings: Annotated[Settings | None, Parameter(name="*")] = None,  # pyrefly: ignore
    json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
):
    """Train a model of DATA: a run folder with the model, its score beside the floor, samples and figures."""
    from unstir.cli import training

    short = {
        "optim": {"steps": steps, "batch_size": batch_size},
        "diffusion": {"schedule": schedule, "target": target},
    }
    typed = {} if settings is None else settings.model_dump(exclude_none=True)
    flags = merge(typed, {name: {k: v for k, v in section.items() if v is not None} for name, section in short.items()})
    training.train(data, out, config, flags, json, quiet)


@app.command
def sample(
    run: Annotated[Path, Parameter(name="RUN", help="Run or model folder.")],
    /,
    *,
    n: Annotated[Whole, Parameter(name=["-n", "--number"], help="Samples.")] = 1000,
    steps: Annotated[Whole, Parameter(help="Network evaluations.")] = 20,
    method: Method = None,
    label: Labels = None,
    guidance: Annotated[float, Parameter(help="1 is the conditional model, more is more of the class.")] = 1.0,
    interval: Annotated[tuple[float, float] | None, Parameter(help="Log-SNR, low and high, inside which to guide.")] = None,
    out: Annotated[Path | None, Parameter(name=["--out", "-o"], help=".npy, .npz, .csv or .safetensors.")] = None,
    seed: Seed = 0,
    json: Json = False,
    debug: Debug = False,
):
    """Draw samples from a trained model, in the data's own units."""
    from unstir.cli import using

    using.sample(run, n, steps, method, label, guidance, interval, out, seed, json)


@app.command
def evaluate(
    run: Annotated[Path, Parameter(name="RUN", help="Run folder.")],
    data: Annotated[str | None, Parameter(name="DATA", help="True rows; without, those the run was trained on.")] = None,
    /,
    *,
    labels: Annotated[str | None, Parameter(help="Column or array of DATA that holds the class; it is left out.")] = None,
    steps: Annotated[Whole, Parameter(help="Network evaluations.")] = 20,
    method: Method = None,
    seed: Seed = 0,
    json: Json = False,
    debug: Debug = False,
):
    """Distances between samples and true rows, each beside its floor, and the held-out error by noise level."""
    from unstir.cli import using

    using.evaluate(run, data, labels, steps, method, seed, json)


@app.command
def selfcheck(*, json: Json = False, debug: Debug = False):
    """The exact truths of the mathematics, run on this machine for every schedule, target and sampler."""
    from unstir.cli import using

    using.selfcheck(json)


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; exits with the code of what happened."""
    arguments = sys.argv[1:] if arguments is None else arguments
    # Threads of torch's OpenMP that wait by spinning starve each other on a busy machine: 90 ms a step instead of 4 was seen.
    # Read when torch is loaded, which is after this line.
    os.environ.setdefault("GOMP_SPINCOUNT", "10000")
    try:
        app(arguments, exit_on_error=False, print_error=False)
        sys.stdout.flush()
    except KeyboardInterrupt:
        _stop("stopped.", 130)
    except (CycloptsError, UnstirError) as error:
        if "--debug" in arguments:
            traceback.print_exc()
        _stop(f"error: {_text(error)}", getattr(error, "exit_code", 2))
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the reader has gone: nothing to say, nobody to say it to
        sys.exit(0)
    except Exception as error:
        if "--debug" in arguments:
            traceback.print_exc()
        _stop(f"error: a bug of ours, not of yours: {type(error).__name__}: {error}. Repeat with --debug and tell us.", 1)


def _text(error: Exception) -> str:
    cause = error.__cause__
    if isinstance(cause, ValidationError):
        return "; ".join(message(e) for e in cause.errors())
    return " ".join(str(error).split())


def _stop(text: str, code: int) -> None:
    print(text, file=sys.stderr)
    sys.exit(code)
