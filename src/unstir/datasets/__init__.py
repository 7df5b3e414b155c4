"""Data: arrays, files and the built-in point sets, all taken in as one `Data`. This room loads no torch."""

from unstir.datasets.arrays import from_arrays
from unstir.datasets.data import Data
from unstir.datasets.readers import load, read
from unstir.datasets.survey import Survey, survey
from unstir.datasets.toys import TOYS, toy

__all__ = ["TOYS", "Data", "Survey", "from_arrays", "load", "read", "survey", "toy"]
