"""What a model says of itself when it is made by a `Fitting`: its parts by name, the data, and the steps."""

from typing import TYPE_CHECKING, Any

from unstir.model.card import Card
from unstir.model.own import called, has_name
from unstir.words import spelled

if TYPE_CHECKING:
    from unstir.training.fitting import Fitting


def card_of(fitting: "Fitting", step: int) -> Card:
    """The card of the model of that step."""
    data, config, condition = fitting.data, fitting.config, fitting.condition
    named: dict[str, Any] = {name: called(part) for name, part in fitting.own.parts.items()}
    parts: dict[str, Any] = {
        "schedule": config.diffusion.schedule,
        "target": fitting.problem.target.name,
        "network": config.network.architecture,
        "encoder": fitting.encoder.name,
        "condition": condition.kind if condition else None,
    }
    return Card(
        shape=data.shape,
        axes=data.axes.letters,
        schedule_settings=fitting.schedule_settings,
        network_settings=fitting.network_settings,
        encoder_settings=fitting.encoder.settings,
        condition_settings=condition.settings if condition else {},
        dtype=data.dtype,
        names=data.names,
        bounds=data.bounds,
        levels=fitting.levels,
        table=None if data.table is None else data.table.as_json(),
        order=data.order,
        source=spelled(fitting.config.data.source or data.source),  # as it was typed, wherever the data was moved to since
        steps_trained=step,
        own=tuple(name for name, part in fitting.own.parts.items() if not has_name(name, part)),
        **(parts | named),
    )
