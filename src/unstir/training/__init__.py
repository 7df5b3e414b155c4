"""From data and settings to a model. The way of an array, in reading order:

    config.py       the settings of a run, one frozen tree; config_file.py: as TOML
    presets.py      what is chosen from the data where a person said nothing
    parts.py        from settings to parts: encoder, condition, network, device
    fitting.py      `Fitting`: data, split, encoder, problem, loop, model; the caller drives it
    problem.py      what is random in a step: rows, times, noise, dropped conditions; from there to `unstir.diffusion.loss`
    loop.py         the loop: loss, gradient, optimiser, average, one step at a time
    state.py        what a step changes, and a checkpoint holds; recipe.py has the numbers of the optimiser
    held_out.py     the loss on held-out rows, beside that of the best Gaussian (baseline.py)

fit.py has `unstir.fit`, progress.py shows it as it goes, cost.py measures what a run will take, plan.py chooses the steps for a given
time, processes.py joins several processes.
"""

from unstir.registry import lazily

_NAMES = {
    "Config": "config",  # the settings of a run
    "flat": "config",  # settings by their last names, as a tree
    "settle": "presets",  # the settings for some data, with nothing left open
    "planned": "plan",  # what a run will be and take, measured
    "Fitting": "fitting",  # a training run that the caller drives
    "Problem": "problem",  # what is learnt
    "Recipe": "recipe",  # the numbers of the optimiser
    "State": "state",  # what training changes
    "train": "loop",  # the loop itself
    "HeldOut": "held_out",  # a look at held-out rows
}
__all__ = [*_NAMES]
__getattr__, __dir__ = lazily(__name__, _NAMES)
