"""Conditions: what the model is told about a row, such as its class. A condition has values, a value for "nothing given", an embedding.

base.py        `Condition`: the methods of every kind of condition
classes.py     the first kind: each row belongs to one of K classes
registry.py    the kinds by name, without importing torch
"""

from unstir.registry import lazily

_NAMES = {
    "Condition": "base",  # the base class; subclass it for a condition of your own
    "Classes": "classes",  # one of K classes, by name
    "CONDITIONS": "registry",  # the kinds by name
}
__all__ = [*_NAMES]
__getattr__, __dir__ = lazily(__name__, _NAMES)
