"""Lossless compression with a trained model: a file as long as the variational bound says, which every machine reads alike.

    rows --levels_in--> whole numbers --bits-back coding with a compiled copy of the model--> stack --> file

In reading order:

    arithmetic.py    operations and tables that give the same bits on every machine
    snapped.py       layers of a network as whole numbers
    exact_mlp.py, exact_unet.py, registry.py     the networks in that arithmetic, by name
    exact.py         the compiled copy of a model: what is known of x_0 given its noisy self, and how the copy is stored
    compiling.py     how it is made of a model: its noise levels, its numbers, and whether it answers what the model does
    keeping.py       where it is kept
    stack.py         asymmetric numeral systems: a stack of symbols in as many bits as their probabilities say
    intervals.py     distributions as whole numbers that sum to 2^28
    grid.py          the values of y at each noise level, and the two Gaussians of a step
    codec.py         bits-back coding over the levels, and its bound
    archive.py       the file: header, checksums, errors
    rivals.py        how long the same rows are as PNG, WebP, xz and bz2
"""

from unstir.registry import lazily

_NAMES = {
    "Compiled": "exact",
    "Result": "archive",
    "compiled": "compiling",
    "compress": "archive",
    "decompress": "archive",
}
__getattr__, __dir__ = lazily(__name__, _NAMES)
__all__ = sorted(_NAMES)
