"""stdout and stderr that have gone, are full, or do not know a sign."""

import errno
import io
import os
import subprocess
import sys
import time

import pytest

from unstir.training.streams import Stream


class Broken(io.StringIO):
    """A stream whose every write and flush fails with that error."""

    def __init__(self, error):
        super().__init__()
        self.error = error

    def write(self, _):
        raise self.error

    def flush(self):
        raise self.error


def closed():
    stream = io.StringIO()
    stream.close()
    return stream


BROKEN = [
    Broken(BrokenPipeError(errno.EPIPE, "Broken pipe")),
    Broken(OSError(errno.ENOSPC, "No space left on device")),
    Broken(OSError(errno.EIO, "Input/output error")),  # a terminal that has gone
    closed(),
    None,
]


@pytest.mark.parametrize("under", BROKEN)
def test_nothing_is_raised_and_the_first_error_is_kept(under):
    # Catches a program that ends where its log cannot be written, and a result that is lost without a word.
    stream = Stream(under)
    assert not stream.isatty()
    stream.flush()
    print("", end="", file=stream)
    assert under is not None or stream.lost is None  # nothing was to be written, so nothing is lost
    print("a result", file=stream)
    print("more", file=stream, flush=True)
    stream.writelines(["a", "b"])
    assert isinstance(stream.lost, OSError | ValueError)
    stream.release()


def test_what_an_encoding_does_not_have_is_written_all_the_same():
    """Python's own way is an error in the middle of a table. A byte of a file's name that is no UTF-8 is written as it is on disk."""
    for encoding, wanted in (
        ("ascii", b"2 +- 1 \\u0436 \xff"),
        ("latin-1", b"2 \xb1 1 \\u0436 \xff"),
        ("utf-8", "2 ± 1 ж ".encode() + b"\xff"),
    ):
        under = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
        stream = Stream(under)
        print("2 ± 1 ж \udcff", end="", file=stream)
        stream.release()
        assert stream.lost is None
        assert under.buffer.getvalue() == wanted
        assert under.errors == "strict"


def test_a_reader_that_does_not_read_is_not_waited_for():
    # A full pipe makes a plain program wait for ever. Catches training that stands still because nobody reads its log.
    reading, writing = os.pipe()
    with open(writing, "w") as under, open(reading, "rb") as reader:
        stream, began = Stream(under, courtesy=True), time.monotonic()
        for _ in range(3000):
            print("step 100/12000  loss 0.4  held-out 0.5  100 steps/s", file=stream, flush=True)
        assert time.monotonic() - began < 5
        os.set_blocking(reading, False)
        assert reader.read(20) == b"step 100/12000  loss"


def test_no_file_gets_the_number_of_a_closed_stream():
    """`unstir ... >&- 2>&-`: the next file that is opened would be number 1. Catches a model with a library's messages in it."""
    code = "import os; from unstir.training.streams import open_numbers; open_numbers(); os.write(9, b'%d' % os.open('.', 0))"
    done = subprocess.run(
        ["bash", "-c", f"'{sys.executable}' -c \"{code}\" 9>&1 <&- >&- 2>&-"], capture_output=True, text=True, check=False
    )
    assert int(done.stdout) > 2
