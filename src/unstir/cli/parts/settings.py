"""The flags that set up a training run, made from the configuration: a field `lr` of its section `optim` is the flag `--optim.lr`.

Their names, types and help texts are those of the fields in `unstir.training.config`: a new setting is added there, and nowhere else.
What is declared here are the short names of those that are typed most often, and `--config`.

    defaults < preset chosen from the data < --config FILE < flags
"""

from dataclasses import dataclass
from typing import Annotated, Any

from cyclopts import Parameter
from pydantic import Field, create_model

from unstir.cli.parts.flags import SETTINGS, Name, Place, Whole
from unstir.encoders.registry import LATENT
from unstir.training.config import SECTIONS, Config, Section, merge
from unstir.training.config_file import read_config

Nested = dict[str, Any]
"""Settings by section and name, as in {"optim": {"lr": 0.001}}."""


def _optional(model: type[Section], **more: Any) -> type[Section]:
    """The section with None as every default, so that one can tell what was typed."""
    nothing: Any = None
    fields: dict[str, Any] = {
        name: (field.annotation | nothing, Field(None, description=field.description))
        for name, field in model.model_fields.items()
        if name not in SECTIONS and not (model is SECTIONS["data"] and name == "source")
    }
    return create_model(model.__name__, __base__=Section, **fields, **more)


AllSettings = _optional(Config, **{name: (_optional(section) | None, None) for name, section in SECTIONS.items()})


@Parameter(name="*", group=SETTINGS)
@dataclass(frozen=True)
class SettingsFlags:
    """Settings of a training run, as they were typed."""

    config: Annotated[Place | None, Parameter(name=["--config", "-c"], help="TOML file with settings; flags win over it.")] = None
    steps: Annotated[Whole | None, Parameter(help="Training steps. Short for --optim.steps.")] = None
    batch_size: Annotated[Whole | None, Parameter(help="Rows in a training step. Short for --optim.batch-size.")] = None
    schedule: Annotated[str | None, Parameter(help="Noise schedule. Short for --diffusion.schedule.")] = None
    target: Annotated[str | None, Parameter(help="What the network predicts. Short for --diffusion.target.")] = None
    given: Annotated[
        Name | None,
        Parameter(help="Columns, arrays or pictures that each row is given, as in price,island or low. Short for --data.given."),
    ] = None
    latent: Annotated[
        bool,
        Parameter(
            name="--latent",
            negative=(),
            show_default=False,
            help=f"Train in the latents of an autoencoder. Short for --data.encoder {LATENT}.",
        ),
    ] = False
    every: Annotated[AllSettings | None, Parameter(name="*")] = None  # pyrefly: ignore

    def file(self) -> Nested:
        """The settings in the file, {} without one. Raises StorageError or UsageError for a file that is missing or wrong."""
        return {} if self.config is None else read_config(self.config)

    def flags(self) -> Nested:
        """The settings that were typed as flags; a short name wins over a long one."""
        short = {
            "data": {"encoder": LATENT if self.latent else None, "given": self.given},
            "optim": {"steps": self.steps, "batch_size": self.batch_size},
            "diffusion": {"schedule": self.schedule, "target": self.target},
        }
        typed = {} if self.every is None else self.every.model_dump(exclude_none=True)
        return merge(typed, {name: {k: v for k, v in section.items() if v is not None} for name, section in short.items()})
