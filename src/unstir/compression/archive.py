"""The file: a header of about 25 bytes, then the stack.

    4 bytes   b"unst"                          4 bytes  CRC-32 of everything after it
    1         version of the format            8        the first bytes of the compiled model's sha256
    varint    bytes of the stack               1 each   type of the array, noise steps, rows coded by the prior, growth of groups
    varint    rows                             the rest is the stack

A varint has 7 bits a byte, the lowest first, and the highest bit is set in all but the last. The bits that a coder of this kind borrows at
first are not random here: they are the SHAKE-256 of the model's sha256, the header and the data. They are what is left on the stack when all
rows are decoded, so they are the checksum of the data, and cost nothing beyond what is borrowed anyway.

    >>> b"".join(map(varint, (5, 300))).hex(), read_varint(b"\\xac\\x02", 0)
    ('05ac02', (300, 2))
"""

import hashlib
import math
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple

import numpy as np

from unstir.compression.codec import SHARE, Code, Spent, decode, encode, encode_group
from unstir.compression.exact import Compiled
from unstir.compression.grid import layers
from unstir.compression.intervals import Phi
from unstir.compression.stack import LOWEST, PRECISION, WORD, Stack
from unstir.errors import DataError, UsageError
from unstir.steady import steady
from unstir.words import short

MAGIC, VERSION = b"unst", 1
IDENTITY = 8  # bytes of the sha256
TYPES = ("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float16", "float32", "float64")
STEPS = (16, 32, 64, 128)
TRIED = 8  # rows coded beforehand, to see how many bits a row borrows and adds
SAFE = 0.9  # groups grow by so much of what the bits allow
MOST_STARTED = 4
AHEAD = 2  # words that are borrowed even if none is needed, so that there always is a checksum


@dataclass(frozen=True)
class Result:
    """A file, and what it took: `bound` is the variational bound of the same levels for all rows in bits, `borrowed` counts bytes.

    `parts` has the bound by part, in bits for all rows.
    """

    content: bytes
    rows: int
    dimension: int
    bound: float
    parts: dict[str, float]
    borrowed: int
    header: int

    @property
    def bits_per_dim(self) -> float:
        """Bits for each number of the data, everything in the file counted."""
        return 8 * len(self.content) / (self.rows * self.dimension)

    @property
    def bound_per_dim(self) -> float:
        """The bound in the same unit."""
        return self.bound / (self.rows * self.dimension)


class Header(NamedTuple):
    """What the header says besides checksums: see the file's docstring."""

    identity: bytes
    dtype: str
    steps: int
    started: int
    growth: int
    rows: int

    def to_bytes(self) -> bytes:
        """The part from the identity on."""
        numbers = (TYPES.index(self.dtype), self.steps, self.started, self.growth)
        return self.identity + bytes(numbers) + varint(self.rows)


@steady
def compress(made: Compiled, rows: np.ndarray, steps: int = 32) -> Result:
    """Rows (N, *shape) as a file. Every value has to be one of the model's levels.

    Raises DataError naming the first value that is none, and for rows of another shape; UsageError for a number of steps that is not
    16, 32, 64 or 128.
    """
    if steps not in STEPS:
        raise UsageError(f"--levels {steps} has to be 16, 32, 64 or 128.")
    x, dtype = levels_in(made, rows), rows.dtype.name
    code = code_of(made, steps)
    started, growth = planned(code, x)
    header = Header(bytes.fromhex(made.identity)[:IDENTITY], dtype, steps, started, growth, len(x))
    stack = Stack(supply=supply(made, header.to_bytes(), x))
    stack.words = [stack.word() for _ in range(AHEAD)][::-1]
    spent = encode(code, x, stack, started, growth)
    body = stack.to_bytes()
    content = seal(header, body)
    coded = max(1, len(x) - started)
    parts = {name: bits * len(x) / coded for name, bits in spent.parts.items()}
    borrowed = stack.supplied * WORD // 8
    return Result(content, len(x), x.shape[1], sum(parts.values()), parts, borrowed, len(content) - len(body))


@steady
def decompress(made: Compiled, content: bytes, name: str = "the file") -> np.ndarray:
    """The rows of a file, exactly as they were.

    Raises DataError, naming which, for a file that is none of ours, cut, changed, of a newer format, or made by another model.
    """
    header, body = opened(content, name)
    if header.identity != bytes.fromhex(made.identity)[:IDENTITY]:
        raise DataError(
            f"{name} was made by another model: its compiled copy begins with {header.identity.hex()}, and this one with "
            f"{made.identity[: 2 * IDENTITY]}. Name the run that made it."
        )
    damaged = DataError(f"{name} is damaged: what it holds does not match its checksum. Use another copy.")
    try:
        stack = Stack.from_bytes(body)
        x = decode(code_of(made, header.steps), stack, header.rows, header.started, header.growth)
    except DataError:
        raise damaged from None
    expected = supply(made, header.to_bytes(), x)
    if stack.state != LOWEST or len(stack.words) < AHEAD or stack.words != [next(expected) for _ in stack.words][::-1]:
        raise damaged
    return values_of(made, x, header.dtype)


def seal(header: Header, body: bytes) -> bytes:
    """The file of a header and a stack."""
    rest = bytes([VERSION]) + varint(len(body)) + header.to_bytes() + body
    return MAGIC + zlib.crc32(rest).to_bytes(4, "little") + rest


def opened(content: bytes, name: str) -> tuple[Header, bytes]:
    """Header and stack of a file whose checksum is right. Raises DataError, naming which, for any other."""
    if not content.startswith(MAGIC):
        cut = MAGIC.startswith(content[: len(MAGIC)])
        raise DataError(
            f"{name} is cut: it has {len(content)} bytes."
            if cut
            else f"{name} is not a file of `unstir compress`: it begins with other bytes."
        )
    short = DataError(f"{name} is cut: it has {len(content):,} bytes, and its header alone has more. Use another copy.")
    if len(content) < 9:
        raise short
    if content[8] > VERSION:
        raise DataError(
            f"{name} is of format {content[8]}, and this unstir reads format {VERSION}: it is newer or damaged. Update unstir."
        )
    try:
        length, place = read_varint(content, 9)
        rows, start = read_varint(content, place + IDENTITY + 4)
    except IndexError:
        raise short from None
    if len(content) < start + length:
        raise DataError(
            f"{name} is cut or damaged: it has {len(content):,} bytes of {start + length:,} that its header says. Use another copy."
        )
    if len(content) > start + length or zlib.crc32(content[8:]) != int.from_bytes(content[4:8], "little"):
        raise DataError(f"{name} is damaged: its checksum is not the one in its header. Use another copy.")
    kind, steps, started, growth = content[place + IDENTITY : place + IDENTITY + 4]
    if kind >= len(TYPES) or steps not in STEPS or started > rows:
        raise DataError(f"{name} is damaged: its header says what no file has. Use another copy.")
    return Header(content[place : place + IDENTITY], TYPES[kind], steps, started, growth, rows), content[start:]


def code_of(made: Compiled, steps: int) -> Code:
    """What both sides know, for so many steps of noise."""
    at = made.arrays
    numbers = list(range(0, len(at["s2"]), (len(at["s2"]) - 1) // steps))
    count = len(made.levels)
    low, high = float(at["first"].min()), float((at["first"] + at["step"] * float(count - 1)).max())
    levels = layers([float(at["s2"][number]) for number in numbers], numbers, low, high)
    prior = (at["prior.mean"], at["prior.variance"])
    return Code(made.known, levels, Phi(at["table.normal"]), at["first"], at["step"], at["usual"], count, *prior)


def planned(code: Code, x: np.ndarray) -> tuple[int, int]:
    """How many rows are coded by the prior at first, and the growth of groups, from what the first few rows borrow and add."""
    tried = x[:: max(1, len(x) // TRIED)][:TRIED]
    if not len(tried):
        return 0, 0
    random = np.random.default_rng(0)
    stack = Stack(supply=iter(lambda: int(random.integers(LOWEST)), None))
    spent = Spent()
    encode_group(code, tried, stack, spent)
    borrowed, added = stack.supplied * WORD / len(tried), max(0.0, spent.net / len(tried))
    _, widths = code.data(code.prior(len(tried))).intervals(tried.ravel())
    alone = (PRECISION * widths.size - float(np.log2(widths).sum())) / len(tried)
    costs = [m * (alone - added) + max(0.0, borrowed - m * alone) for m in range(min(MOST_STARTED, len(x)) + 1)]
    return int(np.argmin(costs)), min(255, int(SAFE * SHARE * added / max(borrowed, 1.0)))


def supply(made: Compiled, header: bytes, x: np.ndarray) -> Iterator[int]:
    """The words that a file borrows, as many as are asked for: SHAKE-256 of model, header and data."""
    seed = hashlib.sha256(bytes.fromhex(made.identity) + header + np.ascontiguousarray(x, dtype="<u1").tobytes()).digest()
    blocks = (hashlib.shake_256(seed + number.to_bytes(8, "little")).digest(1024) for number in range(2**62))
    return chain.from_iterable(np.frombuffer(block, dtype="<u4").tolist() for block in blocks)


def levels_in(made: Compiled, rows: np.ndarray) -> np.ndarray:
    """Rows (N, *shape) of the data as levels (N, d) in the model's order. Raises DataError as `compress` does."""
    if rows.shape[1:] != made.shape:
        raise DataError(f"rows of shape {rows.shape[1:]}, but the model was trained on rows of {made.shape}.")
    if rows.dtype.name not in TYPES:
        raise DataError(f"an array of {rows.dtype.name} cannot be kept. Convert it, as in x.astype('float64').")
    flat = rows.reshape(len(rows), math.prod(made.shape))
    values = flat.astype(np.float64)
    levels = made.levels
    number = np.rint((values - levels[0]) / (levels[1] - levels[0])).clip(0, len(levels) - 1)
    wrong = ~(levels[np.nan_to_num(number).astype(np.int64)] == values)
    if wrong.any():
        row, place = (int(part[0]) for part in np.nonzero(wrong))
        names, position = made.settings["names"], tuple(map(int, np.unravel_index(place, made.shape)))
        where = (
            f"column '{short(names[place])}'" if names else f"column {place}" if len(position) == 1 else f"position {position}"
        )
        raise DataError(
            f"row {row} has {flat[row, place]:g} in {where}, and this model knows the {len(levels)} values {levels[0]:g}, {levels[1]:g}, ..., "
            f"{levels[-1]:g} only ({int(wrong.sum()):,} numbers are none of these). Round or clip the data, or train on data that has them."
        )
    found = np.empty(flat.shape, dtype=np.int64)
    found[:, made.arrays["order"]] = number.astype(np.int64)
    return found


def values_of(made: Compiled, x: np.ndarray, dtype: str) -> np.ndarray:
    """The inverse of `levels_in`: (N, *shape) of that type."""
    return made.levels[x[:, made.arrays["order"]]].astype(dtype).reshape(len(x), *made.shape)


def varint(number: int) -> bytes:
    """A whole number as bytes."""
    found = bytearray()
    while number > 127:
        found.append(number & 127 | 128)
        number >>= 7
    return bytes([*found, number])


def read_varint(content: bytes, place: int) -> tuple[int, int]:
    """The number that begins at that place, and the place after it. Raises IndexError where the bytes end before."""
    number = shift = 0
    while content[place] & 128:
        number |= (content[place] & 127) << shift
        shift, place = shift + 7, place + 1
    return number | content[place] << shift, place + 1
