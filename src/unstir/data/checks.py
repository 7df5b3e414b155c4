"""What all checks of arrays and files share: the largest exact whole number, texts that are none, and the way on in a message."""

from collections.abc import Sequence

from unstir.errors import DataError

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
