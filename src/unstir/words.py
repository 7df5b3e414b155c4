"""Text for messages, tables and pages: numbers, lists, names, shares and durations as a person writes them.

>>> counted(1, "row"), counted(12000, "row"), listed(["a", "b", "c"]), percent(0.0123), duration(5400)
('1 row', '12,000 rows', 'a, b and c', '1.2 %', '1.5 h')
"""

import math
from collections.abc import Sequence


def counted(number: int, noun: str) -> str:
    """A number of things, with the noun in singular or plural.

    >>> counted(1, "row"), counted(2, "row")
    ('1 row', '2 rows')
    """
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def listed(names: Sequence[str]) -> str:
    """Names joined by commas and "and".

    >>> print(listed(["a", "b", "c"]), "/", listed(["a"]))
    a, b and c / a
    """
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def short(text: str, most: int = 40) -> str:
    """Text from elsewhere, made fit for one line of a message: cut to `most` characters, with invisible characters escaped.

    >>> short("price"), short("a" * 50), short("one\\ntwo")
    ('price', 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa...', 'one\\\\ntwo')
    """
    text = text if len(text) <= most else f"{text[: most - 3]}..."
    return text if text.isprintable() else repr(text)[1:-1]


def percent(share: float, digits: int = 2) -> str:
    """A share as a percentage, rounded to `digits` digits, or to a whole number if that has more; tiny shares are "under 0.001 %".

    >>> percent(0.364), percent(0.0123), percent(-0.5), percent(1), percent(0.9971, 3), percent(4.04e-5), percent(2.4e-9)
    ('36 %', '1.2 %', '-50 %', '100 %', '99.7 %', '0.0040 %', 'under 0.001 %')
    """
    if 0 < abs(share) < 1e-5:
        return "under 0.001 %"
    decimals = max(0, digits - 1 - math.floor(math.log10(abs(100 * share)))) if share and math.isfinite(share) else 0
    return f"{100 * share:.{decimals}f} %"


def with_spread(value: float, spread: float) -> str:
    """A number with its spread: the spread has two digits, and the number as many decimals.

    >>> with_spread(0.00056638, 0.00011144), with_spread(12.3456, 0.5)
    ('0.00057 ± 0.00011', '12.35 ± 0.50')
    """
    if spread <= 1e-12 * abs(value):
        return f"{value:.4g} ± 0"
    digits = max(1 - math.floor(math.log10(spread)), 0)
    return f"{value:.{digits}f} ± {spread:.{digits}f}"


def three_digits(number: float) -> str:
    """A number to three digits, or to a whole number from a hundred on.

    >>> three_digits(1.2345), three_digits(0.98765), three_digits(16491.0)
    ('1.23', '0.988', '16,491')
    """
    return f"{number:,.0f}" if number >= 100 else f"{number:#.3g}"


def duration(seconds: float) -> str:
    """Seconds in the unit that a person would use.

    >>> duration(3.21), duration(600), duration(200000)
    ('3.2 s', '10.0 min', '2.3 days')
    """
    for size, unit in ((86400, "days"), (3600, "h"), (60, "min")):
        if seconds >= 1.5 * size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.1f} s"


def plain(value: float) -> str:
    """A value in the data's units, to four digits, or to a whole number from 10,000 on.

    >>> plain(0.0), plain(21.0437), plain(2010.0), plain(1306412.2), plain(-7.5e-5), plain(3e20)
    ('0', '21.04', '2010', '1,306,412', '-7.5e-05', '3e+20')
    """
    return f"{value:,.0f}" if 1e4 <= abs(value) < 1e15 else f"{value:.4g}"


def capital(text: str) -> str:
    """Text with a capital first letter, and the rest as it is.

    >>> capital("column 'BMI' is off")
    "Column 'BMI' is off"
    """
    return text[:1].upper() + text[1:]
