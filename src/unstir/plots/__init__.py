"""The pictures of a run as matplotlib figures: arrays in, a `Figure` out, and `save` writes it as PNG."""

from unstir.plots.clouds import forward, samples_beside_data, trajectories
from unstir.plots.curves import LossByTime, loss_by_time, schedule_curves, training
from unstir.plots.style import STYLE, save

__all__ = [
    "STYLE",
    "LossByTime",
    "forward",
    "loss_by_time",
    "samples_beside_data",
    "save",
    "schedule_curves",
    "training",
    "trajectories",
]
