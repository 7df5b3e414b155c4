"""Dates and times as seconds since 1970-01-01, and back.

    form          a strftime format such as %d/%m/%Y, or "iso": 2024-02-29T12:30:00.5                                  (1)
    step          the seconds between times that can be, counted from the first of them; 0 for anything                (2)
                  YEAR and MONTH stand for the first days of years and months, whose lengths differ

A time zone, where there is one, is that of UTC after reading.

    >>> seconds(["1970-01-02", None, "1970-01-03"], "%Y-%m-%d").tolist()
    [86400.0, nan, 172800.0]
    >>> spelled_times(np.array([86400.0, np.nan]), "%d.%m.%Y", "NA")
    ['02.01.1970', 'NA']
"""

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import numpy as np

EPOCH = datetime(1970, 1, 1)
FORMS = (
    *("%Y-%m-%d", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%SZ"),
    *("%Y-%m-%d %H:%M:%S.%f", "%Y-%m-%dT%H:%M:%S.%f", "%Y/%m/%d", "%Y/%m/%d %H:%M:%S", "%Y/%m/%d %H:%M"),
    *("%d.%m.%Y", "%d.%m.%Y %H:%M:%S", "%d.%m.%Y %H:%M", "%d/%m/%Y", "%m/%d/%Y", "%d/%m/%Y %H:%M:%S", "%m/%d/%Y %H:%M:%S"),
    *("%d/%m/%Y %H:%M", "%m/%d/%Y %H:%M", "%d-%m-%Y", "%m-%d-%Y", "%d-%m-%Y %H:%M", "%m-%d-%Y %H:%M", "%d %b %Y", "%d %B %Y"),
    *("%d-%b-%Y", "%b %d, %Y", "%B %d, %Y", "%Y-%m", "%H:%M", "%H:%M:%S", "%m/%d/%y", "%d/%m/%y", "%d-%b-%y"),
)
YEAR, MONTH, DAY = 31_556_952.0, 2_629_746.0, 86400.0  # seconds, of a year and of a month on the average
STARTS = {YEAR: "datetime64[Y]", MONTH: "datetime64[M]"}
COARSE, STEPS = (7 * DAY, DAY, 3600.0, 1800.0, 900.0, 600.0, 300.0), (DAY, 3600.0, 60.0, 1.0)
FEWEST = 5  # different times, from which it is no chance that all are first days, on one day of the week, or at full quarters of an hour


def form_of(texts: list[str]) -> tuple[str, str] | None:
    """The form (1) that all texts have, and what is to be said about it; None if there is none.

    Of two forms that fit, as of 03/04/2024, the one wins after which the times grow from row to row more often; then the first in FORMS.

    >>> form_of(["03/04/2024", "04/04/2024", "05/04/2024"])
    ('%d/%m/%Y', '; 03/04/2024 may also be read as %m/%d/%Y')
    >>> form_of(["9:30", "10:00"]), form_of(["a"])
    (('%-H:%M', ''), None)
    """
    if not any(character.isdigit() for character in texts[0]):
        return None
    fitting = [form for form in (*FORMS, "iso") if _all_written(texts[:20], form) and _all_written(texts, form)]
    different = {seconds(texts, form).tobytes(): form for form in reversed(fitting)}  # the first of those that say the same
    if not different:
        return None
    form = max(reversed(different.values()), key=lambda form: _growing(texts, form))
    others = [other for other in different.values() if other != form]
    said = f"; {texts[0]} may also be read as {others[0]}" if others else ""
    return _unpadded(texts, form), said


def _all_written(texts: list[str], form: str) -> bool:
    try:
        seconds(texts, form)
    except (ValueError, OverflowError):
        return False
    return True


def _growing(texts: list[str], form: str) -> float:
    """How many steps from text to text go the same way; of as many, the shorter way wins."""
    steps = np.diff(seconds(texts, form))
    return float(max((steps > 0).sum(), (steps < 0).sum()) - np.abs(steps).sum() * 1e-15)


def _unpadded(texts: list[str], form: str) -> str:
    """The form with days, months and hours that are not padded with 0, if that is how all texts are written."""
    if form == "iso":
        return form
    for part in ("", "%d", "%m", "%H", "%d%m", "%d%H", "%m%H", "%d%m%H"):
        bare = form
        for mark in (part[i : i + 2] for i in range(0, len(part), 2)):
            bare = bare.replace(mark, f"%-{mark[1]}")
        if spelled_times(seconds(texts, form), bare) == texts:
            return bare
    return form


def one(cell: Any, form: str) -> float:
    """The seconds of one cell that is not missing. Raises ValueError for a text in another form."""
    if isinstance(cell, np.datetime64):
        return float(cell.astype("datetime64[us]").astype(np.int64)) / 1e6
    if isinstance(cell, str):
        text = cell.strip()
        return _since(datetime.fromisoformat(text) if form == "iso" else datetime.strptime(text, form.replace("%-", "%")))
    if isinstance(cell, datetime):
        return _since(cell)
    if isinstance(cell, date):
        return _since(datetime(cell.year, cell.month, cell.day))
    if isinstance(cell, time):
        return _since(datetime.combine(EPOCH, cell))
    raise ValueError(cell)


def _since(moment: datetime) -> float:
    moment = moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment
    apart = moment - EPOCH
    return apart.days * 86400.0 + apart.seconds + apart.microseconds / 1e6


def seconds(cells: Iterable[Any], form: str) -> np.ndarray:
    """The seconds of cells (n,) as float64; None is NaN. Raises ValueError for a text in another form."""
    known: dict[Any, float] = {None: float("nan")}  # times repeat, and to read one takes long
    found = []
    for cell in cells:
        if cell not in known:
            known[cell] = one(cell, form)
        found.append(known[cell])
    return np.array(found, np.float64)


def step_of(codes: np.ndarray) -> float:
    """The largest step by (2) in which all codes are; NaN is none of them.

    >>> step_of(np.array([0.0, 7200.0])), step_of(np.array([0.5])), step_of(seconds([f"2024-0{i}-01" for i in range(1, 8)], "iso")) == MONTH
    (3600.0, 0.0, True)
    """
    held = np.unique(codes[np.isfinite(codes)])
    if not held.size:
        return 0.0
    if len(held) >= FEWEST:
        for step in (*STARTS, *COARSE):
            if (snapped(held, step, held[0]) == held).all():
                return step
    return next((step for step in STEPS if (held % step == 0).all()), 0.0)


def snapped(codes: np.ndarray, step: float, first: float) -> np.ndarray:
    """The nearest times that a column can have, whose times are `step` apart, by (2), `first` among them; NaN stays NaN.

    >>> spelled_times(snapped(seconds(["2024-02-19", "2024-02-10"], "iso"), MONTH, 0.0), "%Y-%m-%d")
    ['2024-03-01', '2024-02-01']
    """
    if step in STARTS:
        whole = moments(codes)
        before = whole.astype(STARTS[step])
        low, high = (start.astype("datetime64[us]") for start in (before, before + 1))
        return moment_seconds(np.where(whole - low < high - whole, low, high))
    return np.round((codes - first) / step) * step + first if step else codes


def moment_seconds(moments: np.ndarray) -> np.ndarray:
    """The seconds of datetime64 (n,) as float64; NaT is NaN."""
    return np.where(np.isnat(moments), np.nan, moments.astype("datetime64[us]").astype(np.int64) / 1e6)


def moments(codes: np.ndarray) -> np.ndarray:
    """Codes (n,) as datetime64[us]; NaN is NaT."""
    held = np.isfinite(codes)
    whole = np.round(np.where(held, codes, 0.0) * 1e6).astype(np.int64).astype("datetime64[us]")
    return np.where(held, whole, np.datetime64("NaT", "us"))


def spelled_times(codes: np.ndarray, form: str, gap: Any = None) -> list[Any]:
    """Codes (n,) as texts in a form; a missing one is `gap`."""
    return [gap if np.isnan(code) else _spelled(code, form) for code in codes.tolist()]


def _spelled(code: float, form: str) -> str:
    moment = EPOCH + timedelta(seconds=code)
    if form == "iso":
        return moment.isoformat()
    # strftime writes the year 33 as 33, and not every system knows numbers without their 0
    known = {"%Y": f"{moment.year:04d}", "%-d": str(moment.day), "%-m": str(moment.month), "%-H": str(moment.hour)}
    for mark, text in known.items():
        form = form.replace(mark, text)
    return moment.strftime(form)
