"""Conditions: what the model is told about a row, such as its class. A condition has values, a value for "nothing given", an embedding.

base.py        `Condition`: the methods of every kind of condition
classes.py     the first kind: each row belongs to one of K classes
columns.py     the second: m values a row of mixed type, such as a price and an island; `data.tables` says what their cells mean
embedding.py   such values as a vector
grid.py        the third: a picture or a sequence beside each row
planes.py      that as channels on the grid of the rows, at a network's input
together.py    columns, pictures and sequences in one model
registry.py    the kinds by name, without importing torch
"""

from unstir.registry import lazily

_NAMES = {
    "Condition": "base",  # the base class; subclass it for a condition of your own
    "Classes": "classes",  # one of K classes, by name
    "Columns": "columns",  # several values of mixed type, by the names of their columns
    "Grid": "grid",  # a picture or a sequence beside each row
    "Together": "together",  # columns and such arrays in one model
    "CONDITIONS": "registry",  # the kinds by name
}
__all__ = [*_NAMES]
__getattr__, __dir__ = lazily(__name__, _NAMES)
