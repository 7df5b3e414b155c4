"""Encoders: from rows in the data's units to rows of the model's space, and back.

base.py           `Encoder`: the methods of every encoder; `fit_encoder`: fit one by name
affine.py         shift and scale each element: standardise, channels, min_max
quantile.py       normal scores, for heavy tails
table.py          tables of mixed columns: numbers (scores.py), groups of states (column_parts.py), missing cells
latent.py         an autoencoder that makes rows smaller; `autoencoder.py` trains it
moving.py         an encoder that holds a network, on a device
turned.py         sequences whose channels come first, as a model of sequences sees them
rows.py           rows as the network sees them: encoded when they are drawn, and mirrored if the settings say so
registry.py       the encoders by name, without importing torch
"""

from unstir.registry import lazily

_NAMES = {
    "Encoder": "base",  # the base class; subclass it for an encoder of your own
    "FitOptions": "base",  # options of the fitting: seed, precision, device, settings
    "fit_encoder": "base",  # fit an encoder by name
    "Standardise": "affine",  # mean 0 and variance 1 for each element
    "Channels": "affine",  # mean 0 and variance 1 for each channel
    "MinMax": "affine",  # each element from -1 to 1
    "Quantile": "quantile",  # normal scores
    "Table": "table",  # mixed columns
    "Latent": "latent",  # an autoencoder
    "EncodedRows": "rows",  # rows that are encoded when they are drawn
    "ENCODERS": "registry",  # the encoders by name
}
__all__ = [*_NAMES]
__getattr__, __dir__ = lazily(__name__, _NAMES)
