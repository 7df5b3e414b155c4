"""Data: arrays, files and built-in sets, all as one kind of object, `Data`. Nothing here imports torch.

How a file becomes an array of rows, in reading order:

    readers.py            `load`: a built-in name or a path; find the format, read it, make `Data`
    formats/              one file per format, with its reader and its writer; `formats/registry.py` lists them
    given.py              whatever a caller gives as an array, as a numpy array
    frames.py             tables that bring names of columns: data frames, structured arrays, dicts of columns
    told.py, beside.py    what rows are given: columns of values, and pictures or sequences beside them
    matching.py           columns that come back to a model: matched by name, or refused
    arrays.py             `from_arrays`: every array is checked here once, with `checks.py` and `labels.py`
    dataset.py            `Data`: N rows of one shape, each with a class if there are labels; how they are split into training and held-out rows
    rows.py               the rows themselves, which may lie in a file larger than memory
    toys.py, builtin.py   the built-in point sets and pictures
    layouts.py            which axis is what: as somebody says, or guessed from the shape of a row
    levels.py             the values that an element can take, where they are few whole numbers
    opacity.py            images with an opacity, composed on white where that is asked for
    neighbours.py         whether neighbouring values are alike, for a person who doubts the axes
    surveys.py            `survey`: the kind of the data, statistics of its columns (`columns.py`), and its problems (`problems.py`)
    writers.py            the way back: rows into a file or a folder
    statistics.py         means and deviations of tensors, part by part; the one file here that needs torch, so import it by its name
"""

from unstir.data.arrays import from_arrays
from unstir.data.dataset import Data
from unstir.data.layouts import Axes, Layout, axes_of, in_space, layout
from unstir.data.opacity import on_white
from unstir.data.readers import load, read
from unstir.data.surveys import Survey, survey
from unstir.data.toys import TOYS, toy
from unstir.data.writers import check_path, write

__all__ = [
    "TOYS",  # the built-in point sets by name
    "Axes",  # which axis of data is what, and why it was taken so
    "Data",  # N rows of one shape, each with a class where there are labels
    "Layout",  # how a row lies in space
    "Survey",  # what `survey` found
    "axes_of",  # the axes that somebody said, or those that a shape suggests
    "check_path",  # whether rows can be written there, before they are computed
    "from_arrays",  # arrays, tensors or lists as Data
    "in_space",  # a layout of images and sequences; None for other rows and for tiny ones
    "layout",  # how rows of a shape lie in space
    "load",  # a built-in set, a file or a folder
    "on_white",  # images with an opacity, as a viewer shows them
    "read",  # a file or a folder
    "survey",  # the kind of the data, statistics of its columns, and its problems
    "toy",  # points of a built-in set
    "write",  # rows into a file or a folder
]
