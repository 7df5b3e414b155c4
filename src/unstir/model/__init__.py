"""A trained model: what it can do, how it is saved, and how it is loaded again.

From noise to rows, in reading order:

    sampling.py    `Sampling`: how to sample, one frozen value
    drawing.py     `paths`: the one loop behind every sample: noise, times, denoiser, sampler, a batch at a time
    noise.py       the noise of each row, a function of the seed and the number of the row
    units.py       rows of the model's space in the data's units and type

What else a model does is in model.py (`Model`: likelihood, to noise and back, filling in) and editing.py. card.py says what a model is,
folder.py writes and reads it, own.py has the parts that a caller may bring.
"""

from unstir.registry import lazily

_NAMES = {
    "Model": "model",  # a trained model
    "load": "model",  # a model from its folder
    "Sampling": "sampling",  # how to sample
    "Card": "card",  # what a model is, besides its numbers
}
__all__ = [*_NAMES]
__getattr__, __dir__ = lazily(__name__, _NAMES)
