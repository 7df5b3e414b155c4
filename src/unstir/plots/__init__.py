"""Figures: arrays in, a matplotlib `Figure` out, which shows itself in a notebook and which `save` writes as PNG and PDF.

    forward               the data dissolving into noise, a panel for each of some steps                          clouds.py
    samples_beside_data   the data, and beside it the samples of each sampler                                     clouds.py
    trajectories          the paths of some particles from noise to samples                                       clouds.py
    columns               each column of a table, samples beside the data                                         distributions.py
    cells                 the same of a table with categories and missing cells                                   mixed.py
    missing               how often cells of each column are missing                                              mixed.py
    associations          how strongly columns of such a table go together                                        mixed.py
    schedule_curves       what each schedule leaves of the signal at each time                                    curves.py
    loss_by_time          at which times the network is most wrong, as error of the noise and of the data         curves.py
    training              the loss and the learning rate at each step of training                                 curves.py

These draw points, tables and curves. For images there is `mosaics.py`, for sequences `sequences.py`, and for one picture of many of
either `grids.py` (`unstir sample --grid`). `comparison.py` draws what `unstir compare` found, `film.py` writes a GIF or an MP4. What all
share: `style.py` has fonts, text and numbers, and how a figure is saved; `plane.py` says how rows become points of a plane, and how much
of it is shown; `looks.py` gives every schedule, sampler and class its colour.
"""

from unstir.plots.clouds import Drawn, forward, samples_beside_data, trajectories
from unstir.plots.curves import LossByTime, loss_by_time, schedule_curves, training
from unstir.plots.distributions import columns
from unstir.plots.mixed import associations, cells, missing
from unstir.plots.style import STYLE, save

__all__ = [
    "STYLE",
    "Drawn",
    "LossByTime",
    "associations",
    "cells",
    "columns",
    "forward",
    "loss_by_time",
    "missing",
    "samples_beside_data",
    "save",
    "schedule_curves",
    "training",
    "trajectories",
]
