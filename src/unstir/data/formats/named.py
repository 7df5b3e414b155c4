"""Which of several named arrays is the data, which holds the classes and which the groups: one rule for .npz and .safetensors.

    groups:   the one that `groups` names
    given:    those that `given` names
    classes:  the one that `labels` names, or else, where nothing is given, the first of  labels, label, y, classes
    data:     the only one of  values, data, x, X, images, points,  or else the only array left                      (1)

The other arrays are never read, and a note names them.
"""

from collections.abc import Callable, Sequence

import numpy as np

from unstir.data.checks import LISTED, unknown_name
from unstir.data.formats.format import Contents, Request
from unstir.data.labels import class_ids
from unstir.errors import DataError
from unstir.words import short

VALUES = ("values", "data", "x", "X", "images", "points")
LABELS = ("labels", "label", "y", "classes")


def from_named(names: Sequence[str], get: Callable[[str], np.ndarray], request: Request) -> Contents:
    """The data, the classes and the groups among arrays called `names`, by rule (1); `get` reads one of them.

    Raises UsageError for `labels` or `groups` that no array is called, DataError where it is not clear which array is the data.

    >>> from pathlib import Path
    >>> arrays = {"x": np.ones((2, 3)), "y": np.array([0, 1]), "z": np.zeros(5)}
    >>> found = from_named(list(arrays), arrays.__getitem__, Request(Path("a.npz"), "a.npz"))
    >>> found.values.shape, found.labels.tolist()
    ((2, 3), [0, 1])
    """
    source = request.source
    for asked in (request.labels, request.groups, *request.given):
        if asked is not None and asked not in names:
            raise unknown_name(f"array in '{source}'", asked, names)
    stems = {stem for name in request.known.given for stem in (name, name.rpartition(".")[0])}
    told = request.given or tuple(name for name in names if name in stems)
    label = request.labels or next((n for n in LABELS if n in names and n != request.groups and not told), None)
    rest = [name for name in names if name not in (label, request.groups, *told)]
    found = [name for name in rest if name in VALUES] or [name for name in rest if name not in LABELS]
    if len(found) != 1:
        held = f"the arrays {', '.join(map(short, names[:10]))}" if names else "no array"
        raise DataError(f"'{source}' holds {held}, so it is not clear which is the data. Call one 'values'.")
    values = get(found[0])
    classes = None if label is None else get(label)
    if request.labels is None and classes is not None and label is not None and values.ndim:
        _refuse_no_class(classes, len(values), label, request)
    groups = None if request.groups is None else get(request.groups)
    said = "" if label is None else f"array '{short(label)}'"
    unused = _unused([name for name in rest if name != found[0]], found[0])
    given = {name: get(name) for name in told} or None
    return Contents(values, classes, notes=unused, groups=groups, labels_from=said, given=given)


def _unused(names: list[str], used: str) -> tuple[str, ...]:
    """A note on arrays that nothing is done with."""
    if not names:
        return ()
    listed = ", ".join(f"'{short(name)}'" for name in names[:LISTED]) + (", ..." if len(names) > LISTED else "")
    what = "the array" if len(names) == 1 else f"{len(names):,} arrays"
    way_on = (
        "Pass --data.labels, --data.groups or --given with its name if it is the class, the group or a condition of each row."
    )
    return (f"{what} {listed} {'is' if len(names) == 1 else 'are'} not used; the data is '{short(used)}'. {way_on}",)


def _refuse_no_class(classes: np.ndarray, rows: int, label: str, request: Request) -> None:
    """An array that was taken for the classes by its name alone may be something else: say so, and how to undo it."""
    try:
        class_ids(classes, rows, f"the labels '{label}'", request.missing, request.source)
    except DataError as error:
        raise DataError(f"'{request.source}': {error} If '{label}' is not the class, rename it or take it out.") from None
