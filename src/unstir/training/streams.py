"""stdout and stderr that can be written to whatever has become of them: closed, full, or without a reader.

    stderr: progress, warnings     a courtesy: what cannot be written is left out, and the work goes on
    stdout: results                the work goes on to its end; `lost` then says what was in the way                          (1)

A plain stream raises instead, in the middle of the work, and rich ends the whole process where a pipe has lost its reader. A pipe whose
reader has stopped reading would even make a program wait for ever: a courtesy does not wait.

    >>> class Full(io.StringIO):
    ...     def write(self, text): raise OSError(errno.ENOSPC, "No space left on device")
    >>> stream = Stream(Full())
    >>> print("a result", file=stream)
    >>> stream.lost.strerror
    'No space left on device'
"""

import codecs
import errno
import io
import os
import select
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, TextIO

ESCAPES = "unstir escapes"  # the name of `_escaped` among Python's ways to write what an encoding does not have
PLAIN = {"±": "+-", "×": "x", "−": "-", "–": "-", "…": "..."}  # as encodings without these signs have them


class Stream:
    """A text stream that passes on what is written, and never raises. `lost` is the first error that was in the way; None without one.

    `under` is the stream that it writes to; None for one that was closed before Python started. With `courtesy`, what a full pipe cannot
    take at once is left out.
    """

    def __init__(self, under: TextIO | None, courtesy: bool = False):
        self._gone = under is None
        self.under = io.StringIO() if under is None else under
        self.courtesy = courtesy
        self.lost: OSError | ValueError | None = None
        self._errors = None
        if isinstance(self.under, io.TextIOWrapper):
            self._errors = self.under.errors
            with suppress(OSError, ValueError):
                self.under.reconfigure(errors=ESCAPES)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.under, name)

    def write(self, text: str) -> int:
        """Write text, and answer its length."""
        if self._gone:
            self.lost = self.lost or (OSError(errno.EBADF, "it is closed") if text else None)
        elif not self.courtesy or self._takes_more():
            with self._kept():
                self.under.write(text)
        return len(text)

    def writelines(self, lines: Any) -> None:
        """Write several texts."""
        for text in lines:
            self.write(text)

    def flush(self) -> None:
        """Pass on what is still held back."""
        with self._kept():
            self.under.flush()

    def isatty(self) -> bool:
        """Whether this is a terminal that is still there."""
        with suppress(OSError, ValueError):
            return self.under.isatty()
        return False

    def release(self) -> None:
        """Leave the stream below as it was. What it could not write is dropped: else Python would try again at the very end, and fail."""
        with suppress(OSError, ValueError):
            try:
                self.under.flush()
            except OSError:
                with open(os.devnull, "w") as nowhere:
                    os.dup2(nowhere.fileno(), self.under.fileno())
                self.under.flush()
            if self._errors is not None:
                self.under.reconfigure(errors=self._errors)  # pyrefly: ignore

    @contextmanager
    def _kept(self) -> Iterator[None]:
        try:
            yield
        except (OSError, ValueError) as error:
            self.lost = self.lost or error

    def _takes_more(self) -> bool:
        """Whether a write would not wait for a reader; text files and terminals that have gone take everything, if only to raise."""
        with suppress(OSError, ValueError, AttributeError):
            number = self.under.fileno()
            if stat.S_ISFIFO(os.fstat(number).st_mode) or self.under.isatty():
                return bool(select.select([], [number], [], 0)[1])
        return True


def open_numbers() -> None:
    """Open the numbers 0, 1 and 2 onto nothing, where they are closed.

    Otherwise the next file that is opened gets such a number, a model's for example, and what a library prints would be written into it.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            opened = os.open(os.devnull, os.O_RDWR)
            if opened != number:
                os.dup2(opened, number)
                os.close(opened)
            os.set_inheritable(number, True)


def _escaped(error: UnicodeError) -> tuple[str | bytes, int]:
    """What is written in place of what an encoding does not have: bytes of file names as they are, a plain sign, or an escape as \\u2026."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    sign = error.object[error.start]
    if "\udc80" <= sign <= "\udcff":  # how Python spells a byte of a file name that is not UTF-8
        return bytes([ord(sign) - 0xDC00]), error.start + 1
    return PLAIN.get(sign, sign.encode("ascii", "backslashreplace").decode()), error.start + 1


codecs.register_error(ESCAPES, _escaped)
