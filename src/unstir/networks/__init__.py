"""Networks: `network(x, t, cond) -> like x`. They know nothing about diffusion, and know a condition only through its embedding.

registry.py       the networks by name, without importing torch
building.py       `make_network`: a network from a name and settings; `affordable`: how many rows an amount of work is enough for
plain.py          the weights of a network that something is wrapped around, under their plain names
mlp.py            a residual multilayer perceptron, for points and tables
unet.py           a U-Net, for images and sequences
dit.py            a transformer on patches of images and sequences
autoencoder.py    the convolutional autoencoder of latent diffusion
embedding.py      time as sinusoids
space.py          helpers for images and sequences: the axis of the channels, convolutions, attention
rates.py          the learning rate over a training
"""

from unstir.registry import lazily

_NAMES = {
    "MLP": "mlp",  # for points and tables
    "UNet": "unet",  # for images and sequences
    "DiT": "dit",  # a transformer for images and sequences
    "Autoencoder": "autoencoder",  # from rows to a few channels at a lower resolution, and back
    "make_network": "building",  # a network by name
    "affordable": "building",  # how many rows an amount of work is enough for
    "NETWORKS": "registry",  # the networks by name
}
__all__ = [*_NAMES]
__getattr__, __dir__ = lazily(__name__, _NAMES)
