"""Types of settings that are written in more than one way: a number or several, a size as 32 or 32x48, a name, a device.

>>> from pydantic import TypeAdapter
>>> TypeAdapter(Numbers).validate_python("0.1,0.2"), TypeAdapter(Size).validate_python(32)
([0.1, 0.2], '32x32')
"""

import csv
import re
from collections.abc import Callable
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, ValidationError, WrapValidator, field_validator
from pydantic_core import PydanticCustomError

from unstir import devices
from unstir.words import short, spelled


def _numbers(value: Any, convert: Callable[[Any], Any]) -> Any:
    """A number or a list of numbers; on the command line `0.1,0.2`, and `0.1,` for a list of one."""
    if isinstance(value, str) and ("," in value or "[" in value):
        value = value.strip("[] ").removesuffix(",").split(",")
    try:
        return convert(value)
    except ValidationError:
        raise PydanticCustomError("numbers", "should be a number, or several as in 0.1,0.2,0.3") from None


Numbers = Annotated[float | list[float], WrapValidator(_numbers)]


def _size(value: Any) -> Any:
    """A number of pixels, or a height and a width as in 32x48; as text "HxW"."""
    found = re.fullmatch(r"([1-9]\d{0,4})(?:x([1-9]\d{0,4}))?", str(value))
    if value is not None and not found:
        raise PydanticCustomError("size", "should be a number of pixels, or a height and a width as in 32x48")
    return value if found is None else f"{found[1]}x{found[2] or found[1]}"


Name = Annotated[str | None, BeforeValidator(lambda value: spelled(value) if isinstance(value, str) else value)]
"""A name in the data, as text: on the command line it may be bytes that the locale does not know."""


ASKED = ("category", "number", "time", "drop")  # of `unstir.data.tables.kinds`, without numpy, which --help does not wait for


def _kinds(value: dict[str, Any], start: str = "") -> dict[str, str]:
    """What columns are, by their names. Names may have dots: the command line makes {"Bill": {"Length": "drop"}} of --columns.Bill.Length."""
    flat: dict[str, str] = {}
    for name, held in value.items():
        if isinstance(held, dict):
            flat |= _kinds(held, f"{start}{name}.")
        elif held not in ASKED:
            column, got = spelled(f"{start}{name}"), short(str(held))
            known = {"column": column, "kinds": ", ".join(ASKED[:-1]), "last": ASKED[-1], "got": got}
            raise PydanticCustomError("kind", "column '{column}' can be {kinds} or {last}, not '{got}'", known)
        else:
            flat[spelled(f"{start}{name}")] = held
    return flat


Kinds = Annotated[dict[str, Any], AfterValidator(_kinds)]
"""What columns of a table are, by their names: `unstir.data.tables.kinds`."""


Size = Annotated[str | None, BeforeValidator(_size)]


def _device(value: str) -> str:
    if not devices.is_name(value):
        known = {"written": devices.WRITTEN, "there": ", ".join(devices.there())}
        raise PydanticCustomError("device", "should be {written}; this machine has {there}", known)
    return value


Device = Annotated[str, AfterValidator(_device)]
"""A device by name, whether it is there or not: the file may come from another machine."""


class Section(BaseModel):
    """A section of the settings: frozen, and unknown keys are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _no_truth(cls, value: Any) -> Any:
        """Refuse True and False: no setting takes them, but Python would count True as 1."""
        if isinstance(value, bool):
            raise PydanticCustomError("truth", "is a number or a word, not true or false")
        return value


def names_in(text: str | None) -> tuple[str, ...]:
    """Names with commas between them; a name with a comma stands in quotes."""
    return () if text is None else tuple(name.strip() for name in next(csv.reader([text], skipinitialspace=True), ()))


def shown(value: Any, most: int = 80) -> str:
    """The start of a value as Python spells it."""
    try:
        text = repr(value)
    except ValueError:  # a whole number of more than 4,300 digits, which Python does not print
        return "a number of too many digits"
    return text if len(text) <= most else f"{text[:most]}..."
