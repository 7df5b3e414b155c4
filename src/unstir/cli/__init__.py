"""The command line: `unstir`. stdout is for results, stderr for progress; nothing here imports torch before it must.

0 fine, 1 a bug of ours, 2 usage, 3 data, 4 numerics, 5 storage, 130 / 143 stopped by a signal
"""

import os
import sys
import traceback
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import App, CycloptsError, Parameter
from pydantic import Field, ValidationError, create_model

from unstir import __version__
from unstir.cli.signals import prompt
from unstir.encoders.registry import LATENT
from unstir.errors import UnstirError
from unstir.training.config import SECTIONS, Config, Section, merge, message

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
Page = Annotated[
    bool, Parameter(name="--report", negative=(), help="Keep report.html in the run folder up to date as it trains.")
]
Seed = Annotated[Whole, Parameter(help="Decides everything random.")]
Method = Annotated[str | None, Parameter(help="Sampler; without, the best measured one for that many steps.")]
Out = Annotated[
    str | None,
    Parameter(name=["--out", "-o"], help=".npy, .npz, .csv or .safetensors; of images also a folder, as in out/, of PNGs."),
]
Grid = Annotated[Path | None, Parameter(help="A .png file for one picture of them all, side by side.")]
Rows = Annotated[str | None, Parameter(help="Only these rows, counted from 0, as in 3,17.")]
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
def inspect(
    data: Annotated[str, Parameter(name="DATA", help="Built-in name, folder of images, or .npy, .npz, .csv, .safetensors file.")],
    /,
    *,
    settings: Annotated[Settings | None, Parameter(name="*")] = None,  # pyrefly: ignore
    json: Json = False,
    debug: Debug = False,
):
    """What DATA is taken for, what is wrong with it, the settings that it decides, and what training would cost."""
    from unstir.cli import looking

    looking.inspect(data, {} if settings is None else settings.model_dump(exclude_none=True), json)


@app.command
def train(
    data: Annotated[
        str | None, Parameter(name="DATA", help="Built-in name, folder of images, or .npy, .npz, .csv, .safetensors file.")
    ] = None,
    /,
    *,
    out: Annotated[Path | None, Parameter(name=["--out", "-o"], help="Run folder; must not exist.")] = None,
    config: Annotated[Path | None, Parameter(name=["--config", "-c"], help="Settings in TOML.")] = None,
    steps: Annotated[Whole | None, Parameter(converter=_whole, help="Training steps: --optim.steps.")] = None,
    batch_size: Annotated[Whole | None, Parameter(converter=_whole, help="Rows a step: --optim.batch-size.")] = None,
    schedule: Annotated[str | None, Parameter(help="--diffusion.schedule.")] = None,
    target: Annotated[str | None, Parameter(help="--diffusion.target.")] = None,
    minutes: Annotated[float | None, Parameter(help="Plan as many steps as fit into that many minutes of training.")] = None,
    dry_run: Annotated[bool, Parameter(name="--dry-run", negative=(), help="Say what it would cost, and stop there.")] = False,
    print_config: Annotated[
        bool,
        Parameter(name="--print-config", negative=(), help="Every setting and where it comes from, as TOML, and stop there."),
    ] = False,
    latent: Annotated[
        bool, Parameter(name="--latent", negative=(), help="Train in the latents of an autoencoder: --data.encoder latent.")
    ] = False,
    report: Page = False,
    settings: Annotated[Settings | None, Parameter(name="*")] = None,  # pyrefly: ignore
    json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
):
    """Train a model of DATA: a run folder with the model, its score beside the floor, samples and figures."""
    from unstir.cli import training
    from unstir.cli.finishing import Manner

    short = {
        "data": {"encoder": LATENT if latent else None},
        "optim": {"steps": steps, "batch_size": batch_size},
        "diffusion": {"schedule": schedule, "target": target},
    }
    typed = {} if settings is None else settings.model_dump(exclude_none=True)
    flags = merge(typed, {name: {k: v for k, v in section.items() if v is not None} for name, section in short.items()})
    only = "config" if print_config else "plan" if dry_run else ""
    training.train(data, out, config, flags, minutes, only, Manner(json, quiet, report))


@app.command
def resume(
    run: Annotated[Path, Parameter(name="RUN", help="Run folder.")],
    /,
    *,
    report: Page = False,
    json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
):
    """Go on with a run that was stopped, to the same model, bit by bit, as if it never had been."""
    from unstir.cli import training
    from unstir.cli.finishing import Manner

    training.resume(run, Manner(json, quiet, report))


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
    out: Out = None,
    grid: Grid = None,
    seed: Seed = 0,
    precision: Annotated[
        str, Parameter(help="Of the network: float32, or bfloat16, which wide networks are faster in where the processor has it.")
    ] = "float32",
    json: Json = False,
    debug: Debug = False,
):
    """Draw samples from a trained model, in the data's own units."""
    from unstir.cli import using

    using.sample(run, n, steps, method, label, guidance, interval, out, grid, seed, precision, json)


@app.command
def inpaint(
    run: Annotated[Path, Parameter(name="RUN", help="Run or model folder.")],
    data: Annotated[str, Parameter(name="DATA", help="Rows to fill in: built-in name or file.")],
    /,
    *,
    mask: Annotated[
        Path, Parameter(help="What to keep: .npy of 1 and 0, of a row's shape or of all rows', or .png, white to keep.")
    ],
    out: Annotated[str, Parameter(name=["--out", "-o"], help="As for sample.")],
    rows: Rows = None,
    labels: Annotated[str | None, Parameter(help="Column or array of DATA that holds the class; it is left out.")] = None,
    label: Labels = None,
    guidance: Annotated[float, Parameter(help="1 is the conditional model, more is more of the class.")] = 1.0,
    steps: Annotated[Whole, Parameter(help="Denoisings, each up to six network evaluations.")] = 20,
    method: Method = None,
    grid: Grid = None,
    seed: Seed = 0,
    json: Json = False,
    debug: Debug = False,
):
    """Draw the parts of rows that a mask leaves open, given the parts that it keeps."""
    from unstir.cli import editing

    editing.inpaint(run, data, mask, rows, labels, label, guidance, steps, method, out, grid, seed, json)


@app.command
def interpolate(
    run: Annotated[Path, Parameter(name="RUN", help="Run or model folder.")],
    data: Annotated[str, Parameter(name="DATA", help="Built-in name or file.")],
    /,
    *,
    rows: Annotated[str, Parameter(help="The two rows, counted from 0, as in 3,17.")],
    out: Annotated[str, Parameter(name=["--out", "-o"], help="As for sample.")],
    n: Annotated[Whole, Parameter(name=["-n", "--number"], help="Rows on the way, both ends included.")] = 9,
    labels: Annotated[str | None, Parameter(help="Column or array of DATA that holds the class; it is left out.")] = None,
    steps: Annotated[Whole, Parameter(help="Network evaluations, there and back each.")] = 50,
    grid: Grid = None,
    json: Json = False,
    debug: Debug = False,
):
    """Go from one row of DATA to another through the noise that the model makes them of."""
    from unstir.cli import editing

    editing.interpolate(run, data, rows, n, labels, steps, out, grid, json)


@app.command
def evaluate(
    run: Annotated[Path, Parameter(name="RUN", help="Run folder.")],
    data: Annotated[str | None, Parameter(name="DATA", help="True rows; without, those the run was trained on.")] = None,
    /,
    *,
    labels: Annotated[str | None, Parameter(help="Column or array of DATA that holds the class; it is left out.")] = None,
    missing: Annotated[
        Literal["refuse", "drop"], Parameter(name="--data.missing", help="Rows of DATA with missing or infinite values.")
    ] = "refuse",
    size: Annotated[str | None, Parameter(name="--data.size", help="Size for the images of a folder DATA, as in 32x48.")] = None,
    steps: Annotated[Whole, Parameter(help="Network evaluations.")] = 20,
    method: Method = None,
    seed: Seed = 0,
    rows: Annotated[
        Whole | None, Parameter(name="-n", help="True rows a set and as many samples, five sets; without, what takes minutes.")
    ] = None,
    json: Json = False,
    debug: Debug = False,
):
    """Distances between samples and true rows, each beside its floor, and the held-out error by noise level."""
    from unstir.cli import evaluating

    evaluating.evaluate(run, data, labels, missing, size, steps, method, seed, rows, json)


@app.command
def report(
    run: Annotated[Path, Parameter(name="RUN", help="Folder of a run or of a comparison.")],
    /,
    *,
    out: Annotated[Path | None, Parameter(name=["--out", "-o"], help="The page, if not RUN/report.html.")] = None,
    json: Json = False,
    debug: Debug = False,
):
    """One page that shows what diffusion does to the data and what the model learnt: a file that works anywhere, offline."""
    from unstir.cli import reporting

    reporting.report(run, out, json)


@app.command
def animate(
    run: Annotated[Path, Parameter(name="RUN", help="Run folder.")],
    /,
    *,
    out: Annotated[Path | None, Parameter(name=["--out", "-o"], help="A .gif or .mp4 file, if not RUN/figures/film.gif.")] = None,
    seconds: Annotated[float, Parameter(help="Length.")] = 8.0,
    pixels: Annotated[Whole, Parameter(converter=_whole, help="Width.")] = 480,
    rate: Annotated[Whole, Parameter(converter=_whole, help="Pictures a second.")] = 20,
    json: Json = False,
    debug: Debug = False,
):
    """A film for a slide: the data turns into noise, and the model turns that noise into data again."""
    from unstir.cli import reporting

    reporting.animate(run, out, seconds, pixels, rate, json)


@app.command
def compare(
    what: Annotated[str, Parameter(name="WHAT", help="schedules, targets or samplers.")],
    data: Annotated[str, Parameter(name="DATA", help="Built-in name, folder of images, or .npy, .npz, .csv, .safetensors file.")],
    /,
    *,
    only: Annotated[str | None, Parameter(help="Those to compare, as in linear,cosine; without, the usual ones.")] = None,
    seeds: Annotated[Whole, Parameter(help="Trainings of each.")] = 5,
    n: Annotated[Whole, Parameter(name=["-n", "--number"], help="Samples of each, at most.")] = 5000,
    out: Annotated[
        Path | None, Parameter(name=["--out", "-o"], help="Folder of the results; one of the same comparison is gone on with.")
    ] = None,
    config: Annotated[Path | None, Parameter(name=["--config", "-c"], help="Settings in TOML.")] = None,
    steps: Annotated[Whole | None, Parameter(converter=_whole, help="Training steps: --optim.steps; without, 2000.")] = None,
    batch_size: Annotated[Whole | None, Parameter(converter=_whole, help="Rows a step: --optim.batch-size.")] = None,
    schedule: Annotated[str | None, Parameter(help="--diffusion.schedule.")] = None,
    target: Annotated[str | None, Parameter(help="--diffusion.target.")] = None,
    settings: Annotated[Settings | None, Parameter(name="*")] = None,  # pyrefly: ignore
    json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
):
    """Which schedule, target or sampler is better on DATA: same rows, same budget, several seeds, and a verdict."""
    from unstir.cli import comparing
    from unstir.cli.finishing import Manner

    short = {
        "optim": {"steps": steps, "batch_size": batch_size},
        "diffusion": {"schedule": schedule, "target": target},
    }
    typed = {} if settings is None else settings.model_dump(exclude_none=True)
    flags = merge(typed, {name: {k: v for k, v in section.items() if v is not None} for name, section in short.items()})
    comparing.compare(what, data, out, config, flags, only, seeds, n, Manner(json, quiet))


@app.command
def selfcheck(*, json: Json = False, debug: Debug = False):
    """The exact truths of the mathematics, run on this machine for every schedule, target and sampler."""
    from unstir.cli import using

    using.selfcheck(json)


@app.command
def doctor(*, json: Json = False, debug: Debug = False):
    """Versions, device, threads, memory, speed, what is missing and how to get it."""
    from unstir.cli.doctor import doctor as command

    command(json)


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; exits with the code of what happened."""
    arguments = sys.argv[1:] if arguments is None else arguments
    # Threads of torch's OpenMP that wait by spinning starve each other on a busy machine: 90 ms a step instead of 4 was seen.
    # Read when torch is loaded, which is after this line.
    os.environ.setdefault("GOMP_SPINCOUNT", "10000")
    try:
        with prompt():
            try:
                _run(arguments)
            finally:
                sys.stdout.flush()  # here, where a reader that has gone is no error, and not when Python ends
    except KeyboardInterrupt as error:
        _stop("" if _rank() else str(error) or "stopped.", getattr(error, "exit_code", 130))
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
        if _out_of_memory(error):
            _stop(
                "error: there is not enough memory for this. Ask for less at once: fewer samples or points, a smaller --batch-size or "
                "--network.width.",
                2,
            )
        _stop(f"error: a bug of ours, not of yours: {type(error).__name__}: {error}. Repeat with --debug and tell us.", 1)


def _run(arguments: list[str]) -> None:
    """The command; of several processes that `torchrun` has started the first runs it, and the others help it to train."""
    if os.environ.get("WORLD_SIZE", "1") == "1" or not os.environ.keys() >= {"RANK", "MASTER_ADDR"}:
        app(arguments, exit_on_error=False, print_error=False)
        return
    from unstir.cli.together import COMMANDS, follow, leading

    shared = bool(arguments) and arguments[0] in COMMANDS
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


def _out_of_memory(error: Exception) -> bool:
    """Python and numpy have a class for it; torch says it in words, and in more than one way."""
    said = ("can't allocate memory", "not enough memory", "out of memory", "size calculation overflowed")
    return isinstance(error, MemoryError) or (isinstance(error, RuntimeError) and any(words in str(error) for words in said))


def _stop(text: str, code: int) -> None:
    if text:
        print(f"process {_rank()}: {text}" if _rank() else text, file=sys.stderr)
    sys.exit(code)
