"""The encoders by name. To add one, write a subclass of `unstir.encoders.base.Encoder` in its own file, and add a row here.

standardise    each element gets mean 0 and variance 1; for tables and points
channels       each channel gets mean 0 and variance 1; for images and sequences
premultiplied  the same, with colours multiplied by the opacity; for images with one
min_max        each element goes from -1 to 1
quantile       each element becomes its normal score; for heavy tails
table          numbers as normal scores, categories as groups, missing cells as states; for tables of mixed columns, and of repeated numbers
latent         an autoencoder makes rows smaller; chosen by `--latent`
"""

from typing import TYPE_CHECKING

from unstir.registry import Registry

if TYPE_CHECKING:
    from unstir.encoders.base import Encoder

ENCODERS: Registry[type["Encoder"]] = Registry(
    "encoder",
    {
        "standardise": "unstir.encoders.affine:Standardise",
        "channels": "unstir.encoders.affine:Channels",
        "premultiplied": "unstir.encoders.premultiplied:Premultiplied",
        "min_max": "unstir.encoders.affine:MinMax",
        "quantile": "unstir.encoders.quantile:Quantile",
        "table": "unstir.encoders.table:Table",
        "latent": "unstir.encoders.latent:Latent",
    },
    default="standardise",
    says="name",
)
FOR_SPACE = "channels"  # the preset for images and sequences
FOR_TABLES = "table"  # the preset for tables whose columns are not all numbers, or have some values again and again
LATENT = "latent"  # the encoder of `--latent`
