"""How a table is written as text: its encoding, what parts its cells, what in it is a comment.

    encoding      UTF-8, or UTF-16 with its mark at the start, as Excel's "Unicode text"; packed with gzip where the name ends in .gz
    delimiter     tab, semicolon, bar or comma: the one that cuts most of the first lines into the same number of cells; spaces, and a bar,
                  only where they cut all of them so                                                                   (1)
    comments      lines that start with #; the last one above the first row is the header where it has as many cells, the others are
                  left out                                                                                             (2)
    sep=;         Excel's own word for the delimiter, in the first line
    1,2,          a delimiter at the end of every line ends the line, and starts no column                             (3)

Rows are read one at a time, so a large table is never held as text. Lines are counted from 1.
"""

import csv
import gzip
import io
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any, TextIO

from unstir.data.formats.numerals import is_number
from unstir.data.formats.raw import refuse_large, refuse_trap
from unstir.errors import DataError
from unstir.words import counted, short

TAB = "\t"
DELIMITERS = f"{TAB};|, "
CAREFUL = "| "  # these are in texts, too: they have to cut all lines alike
CALLED = {TAB: "tabs", ";": "semicolons", "|": "bars", ",": "commas", " ": "spaces"}
USUAL = {".csv": ",", ".tsv": TAB, ".tab": TAB}  # what a file's name says of its delimiter; anything else is said
LOOKED_AT = 20  # lines
MARKS = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}

Row = tuple[int, list[str]]  # the number of its (last) line, its cells


@dataclass
class TableRows:
    """The rows of a table, all of one width, the header among them; `notes` are sentences about it once all rows were read."""

    rows: Iterator[Row]
    delimiter: str
    notes: list[str]


@contextmanager
def opened(path: Path, source: str) -> Iterator[TextIO]:
    """The text of a file, with the ends of its lines as they are. Raises DataError where it is not text, or no whole gzip file."""
    packed = path.name.lower().endswith(".gz")
    try:
        with gzip.open(path) if packed else path.open("rb") as binary:
            encoding = MARKS.get(binary.read(2), "utf-8-sig")
            binary.seek(0)
            counted_bytes = io.BufferedReader(_Unpacked(binary, source, path.stat().st_size)) if packed else binary
            yield io.TextIOWrapper(counted_bytes, encoding, newline="")  # pyrefly: ignore
    except UnicodeDecodeError as error:
        raise DataError(
            f"'{source}' is not UTF-8 text ({error.reason}). Save it as CSV in UTF-8, as iconv -f latin1 -t utf-8 does for older files."
        ) from None
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DataError(f"'{source}' is damaged, or not packed with gzip: {short(str(error), 80)}") from None
    except csv.Error as error:
        raise DataError(
            f"'{source}' is not a readable table: {short(str(error), 80)}. Look for a quote that is not closed."
        ) from None


def table_rows(file: TextIO, source: str) -> TableRows:
    """The rows of a table by (1), (2) and (3). In a table of a single column a blank line is a missing value.

    Raises DataError for a ragged row.
    """
    skipped, comment, said, start = 0, "", "", ""
    for line in file:
        text = line.strip()
        if text.startswith("#"):
            comment = text.lstrip("# ")
        elif skipped == 0 and text.lower().startswith("sep=") and len(text) == 5:
            said = text[4]
        elif text:
            start = line
            break
        skipped += 1
    head = [start, *islice(file, LOOKED_AT - 1)] if start else []
    delimiter = said or _delimiter(head)
    usual = next((mark for end, mark in USUAL.items() if source.lower().removesuffix(".gz").endswith(end)), delimiter)
    notes = (
        [] if delimiter == usual else [f"the cells of '{short(source, 80)}' are cut at {CALLED.get(delimiter, repr(delimiter))}."]
    )
    return TableRows(_rows(chain(head, file), head, delimiter, notes, comment, skipped, source), delimiter, notes)


def _rows(
    lines: Iterator[str], head: list[str], delimiter: str, notes: list[str], comment: str, skipped: int, source: str
) -> Iterator[Row]:
    reader = _reader(_text(lines, delimiter, source), delimiter, strict=True)
    ending = _ends_in(delimiter, head)
    width, blank, comments = 0, [], 0
    for cells in reader:
        number = skipped + reader.line_num
        if not cells:
            blank.append(number)
            continue
        if width == 1:
            yield from ((line, [""]) for line in blank)
        blank = []
        if ending and not cells[-1].strip() and (not width or len(cells) == width + 1):
            cells.pop()
        if not width:
            width = len(cells)
            names = next(_reader([comment], delimiter), []) if comment else []
            if len(names) == width and any(map(is_number, cells)):
                yield skipped, names
        if len(cells) != width:
            if not cells[0].startswith("#"):
                raise DataError(_ragged(source, number, delimiter, len(cells), width))
            comments += 1
            continue
        yield number, cells
    if comments:
        notes.append(f"{counted(comments, 'line')} of '{short(source, 80)}' with # at the start, left out.")


def _ragged(source: str, number: int, delimiter: str, cells: int, width: int) -> str:
    counts = f"the number of cells (cut at {delimiter!r}) is {cells}, in the first row it is {width}"
    named = " If the first column has the names of rows, take it out, as write.table(row.names=FALSE) of R does."
    twice = " Twice as many may be numbers with a decimal comma: cut the cells at a semicolon." if cells == 2 * width else ""
    hint = (twice if delimiter == "," else "") or (named if cells == width + 1 and number == 2 else "")
    return f"'{source}', line {number}: {counts}. Every row needs the same.{hint}"


def _reader(lines: Iterable[str], delimiter: str, strict: bool = False) -> Any:
    return csv.reader(lines, delimiter=delimiter, skipinitialspace=True, strict=strict)


def _text(lines: Iterable[str], delimiter: str, source: str) -> Iterator[str]:
    """The lines. A NUL is no character of a table, but half of every one in UTF-16."""
    for line in lines:
        if "\0" in line:
            raise DataError(f"'{source}' holds NUL bytes, so it is not UTF-8 text. Save it as CSV in UTF-8.")
        yield _trimmed(line, delimiter)


def _trimmed(line: str, delimiter: str) -> str:
    """A line as csv should see it: between cells that spaces part there may be several, and tabs among them, but none at the end."""
    return f"{line.replace(TAB, ' ').strip()}\n" if delimiter == " " else line


def _delimiter(lines: list[str]) -> str:
    """The delimiter by (1)."""

    def agreeing(delimiter: str) -> int:
        rows = [cells for cells in _reader((_trimmed(line, delimiter) for line in lines), delimiter) if cells]
        count = max((n for width, n in Counter(map(len, rows)).items() if width > 1), default=0)
        named = len(rows) > 2 and len(rows[0]) + 1 == len(rows[1])  # above a column of the names of rows there is often no name
        return count if delimiter not in CAREFUL or count == len(rows) - named else 0

    # Where two agree equally often, the tab or the semicolon wins: a comma beside it is a decimal comma or part of a text.
    best = max(DELIMITERS, key=agreeing)
    return best if agreeing(best) else ","


def _ends_in(delimiter: str, lines: list[str]) -> bool:
    """Whether each of the lines, the first perhaps not, ends in a delimiter that starts no column, by (3)."""
    first, *others = [cells for cells in _reader((_trimmed(line, delimiter) for line in lines), delimiter) if cells] or [[]]
    width = len(first) if first and first[-1].strip() else len(first) - 1
    return bool(others and width) and all(len(cells) == width + 1 and not cells[-1].strip() for cells in others)


class _Unpacked(io.RawIOBase):
    """The bytes of a packed file, counted, so that a small file cannot unpack to any amount of them."""

    def __init__(self, file: Any, source: str, packed: int):
        self._file, self._source, self._packed, self._count = file, source, packed, 0

    def readable(self) -> bool:
        """Yes."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read the next bytes. Raises DataError where there are too many."""
        found = self._file.read(len(buffer))
        buffer[: len(found)] = found
        self._count += len(found)
        refuse_trap(self._source, self._count, self._packed, "unpack it with gunzip")
        refuse_large(self._source, self._count)
        return len(found)
