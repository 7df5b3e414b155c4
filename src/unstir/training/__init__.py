"""From data and settings to a trained model. In reading order, following an array:

    config.py       the settings of a run, an immutable tree; config_file.py reads and writes it as TOML
    presets.py      settings that are chosen from the data where the user sets none; choices.py has those for tables learnt by columns
    parts.py        from settings to parts: encoder, condition, network
    fitting.py      `Fitting`: one training run, from data to model; the caller iterates over its steps
    starting.py     `Start`: another model, whose weights training starts from
    problem.py      draws everything random in a step: rows, times, noise, dropped conditions; the loss itself is in diffusion/loss.py
    supply.py       the same where a GPU draws: rows and noise on the device, larger rows read ahead
    loop.py         the loop, one step at a time
    update.py       the step: loss, gradient, optimiser, average; checked at once on a CPU, waiting for nothing on a GPU
    capture.py      a step recorded once and replayed, as a CUDA graph
    state.py        everything that a step changes, which runs/checkpoints.py writes; recipe.py has the settings of the optimiser
    held_out.py     the loss on held-out rows, beside the loss of the best Gaussian (baseline.py)

fit.py has `unstir.fit`, and progress.py shows its progress; streams.py has stdout and stderr that can be written to whatever has become of
them. stepping.py has the steps of a `Fitting`, and cards.py what its model says of itself. cost.py measures how long a run will take,
minutes.py says what a time buys, allowance.py moves the end so that the time is kept (pace.py: what a step takes now), threads.py chooses
how many threads compute. plan.py plans a command-line run before it starts, applicable.py says which settings a run has, and processes.py
trains in several processes.
"""

from unstir.registry import lazily

_NAMES = {
    "Config": "config",  # the settings of a run
    "flat": "config",  # settings by their last names, such as lr, as a tree
    "settle": "presets",  # complete settings for given data
    "planned": "plan",  # a run before it begins: its settings and what it will take
    "Fitting": "fitting",  # one training run; the caller iterates over its steps
    "Problem": "problem",  # what is learnt: rows, schedule, target, loss
    "Recipe": "recipe",  # the settings of the optimiser
    "State": "state",  # everything that training changes
    "train": "loop",  # the training loop
    "HeldOut": "held_out",  # the losses on held-out rows
}
__all__ = [*_NAMES]
__getattr__, __dir__ = lazily(__name__, _NAMES)
