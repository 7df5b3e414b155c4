"""Encoders: rows in the data's units to rows of the model's space, and back.

base.py           `Encoder`: what it does, and what others may ask of it; `fit_encoder`: one by name
affine.py         shift and scale of each element: standardise, channels, min_max
quantile.py       normal scores, for heavy tails
latent.py         an autoencoder makes rows small first; `autoencoder.py` trains it
rows.py           rows as the network sees them: encoded when they are drawn, mirrored if that is asked for
registry.py       the encoders by name, without torch
"""

from unstir.registry import lazily

_NAMES = {
    "Encoder": "base",  # what an encoder does; subclass it for one of your own
    "FitOptions": "base",  # what its fitting may depend on besides the rows
    "fit_encoder": "base",  # an encoder by name, fitted on rows
    "Standardise": "affine",  # mean 0 and variance 1 of each element
    "Channels": "affine",  # the same of each channel
    "MinMax": "affine",  # from -1 to 1
    "Quantile": "quantile",  # normal scores
    "Latent": "latent",  # an autoencoder
    "EncodedRows": "rows",  # rows that are encoded when they are drawn
    "ENCODERS": "registry",  # the encoders by name
}
__all__ = [*_NAMES]
__getattr__, __dir__ = lazily(__name__, _NAMES)
