"""From data and settings to a trained model. In reading order, following an array:

    config.py       the settings of a run, one frozen tree; config_file.py reads and writes it as TOML
    presets.py      settings that are chosen from the data where the user sets none
    parts.py        from settings to parts: encoder, condition, network, device
    fitting.py      `Fitting`: data, split, encoder, problem, loop, model; the caller drives it
    problem.py      everything random in a step: rows, times, noise, dropped conditions; then `unstir.diffusion.loss`
    loop.py         the loop: loss, gradient, optimiser, average, one step at a time
    state.py        what a step changes and a checkpoint holds; recipe.py has the settings of the optimiser
    held_out.py     the loss on held-out rows, beside the loss of the best Gaussian (baseline.py)

fit.py has `unstir.fit`, and progress.py shows its progress. cost.py measures how long a run will take, plan.py plans a run of the command
line, and processes.py trains in several processes.
"""

from unstir.registry import lazily

_NAMES = {
    "Config": "config",  # the settings of a run
    "flat": "config",  # settings by their last names, such as lr, as a tree
    "settle": "presets",  # complete settings for given data
    "planned": "plan",  # a run before it begins: its settings and what it will take
    "Fitting": "fitting",  # a training run that the caller drives
    "Problem": "problem",  # what is learnt: rows, schedule, target, loss
    "Recipe": "recipe",  # the settings of the optimiser
    "State": "state",  # everything that training changes
    "train": "loop",  # the training loop
    "HeldOut": "held_out",  # the losses on held-out rows
}
__all__ = [*_NAMES]
__getattr__, __dir__ = lazily(__name__, _NAMES)
