"""Which settings a run has: those that change something in it.

A run has no settings of an autoencoder that it does not train, none of networks other than its own, no number of points if its data is a
file, and no share of dropped classes without classes. The files of a run hold every setting, so that they can be changed and used again;
what people read shows those that the run has.

    >>> from unstir.training.config import resolve
    >>> found = applicable(resolve({"data": {"source": "moons"}}), None, classes=False)
    >>> sorted(found["network"]), "autoencoder" in found, "points" in found["data"], "drop_condition" in found["optim"]
    (['architecture', 'depth', 'octaves', 'width'], False, True, False)
"""

from typing import Any

from unstir.data import TOYS, Layout
from unstir.encoders.registry import ENCODERS
from unstir.networks.building import parameters
from unstir.networks.registry import NETWORKS
from unstir.training.config import Config


def applicable(config: Config, lies: Layout | None, classes: bool) -> dict[str, Any]:
    """The settings, by section, that a run with rows that lie like `lies` has; settings that are None are left out."""
    held = config.model_dump(exclude_none=True)
    name = config.network.architecture
    images = lies is not None and lies.kind == "images"
    own = set(parameters(name)) if name in NETWORKS else set()
    absent = {
        "data": ({"points"} if config.data.source not in TOYS else set()) | (set() if images else {"alpha", "flip", "size"}),
        "network": held["network"].keys() - own - {"architecture"},
        "optim": set() if classes else {"drop_condition"},
    }
    if config.data.encoder in ENCODERS and not ENCODERS[config.data.encoder].trained:
        del held["autoencoder"]
    if config.start.run is None:
        del held["start"]
    if not config.diffusion.settings:
        absent["diffusion"] = {"settings"}
    return {
        section: {leaf: value for leaf, value in values.items() if leaf not in absent.get(section, ())}
        if isinstance(values, dict)
        else values
        for section, values in held.items()
    }
