"""A trained model: what it can do, how it is saved, and how it is loaded again.

Sampling, in reading order:

    sampling.py    `Sampling`: the settings of sampling, an immutable value
    drawing.py     `paths`: the loop behind every sample: noise, times, denoiser, sampler, one batch at a time
    noise.py       the noise of each row, which depends only on the seed and the row's number
    units.py       converts the user's arrays to float64 and back: shape, type, kind of array; tables.py does it for data frames

placing.py moves a model to a device, and says how many rows go through it at once. densities.py has the likelihood of rows, bits.py how
many bits they take, and estimates.py how that is measured. model.py has `Model`; flowing.py maps data to noise and back, and interpolates,
and filling.py inpaints. told.py puts what rows are given back into their table. editing.py has the arc between two rows of noise, for
interpolation, and checks masks, for inpainting. atoms.py has the values that samples have exactly. card.py describes a model, folder.py
writes and reads its folder, and own.py is for networks, schedules, targets, encoders and conditions of the caller's own. forks.py sees to
processes that are forked.
"""

from unstir.registry import lazily

_NAMES = {
    "Model": "model",  # a trained model
    "load": "model",  # read a model from its folder
    "Sampling": "sampling",  # the settings of sampling
    "Card": "card",  # the description of a model
}
__all__ = [*_NAMES]
__getattr__, __dir__ = lazily(__name__, _NAMES)
