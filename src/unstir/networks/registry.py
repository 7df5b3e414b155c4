"""The networks by name. To add one: an `nn.Module` in a file of its own, and a row here.

    mlp     a residual multilayer perceptron                        points and tables
    unet    convolutions at several resolutions                     images and sequences
    dit     a transformer on patches                                images and sequences

Its constructor is given, of the following, what it names: `dimension`, `shape` and `channel_axis` of a row in the model's space,
`condition`, and the settings of `--network` (width, depth, ...). It answers `network(x, t, cond)`, like x. A network that looks at
neighbours names `channel_axis`.
"""

from typing import TYPE_CHECKING

from unstir.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import nn

NETWORKS: "Registry[Callable[..., nn.Module]]" = Registry(
    "network",
    {"mlp": "unstir.networks.mlp:MLP", "unet": "unstir.networks.unet:UNet", "dit": "unstir.networks.dit:DiT"},
    default="mlp",
)
FOR_SPACE = "unet"  # what the preset takes for images and sequences
