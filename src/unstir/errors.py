"""The errors of the library: one class for each exit code, so that a script can tell them apart.

The text of an error says in one message what went wrong, where, why, and what to do. The command line prints it without a traceback.

    >>> raise DataError("column 'speed' has 12 missing values (first: row 118). Remove them.")
    Traceback (most recent call last):
    ...
    unstir.errors.DataError: column 'speed' has 12 missing values (first: row 118). Remove them.
"""

from collections.abc import Iterable
from difflib import get_close_matches


class UnstirError(Exception):
    """An error whose text is written for the user. `exit_code` is the exit code of the command."""

    exit_code = 1


class UsageError(UnstirError, ValueError):
    """A wrong name, flag, size or combination of settings: exit code 2."""

    exit_code = 2


class DataError(UnstirError, ValueError):
    """Data that cannot be used as it is: exit code 3."""

    exit_code = 3


class NumericsError(UnstirError, ArithmeticError):
    """A computation whose result is not finite: exit code 4."""

    exit_code = 4


class StorageError(UnstirError, OSError):
    """A file or folder that is missing, damaged or already exists, or a full disk: exit code 5."""

    exit_code = 5


class UnstirWarning(UserWarning):
    """Something that a person has to know of a result that was made all the same. The command line shows it as a line on stderr."""


class Stopped(KeyboardInterrupt):
    """A signal asked the process to stop: exit code 130 or 143. It is not an `Exception`, so code that handles errors lets it pass."""

    def __init__(self, text: str, exit_code: int):
        super().__init__(text)
        self.exit_code = exit_code


def unknown(what: str, name: str, known: Iterable[str]) -> UsageError:
    """The error for a name that is not one of `known`: it suggests the nearest one and lists them all.

    >>> print(unknown("schedule", "cosin", ["linear", "cosine"]))
    unknown schedule 'cosin': did you mean 'cosine'? Known: cosine, linear.
    """
    known = sorted(known)
    near = get_close_matches(str(name), known, n=1, cutoff=0.5)
    hint = f"did you mean '{near[0]}'? " if near else ""
    return UsageError(f"unknown {what} '{name}': {hint}Known: {', '.join(known)}.")


def out_of_memory(error: BaseException) -> bool:
    """Whether memory ran out: Python and numpy raise MemoryError, torch a RuntimeError with one of several texts, on any device.

    >>> out_of_memory(RuntimeError("DefaultCPUAllocator: can't allocate memory")), out_of_memory(RuntimeError("shapes differ"))
    (True, False)
    """
    said = ("can't allocate memory", "not enough memory", "out of memory", "size calculation overflowed")
    return isinstance(error, MemoryError) or (isinstance(error, RuntimeError) and any(words in str(error) for words in said))
