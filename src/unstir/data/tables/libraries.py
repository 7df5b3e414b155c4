"""Rows as a table of the library that the training data came in: pandas, polars, pyarrow, or a dict of columns.

A library is imported only here, when a table of it is asked for.

    >>> from unstir.data.tables.column import Column
    >>> schema = Schema((Column("town", "category", values=("Bonn", "Ulm"), low=0.0, high=1.0, dtype="str"),))
    >>> framed(schema, np.array([[1.0], [0.0]]), library_of({"town": ["Ulm"]}))
    {'town': ['Ulm', 'Bonn']}
"""

import importlib
import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from unstir.data.tables.column import Column
from unstir.data.tables.schema import Schema
from unstir.errors import UsageError

DICT = "dict"
LIBRARIES = ("pandas", "polars", "pyarrow")
ZONE = re.compile(r"(?:, |tz=|time_zone=')+(?P<zone>[A-Za-z_/+\-:0-9]+)'?[\])]")  # of a time, at the end of the name of its type
UNIT = re.compile(r"[\['](?P<unit>s|ms|us|ns)\b")


def library_of(x: Any) -> str:
    """The library that a table is of: "pandas", "polars", "pyarrow", or "dict" for everything else.

    >>> library_of({"a": [1]}), library_of([{"a": 1}])
    ('dict', 'dict')
    """
    root = type(x).__module__.split(".")[0]
    return root if root in MAKERS else DICT


def framed(schema: Schema, rows: np.ndarray, library: str) -> Any:
    """Codes (n, D) as a table of a library, each column with the type that it came with. Raises UsageError where the library is not there."""
    cells = schema.cells(rows)
    if library not in MAKERS:
        return cells
    try:
        module = importlib.import_module(library)
    except ImportError:
        raise UsageError(
            f"these rows are a table of {library}, which is not installed: python -m pip install {library}."
        ) from None
    return MAKERS[library](module, schema, cells)


def with_index(frame: Any, like: Any) -> Any:
    """The data frame with the index of the one that it is `like`; as it is, where either has none."""
    index = getattr(like, "index", None)
    if index is None or callable(index) or not hasattr(frame, "set_axis") or len(index) != len(frame):
        return frame
    return frame.set_axis(index, axis=0)


def zone_of(dtype: str) -> str | None:
    """The time zone in the name of a type, or None.

    >>> [zone_of(name) for name in ("datetime64[ns, UTC]", "timestamp[us, tz=Europe/Rome]", "Datetime(time_unit='us', time_zone=None)")]
    ['UTC', 'Europe/Rome', None]
    """
    found = ZONE.search(dtype)
    return None if found is None or found["zone"] in ("None", *UNITS) else found["zone"]


UNITS = ("s", "ms", "us", "ns")


def _unit(dtype: str) -> str:
    found = UNIT.search(dtype)
    return found["unit"] if found else "us"


def _listed(cells: Any) -> list[Any]:
    return cells.tolist() if isinstance(cells, np.ndarray) else list(cells)


def _pandas(pd: Any, schema: Schema, cells: Mapping[str, Any]) -> Any:
    held = {column.name: _pandas_column(pd, column, cells[column.name]) for column in schema.columns}
    return pd.DataFrame(held)


def _pandas_column(pd: Any, column: Column, cells: Any) -> Any:
    if column.dtype == "category":
        return pd.Categorical(cells, categories=_typed(column), ordered=column.form.startswith("ordered"))
    if zone := zone_of(column.dtype):
        times = pd.Series(cells, dtype=f"datetime64[{_unit(column.dtype)}]")
        return times.dt.tz_localize("UTC").dt.tz_convert(zone)
    try:
        dtype = pd.api.types.pandas_dtype(column.dtype)
        if isinstance(cells, list) and isinstance(dtype, np.dtype) and dtype.kind in "iub" and None in cells:
            dtype = "boolean" if dtype.kind == "b" else dtype.name.replace("uint", "UInt").replace("int", "Int")  # which has gaps
    except TypeError:  # a type of another library
        dtype = None if isinstance(cells, np.ndarray) else object
    return pd.Series(cells, dtype=dtype)


def _typed(column: Column) -> list[Any]:
    """The values of a category as they came."""
    if "number" not in column.form:
        return list(column.values)
    return [int(value) if value.lstrip("+-").isdigit() else float(value) for value in column.values]


def _polars(pl: Any, schema: Schema, cells: Mapping[str, Any]) -> Any:
    return pl.DataFrame([_polars_column(pl, column, cells[column.name]) for column in schema.columns])


def _polars_column(pl: Any, column: Column, cells: Any) -> Any:
    name = column.dtype.split("(")[0]
    series = pl.Series(column.name, _listed(cells), strict=False)
    if name == "Datetime":
        series = series.cast(pl.Datetime(_unit(column.dtype)))
        zone = zone_of(column.dtype)
        return series.dt.replace_time_zone("UTC").dt.convert_time_zone(zone) if zone else series
    if name == "Enum":
        return series.cast(pl.Enum(list(column.values)))
    dtype = getattr(pl, name, None)
    return series if dtype is None or name == "Decimal" else series.cast(dtype)


def _pyarrow(pa: Any, schema: Schema, cells: Mapping[str, Any]) -> Any:
    return pa.table({column.name: _pyarrow_column(pa, column, cells[column.name]) for column in schema.columns})


def _pyarrow_column(pa: Any, column: Column, cells: Any) -> Any:
    array = pa.array(_listed(cells))
    name = column.dtype
    if name.startswith("dictionary"):
        return array.cast(pa.string()).dictionary_encode()
    if name.startswith("timestamp"):
        zone = zone_of(name)
        return (
            array.cast(pa.timestamp(_unit(name))).cast(pa.timestamp(_unit(name), zone))
            if zone
            else array.cast(pa.timestamp(_unit(name)))
        )
    try:
        return array.cast(pa.type_for_alias(name))
    except (ValueError, KeyError, pa.ArrowInvalid, pa.ArrowNotImplementedError):  # a type of another library
        return array.cast(pa.string()) if array.type == pa.null() else array


MAKERS = {"pandas": _pandas, "polars": _polars, "pyarrow": _pyarrow}
