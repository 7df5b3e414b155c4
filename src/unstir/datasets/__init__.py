"""Data: arrays, files and the built-in point sets, all taken in as one `Data`. This room loads no torch."""

from unstir.datasets.arrays import from_arrays
from unstir.datasets.data import Data
from unstir.datasets.readers import load, read
from unstir.datasets.survey import Layout, Survey, in_space, layout, survey
from unstir.datasets.toys import TOYS, toy

__all__ = ["TOYS", "Data", "Layout", "Survey", "from_arrays", "in_space", "layout", "load", "read", "survey", "toy"]
