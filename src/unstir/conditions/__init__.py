"""What rows are drawn given: values, a value that stands for "nothing given", and an embedding for the network.

base.py        `Condition`, what each kind has to say
classes.py     the first kind: each row belongs to one of K classes
registry.py    the kinds by name, without torch
"""

from unstir.registry import lazily

_NAMES = {
    "Condition": "base",  # what a kind of condition has to say; subclass it for one of your own
    "Classes": "classes",  # one of K classes, by name
    "CONDITIONS": "registry",  # the kinds by name
}
__all__ = [*_NAMES]
__getattr__, __dir__ = lazily(__name__, _NAMES)
