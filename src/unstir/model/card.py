"""The card of a model: its description as JSON, which has everything but the tensors. A card from elsewhere is checked before it is used.

Every entry is checked. Every size that a card claims is compared with the tensors of the file, before anything of that size is made.

    >>> card_from({"shape": [2], "axes": "ND", "kind": "numpy"})
    Traceback (most recent call last):
    ...
    unstir.errors.UsageError: schedule is missing
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import Any

from unstir.conditions.base import Condition, Several
from unstir.conditions.registry import CONDITIONS
from unstir.data.layouts import Layout, layout
from unstir.data.tables.column import KINDS
from unstir.data.tables.libraries import LIBRARIES
from unstir.data.tables.schema import Schema, schema_from
from unstir.encoders.registry import ENCODERS
from unstir.errors import UsageError
from unstir.model.atoms import LOG_SNR, RADII, Atom
from unstir.words import short

MOST = 2**26  # elements of a row
DTYPES = (
    *("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
    *("float16", "bfloat16", "float32", "float64", "float128"),
)
LATER = ("levels", "atoms", "table", "order")  # entries that cards had not from the first, and may do without
KINDS_OF_DATA = ("numpy", "torch", *LIBRARIES)
PARTS = ("schedule", "target", "network", "encoder", "condition")  # parts that a caller may bring


@dataclass(frozen=True)
class Card:
    """Everything that describes a model but its tensors; its fields are JSON. `own` names the parts that the caller brought."""

    shape: tuple[int, ...]
    axes: str
    schedule: str
    schedule_settings: dict[str, Any]
    target: str
    network: str
    network_settings: dict[str, Any]
    encoder: str
    encoder_settings: dict[str, Any] = field(default_factory=dict)
    condition: str | None = None
    condition_settings: dict[str, Any] = field(default_factory=dict)
    dtype: str = "float32"
    kind: str = "numpy"  # the kind of array or data frame that was fitted
    names: tuple[str, ...] = ()
    bounds: tuple[float, float] | None = None
    source: str = ""
    steps_trained: int = 0
    weights: str = "average"  # the exponential moving average, never the raw weights
    own: tuple[str, ...] = ()
    levels: tuple[float, ...] | None = (
        None  # the values that an element can take, in the data's units, rising; None for any number
    )
    atoms: tuple[Atom, ...] = ()  # values that samples have exactly
    table: dict[str, Any] | None = None  # the columns of a table: `Schema.as_json`
    order: tuple[str, ...] = ()  # names of the columns of the rows and of what they are given, as one table had them

    @property
    def layout(self) -> Layout | None:
        """How the rows lie in space, by `axes`, as in \"NCL\"."""
        return layout(self.shape, self.axes)

    @cached_property
    def schema(self) -> Schema | None:
        """The columns of the table that was fitted; None for arrays, and for models from before tables had them."""
        return None if self.table is None else schema_from(self.table)

    @property
    def mixed(self) -> bool:
        """Whether a column of the table is no number or has missing cells, so that rows are codes."""
        return self.schema is not None and not self.schema.plain

    @property
    def by_cell(self) -> bool:
        """Whether rows are judged and shown cell by cell, and have no density: they are codes, or the encoder keeps values as states."""
        return self.schema is not None and (self.mixed or (self.encoder in ENCODERS and ENCODERS[self.encoder].by_cell))

    def as_json(self) -> dict[str, Any]:
        """The entries, as JSON."""
        return asdict(self)


def card_from(raw: Mapping[str, Any]) -> Card:
    """The card in a JSON object. Raises UsageError naming the entry that is missing, unknown or invalid."""
    for name in raw:
        if name not in _ENTRIES:
            raise UsageError(f"{name!r:.60} is not an entry of a card")
    for name, (allowed, holds) in _ENTRIES.items():
        if name not in raw and name not in LATER:
            raise UsageError(f"{name} is missing")
        if name in raw and not holds(raw[name]):
            raise UsageError(f"{name} = {raw[name]!r:.60} has to be {allowed}")
    entries: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in raw.items()}
    entries["atoms"] = tuple(Atom(float(value), tuple(radii)) for value, radii in entries.get("atoms", ()))
    card = Card(**entries)
    _ = card.layout  # raises for axes that do not suit the shape
    if card.encoder not in ENCODERS and "encoder" not in card.own:
        raise UsageError(f"encoder = {card.encoder!r:.60} has to be {ENCODERS.names}")
    if card.names and card.shape != (len(card.names),):
        raise UsageError(f"{len(card.names)} names do not suit rows of {card.shape}")
    _check_table(card)
    return card


def _check_table(card: Card) -> None:
    try:
        schema = card.schema
        known = schema is None or all(column.kind in KINDS and isinstance(column.name, str) for column in schema.columns)
    except (KeyError, TypeError, ValueError, AttributeError):
        known, schema = False, None
    if not known or (schema is not None and (schema.names != card.names or card.shape != (len(schema.columns),))):
        raise UsageError("table does not describe the columns of the rows")


def condition_of(card: Card, own: Condition | None = None) -> Condition | None:
    """The condition that a card describes, or the caller's own. Raises UsageError if the description is invalid."""
    if card.condition is None or own is not None:
        return own
    return CONDITIONS[card.condition].build(card.condition_settings)


def described(card: Card, weights: int, condition: Condition | None, device: str) -> str:
    """A model in a few lines: what it was trained on and how, what rows are given, its columns, and where it computes, if not on the CPU."""
    classes = condition.classes if condition else ()
    told = condition.names if isinstance(condition, Several) else ()
    of = f" of {short(card.source, 100)}" if card.source not in ("", "array") else ""
    lines = [
        f"Model{of}: rows of {card.shape}, {card.dtype}" + ("" if device == "cpu" else f", on {device}"),
        f"{card.schedule} schedule, {card.target} target, {card.network} network of {weights:,} weights, "
        f"{card.steps_trained:,} steps of training",
    ]
    if classes:
        names = ", ".join(map(short, classes[:5])) + (", ..." if len(classes) > 5 else "")
        lines.append(f"{len(classes)} classes: {names}")
    if told:
        lines.append("given: " + ", ".join(map(short, told[:5])) + (", ..." if len(told) > 5 else ""))
    if len(card.shape) == 1:
        names = "columns: " + ", ".join(map(short, card.names[:5])) + (", ..." if len(card.names) > 5 else "")
        lines.append(names if card.names else "no column names: columns go by place")
    return "\n  ".join(lines)


def readme(card: Card, told: Sequence[str] = ()) -> str:
    """The README of a model's folder; `told` are the names of what its rows are given, but for classes."""
    names = card.condition_settings.get("names", ())
    conditional = (
        "."
        if card.condition is None
        else f"; {card.condition}: {', '.join(map(short, names))}."
        if names
        else f", given {', '.join(map(short, told)) or card.condition}."
    )
    lines = [
        f"# A diffusion model of {short(card.source, 200) or 'an array'}",
        "",
        f"Rows of shape {card.shape} (axes {card.axes}), {card.dtype}{conditional}",
    ]
    lines += [
        f"{card.schedule} schedule, {card.target} target, {card.network} {card.network_settings}, {card.steps_trained} steps."
    ]
    given = "".join(f", {name}=..." for name in card.own)
    lines += ["The weights are the exponential moving average.", "", "```python", "import unstir", ""]
    lines += [f'model = unstir.load("this-folder"{given})', "x = model.sample(1000)", "```", ""]
    lines += [
        "Row i of a sample depends on the seed, on i and on how it is drawn, whatever the number of rows. It depends on the device, too:",
        "noise is drawn on the CPU or on the GPU that computes, and a GPU of another kind draws other noise. `device=` says where:",
        "",
        f'    model = unstir.load("this-folder"{given}, device="cuda")',
        "",
    ]
    return "\n".join(lines)


def _whole(value: Any, low: int = 0, high: int = 2**53) -> bool:
    return type(value) is int and low <= value <= high


def _text(value: Any) -> bool:
    return isinstance(value, str) and not any("\ud800" <= c <= "\udfff" for c in value)  # a lone surrogate cannot be written


def _name(value: Any) -> bool:
    return isinstance(value, str) and value.isidentifier() and len(value) < 40


def _number(value: Any) -> bool:
    return type(value) in (int, float) and abs(value) <= 2**53


def _each(holds: Callable[[Any], bool], value: Any) -> bool:
    return isinstance(value, list) and all(map(holds, value))


def _atom(value: Any) -> bool:
    if not isinstance(value, list) or len(value) != 2 or not _number(value[0]) or not isinstance(value[1], list):
        return False
    return len(value[1]) == len(LOG_SNR) and all(_number(radius) and 0 < radius <= RADII[-1] for radius in value[1])


def _settings(value: Any) -> bool:
    return isinstance(value, dict) and all(map(_name, value))  # each part checks its own values


_ENTRIES: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "shape": (
        f"whole numbers, 1 or above, {MOST:,} elements at most",
        lambda v: _each(lambda size: _whole(size, 1, MOST), v) and 0 < len(v) < 64 and math.prod(v) <= MOST,
    ),
    "axes": ("letters", lambda v: _name(v) and v.isupper()),
    "schedule": ("a name", _name),
    "schedule_settings": ("settings by name", _settings),
    "target": ("a name", _name),
    "network": ("a name", _name),
    "network_settings": ("settings by name", _settings),
    "encoder": ("a name", _name),
    "encoder_settings": ("settings by name", _settings),
    "condition": ("null or a name", lambda v: v is None or _name(v)),
    "condition_settings": ("settings by name", _settings),
    "dtype": (f"one of {', '.join(DTYPES)}", lambda v: _text(v) and v in DTYPES),
    "kind": (f"one of {', '.join(KINDS_OF_DATA)}", lambda v: v in KINDS_OF_DATA),
    "names": ("texts", lambda v: _each(_text, v)),
    "bounds": (
        "null, or two numbers, the lower first",
        lambda v: v is None or (_each(_number, v) and len(v) == 2 and v[0] < v[1]),
    ),
    "source": ("a text", _text),
    "steps_trained": ("a whole number, 0 or above", _whole),
    "weights": ("average", lambda v: v == "average"),
    "levels": (
        "null, or 2 to 256 numbers, rising",
        lambda v: v is None or (_each(_number, v) and 2 <= len(v) <= 256 and all(a < b for a, b in pairwise(v))),
    ),
    "atoms": (f"pairs of a number and {len(LOG_SNR)} radii, above 0 and at most {RADII[-1]:g}", lambda v: _each(_atom, v)),
    "table": ("null, or the columns of a table", lambda v: v is None or isinstance(v, dict)),
    "order": ("texts", lambda v: _each(_text, v)),
    "own": (f"some of {', '.join(PARTS)}", lambda v: _each(lambda part: part in PARTS, v)),
}
