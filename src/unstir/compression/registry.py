"""The networks that have a copy in exact arithmetic, by the name of the network. To add one, write its class and add a row here.

compiled(network, t)                     settings and arrays of the copy at times t (L,), without a condition
largest_group(settings, arrays)          how many numbers are normalised together at most
copy = Exact(settings, arrays, arithmetic);  copy(x, level)          (B, *shape) -> (B, d, answers), all in counts
"""

from typing import Any

from unstir.registry import Registry

EXACT: "Registry[Any]" = Registry(
    "network with an exact copy",
    {"mlp": "unstir.compression.exact_mlp:ExactMLP", "unet": "unstir.compression.exact_unet:ExactUNet"},
)
