"""Data: arrays, files and the built-in point sets, all taken in as one `Data`. This room loads no torch."""

from unstir.datasets.data import Data, from_arrays
from unstir.datasets.readers import load, read
from unstir.datasets.toys import TOYS, toy

__all__ = ["TOYS", "Data", "from_arrays", "load", "read", "toy"]
