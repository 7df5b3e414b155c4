"""Text for messages, tables, figures and pages: numbers, lists, names, shares and durations as a person writes them.

One style of numbers, everywhere:

    counts (rows, steps)     1,797    12,000         groups of three from 1,000 on                  `counted`
    values                   0.61     2010   12,000  three digits, but the whole number in full; groups of three from 10,000 on,
                                                     because a column may hold years                `number`
    a value and its spread   0.61 ± 0.02             the spread has two digits                      `with_spread`
    shares                   12 %     under 0.001 %                                                 `percent`

A number below 1 begins with 0, as in 0.61. Figures and pages write the minus as in print (`typeset`), because nobody copies it from
there into a command.

>>> counted(1, "row"), counted(12000, "row"), listed(["a", "b", "c"]), percent(0.0123), duration(5400)
('1 row', '12,000 rows', 'a, b and c', '1.2 %', '1.5 h')
"""

import math
import shlex
from collections.abc import Sequence


def counted(number: int, noun: str, plural: str = "") -> str:
    """A number of things, with the noun in singular or plural.

    >>> counted(1, "row"), counted(2, "row"), counted(3, "class", "classes")
    ('1 row', '2 rows', '3 classes')
    """
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {plural or f'{noun}s'}"


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


def number(value: float, digits: int = 3, largest: float = 1e9) -> str:
    """A value to `digits` digits, without zeros at the end; its whole part is never rounded away. From `largest` on, a power of ten.

    >>> [number(value) for value in (0.6149, 2010.0, 2010.4, 12345.6, 3.0, 0.0, -2.5e-7, 1.5e12)]
    ['0.615', '2010', '2010', '12,346', '3', '0', '-2.5e-7', '1.5e12']
    >>> number(0.1 + 0.2, 10), number(1999.5, 6), number(float("inf"))
    ('0.3', '1999.5', 'inf')
    """
    if not math.isfinite(value) or value == 0:
        return f"{value:.0f}" if value else "0"
    power = math.floor(math.log10(abs(value)))
    text, e, exponent = (
        f"{value:.{digits - 1}e}" if not 1e-4 <= abs(value) < largest else _fixed(value, max(0, digits - 1 - power))
    ).partition("e")
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return f"{text}e{int(exponent)}" if e else text


def typeset(text: str) -> str:
    """The text with a minus as in print.

    >>> typeset("-2.5e-7")
    '−2.5e−7'
    """
    return text.replace("-", "\N{MINUS SIGN}")


def printable(text: str) -> str:
    """Text for a terminal: line ends stay; other control characters, and those that turn or hide text, are escaped.

    >>> print(printable("run \\x1b[31mred\\u202e [/s]"))
    run \\x1b[31mred\\u202e [/s]
    """
    return "".join(c if c.isprintable() or c == "\n" else ascii(c)[1:-1] for c in spelled(text))


def spelled(text: str) -> str:
    r"""Text that may hold bytes which are no UTF-8, as names of files do: each such byte as its number, so that it can be written down.

    >>> print(spelled("caf\udce9.csv"), spelled("café.csv"))
    caf\xe9.csv café.csv
    """
    return text if text.isascii() else text.encode(errors="surrogateescape").decode(errors="backslashreplace")


def quoted(path: object) -> str:
    r"""A path as it is typed in a shell: in quotes where it needs them, and where it holds what cannot be printed, as bash spells that.

    >>> print(quoted("runs/moons-7f3a"), quoted("my run"), quoted("caf\udce9"), quoted("a\nb"))
    runs/moons-7f3a 'my run' $'caf\xe9' $'a\nb'
    """
    text = str(path)
    if text.isprintable():
        return shlex.quote(text)
    plain = spelled(text.replace("\\", "\\\\").replace("'", "\\'"))
    return f"$'{''.join(c if c.isprintable() else repr(c)[1:-1] for c in plain)}'"


def percent(share: float, digits: int = 2) -> str:
    """A share as a percentage, rounded to `digits` digits, or to a whole number if that has more; tiny shares are "under 0.001 %".

    >>> percent(0.364), percent(0.0123), percent(-0.5), percent(1), percent(0.9971, 3), percent(4.04e-5), percent(2.4e-9)
    ('36 %', '1.2 %', '-50 %', '100 %', '99.7 %', '0.0040 %', 'under 0.001 %')
    """
    if 0 < abs(share) < 1e-5:
        return "under 0.001 %"
    decimals = max(0, digits - 1 - math.floor(math.log10(abs(100 * share)))) if share and math.isfinite(share) else 0
    return f"{_fixed(100 * share, decimals)} %"


def with_spread(value: float, spread: float) -> str:
    """A number with its spread: the spread has two digits, and the number as many decimals.

    >>> with_spread(0.00056638, 0.00011144), with_spread(12.3456, 0.5), with_spread(16491.0, 530.0)
    ('0.00057 ± 0.00011', '12.35 ± 0.50', '16,491 ± 530')
    """
    if spread <= 1e-12 * abs(value) or not math.isfinite(spread):
        return f"{number(value, 4)} ± {0 if math.isfinite(spread) else spread}"
    digits = max(1 - math.floor(math.log10(spread)), 0)
    return f"{_fixed(value, digits)} ± {_fixed(spread, digits)}"


def duration(seconds: float) -> str:
    """Seconds in the unit that a person would use.

    >>> duration(3.21), duration(600), duration(200000)
    ('3.2 s', '10.0 min', '2.3 days')
    """
    for size, unit in ((86400, "days"), (3600, "h"), (60, "min")):
        if seconds >= 1.5 * size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.1f} s"


def _fixed(value: float, decimals: int) -> str:
    """A number with so many decimals, in groups of three from 10,000 on."""
    text = f"{value:.{decimals}f}"
    return f"{value:,.{decimals}f}" if len(text.lstrip("-").partition(".")[0]) > 4 else text


def capital(text: str) -> str:
    """Text with a capital first letter, and the rest as it is.

    >>> capital("column 'BMI' is off")
    "Column 'BMI' is off"
    """
    return text[:1].upper() + text[1:]
