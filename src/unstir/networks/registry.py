"""The networks by name. To add one, write an `nn.Module` in its own file, and add a row here.

    mlp     a residual multilayer perceptron                        points and tables
    unet    convolutions at several resolutions                     images and sequences
    dit     a transformer on patches                                images and sequences

The constructor may have these parameters, and gets those that it names: `dimension`, `shape` and `channel_axis` of a row in the model's
space, `condition`, and the settings of `--network` (width, depth, ...). `network(x, t, cond)` returns a tensor like x. A network that
names `channel_axis` is only for images and sequences.
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
FOR_SPACE = "unet"  # the preset for images and sequences
