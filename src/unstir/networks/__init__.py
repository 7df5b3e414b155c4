"""Networks: `network(x, t, cond) -> like x`. They know nothing of diffusion, and of a condition only its embedding.

registry.py       the networks by name, without torch
building.py       `make_network`: from a name and settings; `affordable`: how many rows fit into an amount of work
mlp.py            a residual multilayer perceptron, for points and tables
unet.py           a U-Net, for images and sequences
dit.py            a transformer on patches of them
autoencoder.py    the convolutional autoencoder of latent diffusion
embedding.py      time as sinusoids
space.py          what networks of images and sequences share: where the channels are, convolutions, attention
rates.py          how the learning rate of a training goes
"""

from unstir.registry import lazily

_NAMES = {
    "MLP": "mlp",  # for points and tables
    "UNet": "unet",  # for images and sequences
    "DiT": "dit",  # a transformer for images and sequences
    "Autoencoder": "autoencoder",  # rows to a few channels at a lower resolution, and back
    "make_network": "building",  # a network by name
    "affordable": "building",  # how many rows an amount of work is enough for
    "NETWORKS": "registry",  # the networks by name
}
__all__ = [*_NAMES]
__getattr__, __dir__ = lazily(__name__, _NAMES)
