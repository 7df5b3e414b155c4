"""What all checks of arrays and files share: the largest exact whole number, texts that are none, names that are not there, the way on."""

from collections.abc import Sequence
from difflib import get_close_matches

from unstir.errors import DataError, UsageError, unknown
from unstir.words import short

LISTED = 12  # names in a message
EXACT = 2.0**53  # float64 holds every whole number up to here
BEYOND = "a whole number beyond 2^53 that float64 would round. Subtract an offset, or leave the column out if it is an id."


def refuse_broken_text(texts: Sequence[str], what: str) -> None:
    """Raise DataError for half a character (a lone surrogate), which can be read but not be written to any file after training."""
    for text in texts:
        if not text.isascii() and any(0xD800 <= ord(character) < 0xE000 for character in text):
            raise DataError(f"{what} hold {text!a}, which is no text in any encoding. Rename it.")


def way_on(source: str) -> str:
    """How to have rows with gaps dropped: from Python for an array, by a flag for a file."""
    return "or pass missing='drop'" if source == "array" else "or pass --data.missing drop"


def unknown_name(what: str, name: str, known: Sequence[str]) -> UsageError:
    """The error for a name that a file does not hold, with the names that it does; of very many the nearest.

    >>> print(unknown_name("column in 'a.csv'", "wide", ["width", "height"]))
    unknown column in 'a.csv' 'wide': did you mean 'width'? Known: height, width.
    """
    if len(known) > LISTED:
        what, known = f"{what} (with {len(known):,}; these are the nearest)", get_close_matches(name, known, LISTED, 0)
    return unknown(what, short(name), map(short, known))
