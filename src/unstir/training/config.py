"""The settings of a run: one frozen tree, the same in TOML, as flags and as keyword arguments.

    defaults < preset chosen from the data < --config FILE < flags                                    (1)

Unknown keys are errors that suggest the nearest known one. `config.toml` in a run folder is this tree, written out whole.

    >>> flat(steps=100, schedule="flow")
    {'optim': {'steps': 100}, 'diffusion': {'schedule': 'flow'}}
    >>> Config.model_validate({"optim": {"steps": 100}}).optim.batch_size
    256
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, ValidationError

from unstir import devices
from unstir.diffusion.registry import DISTRIBUTIONS, SCHEDULES, TARGETS, WEIGHTS
from unstir.encoders.registry import ENCODERS
from unstir.errors import UsageError, unknown
from unstir.networks.registry import NETWORKS
from unstir.training.setting_types import Device, Kinds, Name, Numbers, Section, Size, names_in, shown

MOST_STEPS = 10**9  # of training
KEPT = "kept"  # a value of `start.scale`
AUTO = "auto"  # stands for a value that is chosen from the data or from other settings


class Data(Section):
    """The data."""

    source: str = Field("", description="Built-in name, file or folder.")
    labels: Name = Field(None, description="Column or array that holds the class.")
    header: Literal["auto", "yes", "no"] = Field(
        "auto", description="Whether the first line of a table holds the names of the columns: auto, yes or no."
    )
    labels_from: str | None = Field(
        None,
        description="What the classes of a folder's files are: folder, the usual; top, parent or path in a deeper tree; name, as in "
        "cat_001.png; or a table such as metadata.csv, whose column --data.labels names.",
    )
    formats: Literal["alike", "any"] = Field(
        "alike", description="A class whose images are in another file format than all others: alike refuses it, any reads it."
    )
    columns: Name = Field(None, description="Columns of a table that make a row, as in age,income; else all but class and group.")
    given: Name = Field(
        None,
        description="Columns of a table, or arrays of an archive, that each row is given, as in price,island or low; no part of a row.",
    )
    groups: Name = Field(None, description="Column or array of groups: no group is both trained on and held out.")
    missing: Literal["auto", "refuse", "drop"] = Field(
        "auto", description="Rows with gaps and damaged images: refuse or drop; auto refuses all but missing cells of tables."
    )
    size: Size = Field(None, description="Resize and crop the images of a folder: 32, or height x width as in 32x48.")
    flip: Literal["none", "horizontal"] = Field(
        "none", description="Mirror half of the images while training: none or horizontal."
    )
    axes: Annotated[str | None, BeforeValidator(lambda value: value.upper() if isinstance(value, str) else value)] = Field(
        None,
        description="Which axis is what, as in NLC, NCL, NL, NHW, NHWC, NCHW or ND: N rows, L steps, C channels, H height, W width, "
        "D numbers without neighbours; if left out, guessed from the shape.",
    )
    alpha: Literal["keep", "white"] = Field(
        "keep", description="The opacity of images: keep it as a fourth channel, or show them on white and model what is seen."
    )
    points: int = Field(5000, ge=2, description="How many points to draw of a built-in point set.")
    held_out: float = Field(0.1, gt=0, lt=1, description="Share of the rows that is never trained on.")
    encoder: str = Field(ENCODERS.default, description=f"How rows are scaled for the network: {ENCODERS.names}.")

    @property
    def height_width(self) -> tuple[int, int] | None:
        """`size` as two numbers."""
        if self.size is None:
            return None
        height, width = map(int, self.size.split("x"))
        return height, width

    @property
    def column_names(self) -> tuple[str, ...]:
        """`columns` as names; a name with a comma stands in quotes."""
        return names_in(self.columns)

    @property
    def given_names(self) -> tuple[str, ...]:
        """`given` as names, in the same way."""
        return names_in(self.given)


class Diffusion(Section):
    """The diffusion process and what the network predicts."""

    schedule: str = Field(SCHEDULES.default, description=f"How noise grows with time: {SCHEDULES.names}.")
    T: int | None = Field(None, ge=2, description="Steps of a discrete chain; if left out, 1000.")
    settings: dict[str, Numbers] = Field(
        {}, description="Further settings of the schedule by name, as in --diffusion.settings.beta_max 0.02; a list is 0.1,0.2."
    )
    target: str = Field(TARGETS.default, description=f"What the network predicts: {TARGETS.names}.")
    loss: str = Field(WEIGHTS.default, description=f"How the loss weights noise levels: {WEIGHTS.names}.")
    times: str = Field(
        AUTO, description=f"Which noise levels to train on: {', '.join(DISTRIBUTIONS)}, or auto: those that suit the target."
    )
    finest: float = Field(
        5.8,
        ge=0,
        le=20,
        description="log_normal times: the log-SNR of the finest detail of the data, down to which training is spent.",
    )
    answer: Literal["drawn", "expected"] = Field(
        "drawn",
        description="What the network is asked for: the drawn row itself, or the mean of the rows near it that the noisy row may come "
        "from, expected: the same minimum with less noise, for rows of up to 3 numbers.",
    )
    coupling: str = Field("independent", description="How rows and noise are paired: independent or optimal_transport.")

    @property
    def schedule_settings(self) -> dict[str, Any]:
        """The arguments of the schedule, `T` among them."""
        return dict(self.settings) | ({} if self.T is None else {"T": self.T})


class Network(Section):
    """A residual MLP, or for images and sequences a U-Net or a transformer."""

    architecture: str = Field(NETWORKS.default, description=f"Network: {NETWORKS.names}.")
    width: int = Field(96, ge=1, description="Features of each layer, or channels of the first level.")
    depth: int = Field(
        2, ge=1, description="Residual blocks; in a U-Net, blocks in each level on the way down, and on the way up."
    )
    octaves: int = Field(
        4, ge=0, le=16, description="MLP: how many sinusoids of each input number it sees, in addition to the number."
    )
    levels: int = Field(
        0, ge=0, le=8, description="U-Net: number of resolutions; 0: the longest side is halved down to about four."
    )
    widest: int = Field(4, ge=1, le=16, description="U-Net: channels of the widest level, as a multiple of width.")
    attention: int = Field(1, ge=0, le=8, description="U-Net: how many of the lowest levels have attention.")
    patch: int = Field(
        0, ge=0, le=1024, description="DiT: side of a patch, in positions; 0: the smallest that gives at most 64 patches."
    )
    dropout: float = Field(
        0.0, ge=0, lt=1, description="U-Net: share of the numbers in each block that a training step leaves out at random."
    )
    recompute: int = Field(
        0, ge=0, le=8, description="U-Net: how many of the highest levels save memory by computing their activations twice."
    )


class Autoencoder(Section):
    """The autoencoder of --latent."""

    halvings: int = Field(0, ge=0, le=6, description="How often height and width are halved; 0: down to about eight.")
    channels: int = Field(
        0, ge=0, le=256, description="Channels of the latents; 0: a quarter of the numbers, at most four channels."
    )
    filters: int = Field(32, ge=8, le=4096, description="Channels of its first level.")
    updates: int = Field(0, ge=0, le=10**9, description="Its training steps; 0: two a row, from 250 to 1,500.")
    noise: float = Field(
        0.1, gt=0, description="Size of an error that does not matter, in deviations; smaller keeps more detail, in more bits."
    )


class Optim(Section):
    """The optimiser."""

    steps: int = Field(4000, ge=1, le=MOST_STEPS, description="Training steps.")
    batch_size: int = Field(256, ge=1, le=10**7, description="Rows in a training step.")
    optimiser: str = Field(
        "adamw", pattern="^(adamw|muon)$", description="adamw, or muon for matrices and adamw for the other weights."
    )
    lr: float = Field(3e-3, gt=0, description="Peak learning rate.")
    warmup: int = Field(100, ge=0, le=10**9, description="Steps of linear warm-up.")
    weight_decay: float = Field(0.0, ge=0, description="Weight decay.")
    clip: float = Field(1.0, gt=0, description="Gradients of a larger norm are scaled down to this norm.")
    ema: float = Field(0.998, ge=0, lt=1, description="Decay of the exponential moving average of the weights.")
    keep: str = Field("best", pattern="^(best|last)$", description="Weights of the model: best (lowest held-out loss) or last.")
    drop_condition: float = Field(
        0.1, ge=0, lt=1, description="Share of rows trained without their class or what else they are given; guidance needs some."
    )
    precision: str = Field(
        "float32",
        pattern="^(float32|tf32|bfloat16)$",
        description="Precision of the network in training: float32, bfloat16, or tf32, which is float32 with shorter products on a GPU.",
    )
    sharding: str = Field(
        "none", pattern="^(none|full)$", description="none, or full: each process keeps a part of the weights (FSDP)."
    )
    capture: str = Field(
        "auto",
        pattern="^(auto|on|off)$",
        description="Capture a training step once and replay it, on a CUDA GPU: on, off, or auto: wherever it can be.",
    )
    compile: str = Field(
        "auto",
        pattern="^(auto|on|off)$",
        description="Compile the network with torch, which takes a minute once: on, off, or auto: not unless it is asked for.",
    )


class Start(Section):
    """Where training starts: from random weights, or from those of another run."""

    run: str | None = Field(None, description="Run or model folder whose weights to start from, in place of random ones.")
    sha256: str | None = Field(
        None, description="Of what is taken over; another one is refused. It is noted when the run begins."
    )
    scale: Literal["kept", "fitted"] = Field(
        "kept", description="Scale the rows as that run did (kept), or fit the encoder to the new rows (fitted)."
    )


class Config(Section):
    """Everything that decides a run."""

    data: Data = Data()
    diffusion: Diffusion = Diffusion()
    network: Network = Network()
    autoencoder: Autoencoder = Autoencoder()
    optim: Optim = Optim()
    start: Start = Start()
    columns: Kinds = Field(
        {}, description="What a column of a table is: category, number, time or drop, as in --columns.island drop."
    )
    seed: int = Field(0, ge=0, lt=2**32, description="Random seed.")
    device: Device = Field("auto", description=devices.HELP)


SECTIONS: dict[str, type[Section]] = {
    "data": Data,
    "diffusion": Diffusion,
    "network": Network,
    "autoencoder": Autoencoder,
    "optim": Optim,
    "start": Start,
}


def flat(**settings: Any) -> dict[str, Any]:
    """Keyword arguments by the last part of their names, as in `lr=1e-3`, as nested settings. Raises UsageError for an unknown name."""
    home = {leaf: name for name, section in SECTIONS.items() for leaf in section.model_fields}
    nested: dict[str, Any] = {}
    for leaf, value in settings.items():
        if leaf in ("seed", "device") or (leaf == "columns" and isinstance(value, Mapping)):
            nested[leaf] = (
                value  # columns="age,income" names those that make a row, and columns={"age": "number"} says what they are
            )
        elif leaf in home:
            nested.setdefault(home[leaf], {})[leaf] = value
        else:
            raise unknown("setting", leaf, [*home, "seed", "device"])
    return nested


def merge(*layers: Mapping[str, Any]) -> dict[str, Any]:
    """Nested settings; each layer overrides those before it: eq. (1)."""
    merged: dict[str, Any] = {}
    for layer in layers:
        for key, value in layer.items():
            inner = isinstance(value, Mapping) and (key in SECTIONS or key == "columns")
            merged[key] = merge(merged.get(key, {}), value) if inner else value
    return merged


def resolve(*layers: Mapping[str, Any]) -> Config:
    """The merged layers as a valid Config. Raises UsageError with one line for each wrong setting."""
    try:
        return Config.model_validate(merge(*layers))
    except ValidationError as error:
        raise UsageError("; ".join(message(e) for e in error.errors())) from None


def message(error: Any) -> str:
    """One of pydantic's errors in plain words: which setting, what is wrong, what was given."""
    where = ".".join(str(part) for part in error["loc"])
    if error["type"] == "extra_forbidden":
        section = SECTIONS.get(str(error["loc"][0])) if len(error["loc"]) > 1 else Config
        return str(
            unknown("setting", where, [".".join([*map(str, error["loc"][:-1]), k]) for k in (section or Config).model_fields])
        )
    given = "" if isinstance(error["input"], dict) else f" (got {shown(error['input'])})"
    return f"setting '{where}': {error['msg'][0].lower()}{error['msg'][1:]}{given}."
