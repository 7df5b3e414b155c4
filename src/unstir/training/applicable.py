"""Which settings a run has: those that change something in it; and of all others, why they change nothing.

A run has no settings of an autoencoder that it does not train, none of networks other than its own, no number of points if its data is a
file, and no share of dropped classes without classes. The files of a run hold every setting, so that they can be changed and used again;
what people read shows those that the run has, and somebody who asks for another one is told why it does nothing.

Whether a setting is heeded is asked of the part that would: a network heeds the settings that its constructor names.

    >>> from unstir.training.config import resolve
    >>> found = applicable(resolve({"data": {"source": "moons"}}), None, classes=False)
    >>> sorted(found["network"]), "autoencoder" in found, "points" in found["data"], "drop_condition" in found["optim"]
    (['architecture', 'depth', 'octaves', 'width'], False, True, False)
"""

from collections.abc import Iterable, Iterator
from typing import Any

from unstir.data import Layout
from unstir.data.readers import heeds_points
from unstir.diffusion.registry import DISTRIBUTIONS
from unstir.encoders.registry import ENCODERS
from unstir.model.own import NOTHING_OWN, Own
from unstir.networks.building import parameters
from unstir.networks.registry import NETWORKS
from unstir.training.config import SECTIONS, Config
from unstir.training.processes import here
from unstir.training.recipe import SHARDED

ARRAY = "array"  # the source of what is no file
OF_FILES = (
    "source",
    "points",
    "size",
    "header",
    "labels_from",
    "formats",
    "columns",
    "given",
)  # settings that say how a file is read
OF_IMAGES = ("alpha", "flip", "size")


def applicable(config: Config, lies: Layout | None, classes: bool) -> dict[str, Any]:
    """The settings, by section, that a run with rows that lie like `lies` has; settings that are None or empty are left out."""
    ignored = {(section, leaf) for section, leaf, _ in without_effect(config, config.data.source, lies, classes)}
    found = {
        section: {leaf: value for leaf, value in held.items() if (section, leaf) not in ignored and value != {}}
        if isinstance(held, dict)
        else held
        for section, held in config.model_dump(exclude_none=True).items()
    }
    return {section: held for section, held in found.items() if held != {}}


def without_effect(
    config: Config, source: str, lies: Layout | None, classes: bool, own: Own = NOTHING_OWN
) -> Iterator[tuple[str, str, str]]:
    """The settings that change nothing: section, name and the reason, each once.

    `source` is that of the rows, `lies` how they lie, `classes` whether there is a condition, and `own` are parts of the caller's own.
    """
    seen = set()
    for section, leaves, why in _rules(config, source, lies, classes, own):
        for leaf in leaves:
            if (section, leaf) not in seen:
                seen.add((section, leaf))
                yield section, leaf, why


def _rules(config: Config, source: str, lies: Layout | None, classes: bool, own: Own) -> Iterator[tuple[str, Iterable[str], str]]:
    """Settings that change nothing, together with those that change nothing for the same reason."""
    network, name = config.network.architecture, config.data.encoder
    trained = (
        own.encoder.trained if own.encoder else name not in ENCODERS or ENCODERS[name].trained
    )  # one that is not known here may be
    heeded = ("architecture", *(parameters(network) if network in NETWORKS else ()))
    if own.network is not None:
        yield "network", SECTIONS["network"].model_fields, "the network is your own"
    yield "network", SECTIONS["network"].model_fields.keys() - heeded, f"the {network} network has no such setting"
    if not trained:
        named = own.encoder.name if own.encoder else name
        yield "autoencoder", SECTIONS["autoencoder"].model_fields, f"the {named} encoder is no autoencoder"
    if source == ARRAY:
        yield "data", OF_FILES, "it is for a file, and this is an array"
    if lies is None or lies.kind != "images":
        yield "data", OF_IMAGES, "the rows are no images"
    if not heeds_points(source):
        yield "data", ("points",), "all rows of a file are read"
    if own.schedule:
        yield "diffusion", ("T", "settings"), "the schedule is your own"
    if config.diffusion.times in DISTRIBUTIONS and DISTRIBUTIONS[config.diffusion.times].reaching is None:
        yield "diffusion", ("finest",), f"{config.diffusion.times} times have no finest level"
    if not classes:
        yield "optim", ("drop_condition",), "the rows have no class and are given nothing"
    if not config.start.run:
        yield "start", ("sha256", "scale"), "training starts from random weights"
    if config.optim.sharding == SHARDED and here().count == 1:
        yield "optim", ("sharding",), "there is one process, which holds everything"
