"""Flags that several commands take, each declared once. A flag of one command alone is in the signature of that command.

A frozen dataclass here is a set of flags: a field is a flag, with its help text. A command that takes the set has one parameter of that
type, and passes the value on as it is:

    def sample(run: RunOrModel, /, *, how: SamplingFlags = SamplingFlags()): ...      ->  --steps --method --guidance --interval --seed

The flags that set up a training run (`--optim.lr` and so on) are made from the configuration: `settings.py`.
Nothing here imports torch or numpy, so that `--help` answers at once.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Group, Parameter

from unstir.devices import HELP
from unstir.model.sampling import Sampling
from unstir.words import spelled

# Headings in --help, in this order, below "Parameters", which has a command's own flags.
SAMPLING, SETTINGS, OUTPUT = (Group(name, sort_key=i) for i, name in enumerate(("Sampling", "Settings of the run", "Output"), 1))


def _whole(kind: type, tokens: Any) -> int:  # noqa: ARG001
    """A whole number as typed; 2.5 is refused, not rounded to 2."""
    return int(tokens[0].value)


Whole = Annotated[int, Parameter(converter=_whole)]


def _place(kind: type, tokens: Any) -> Path:  # noqa: ARG001
    """A path as typed, with ~ written out: a shell does that for `-o ~/x`, but not for `--out=~/x`."""
    return Path(home(tokens[0].value))


def home(path: str) -> str:
    """A path with ~ at its start written out. A final / stays, since it says that a folder is meant."""
    return os.path.expanduser(path)


def _name(kind: type, tokens: Any) -> str:  # noqa: ARG001
    """A name in the data as text, as files hold it, whatever the locale makes of the bytes that were typed."""
    return spelled(tokens[0].value)


Name = Annotated[str, Parameter(converter=_name)]
Place = Annotated[Path, Parameter(converter=_place)]
Seed = Annotated[Whole, Parameter(help="Random seed.")]
Device = Annotated[str, Parameter(help=HELP)]

RunFolder = Annotated[Place, Parameter(name="RUN", help="Run folder.")]
RunOrModel = Annotated[Place, Parameter(name="RUN", help="Run folder, or the model folder inside one.")]
DataSource = Annotated[
    str,
    Parameter(
        name="DATA",
        help="Built-in name, folder of images or of .npy files, or .npy, .npz, .csv, .tsv, .parquet, .feather or .safetensors file.",
    ),
]
RunOut = Annotated[Place | None, Parameter(name=["--out", "-o"], help="Run folder to make; it must not exist yet.")]
Picked = Annotated[str | None, Parameter(name="--rows", help="Use only these rows, counted from 0, as in 3,17.")]


def _switch(name: str, text: str) -> Parameter:
    return Parameter(name=name, negative=(), show_default=False, help=text)


@Parameter(name="*", group=OUTPUT)
@dataclass(frozen=True)
class Output:
    """How a command answers."""

    json: Annotated[bool, _switch("--json", "Print one JSON object on stdout.")] = False
    debug: Annotated[bool, _switch("--debug", "Show a traceback with an error.")] = False


@Parameter(name="*", group=OUTPUT)
@dataclass(frozen=True)
class ProgressOutput(Output):
    """How a command that trains answers."""

    quiet: Annotated[bool, _switch("--quiet", "Show no progress. Warnings and errors are still shown.")] = False


@Parameter(name="*", group=OUTPUT)
@dataclass(frozen=True)
class TrainingOutput(ProgressOutput):
    """How a command answers that trains one model on the record."""

    report: Annotated[bool, _switch("--report", "Keep report.html in the run folder up to date during training.")] = False


@Parameter(name="*", group=SAMPLING)
@dataclass(frozen=True)
class SamplingFlags:
    """How to sample, for the settings of `Sampling` that a person types."""

    steps: Annotated[Whole, Parameter(help="Network evaluations.")] = 20
    method: Annotated[str | None, Parameter(help="Sampler; if left out, the best measured one for that many evaluations.")] = None
    guidance: Annotated[
        float, Parameter(help="1 samples the model as trained; a larger number, as in 2, moves samples towards their class.")
    ] = 1.0
    interval: Annotated[
        tuple[float, float] | None,
        Parameter(negative=(), help="Guide only between these two log-SNRs, low and high, as in -2 4."),
    ] = None
    seed: Seed = 0

    def sampling(self) -> Sampling:
        """As the library takes it. Raises UsageError for a value out of range."""
        return Sampling(**{flag.name: getattr(self, flag.name) for flag in fields(self)})


@Parameter(name="*", group=SAMPLING)
@dataclass(frozen=True)
class InpaintingFlags(SamplingFlags):
    """How to sample where a part of each row is known."""

    steps: Annotated[Whole, Parameter(help="Denoising steps.")] = 20
    method: Annotated[str | None, Parameter(help="Sampler. With one, each row has one particle.")] = None
    particles: Annotated[
        Whole | None,
        Parameter(
            help="From how many tries each row is drawn. More are more exact, and take longer. If left out, 16 for tables and rows of up "
            "to 16 numbers, and 1 for others, which is a guess that is exact for Gaussian data."
        ),
    ] = None


@Parameter(name="*")
@dataclass(frozen=True)
class GivenFlags:
    """What samples are drawn for."""

    label: Annotated[
        Name | None,
        Parameter(
            name=["--class", "--label"],
            help="Class to sample, by name or number, for a model of data with classes.",
        ),
    ] = None

    given: Annotated[
        Name | None,
        Parameter(
            help="What the rows are given, as in price=3.2,island=Biscoe; what is left out is not known. Or a table or .npz file with a row "
            "for each sample."
        ),
    ] = None

    def of(self, classes: Sequence[str]) -> str | int | None:
        """The class as the library takes it: a number that is not the name of one of these `classes` counts them from 0."""
        is_number = self.label is not None and self.label not in classes and self.label.isascii() and self.label.isdigit()
        return int(self.label or "") if is_number else self.label


_OUT = Parameter(
    name=["--out", "-o"],
    help=".npy, .npz, .csv, .tsv, .parquet, .feather or .safetensors file; for images also a folder of PNGs, as in out/.",
    converter=lambda _, tokens: home(tokens[0].value),
)
RowsFile = Annotated[str, _OUT]


@Parameter(name="*")
@dataclass(frozen=True)
class RowsOut:
    """Where rows that a model makes are written."""

    out: Annotated[str | None, _OUT] = None
    grid: Annotated[Place | None, Parameter(help="A .png file for one picture of all rows, side by side.")] = None


@Parameter(name="*")
@dataclass(frozen=True)
class NamedRowsOut(RowsOut):
    """The same, for a command that has to be told the file."""

    out: Annotated[str, _OUT] = field()


@Parameter(name="*")
@dataclass(frozen=True)
class ReadingFlags:
    """How DATA is read by a command that has a model already."""

    labels: Annotated[
        Name | None,
        Parameter(
            name="--labels",
            help="Column or array of DATA that holds the class; if left out, the one that is called as in training. none: no class.",
        ),
    ] = None
    groups: Annotated[
        Name | None, Parameter(name="--groups", help="Column or array of DATA that holds the group; it is not part of a row.")
    ] = None
    size: Annotated[
        str | None, Parameter(name="--data.size", help="Resize the images of a folder to this height and width, as in 32x48.")
    ] = None
    header: Annotated[
        Literal["auto", "yes", "no"],
        Parameter(name="--data.header", help="Whether the first line of a table holds the names of the columns."),
    ] = "auto"
    labels_from: Annotated[
        str | None,
        Parameter(name="--data.labels-from", help="What the classes of a folder's files are, as in `unstir train --help`."),
    ] = None
    alpha: Annotated[
        Literal["keep", "white"],
        Parameter(name="--data.alpha", help="The opacity of images: keep it, or show them on white, as in training."),
    ] = "keep"


@Parameter(name="*")
@dataclass(frozen=True)
class CompleteReadingFlags(ReadingFlags):
    """The same, for a command that needs rows without gaps."""

    missing: Annotated[
        Literal["auto", "refuse", "drop"],
        Parameter(name="--data.missing", help="What to do with rows of DATA that have missing or infinite values."),
    ] = "auto"
