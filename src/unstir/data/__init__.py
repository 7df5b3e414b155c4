"""Data: arrays, files and the built-in point sets, all taken in as one `Data`. This room loads no torch."""

from unstir.data.arrays import from_arrays
from unstir.data.dataset import Data
from unstir.data.readers import load, read
from unstir.data.survey import Layout, Survey, in_space, layout, survey
from unstir.data.toys import TOYS, toy

__all__ = ["TOYS", "Data", "Layout", "Survey", "from_arrays", "in_space", "layout", "load", "read", "survey", "toy"]
