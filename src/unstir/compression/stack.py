"""A stack of symbols, coded by asymmetric numeral systems: what is pushed last is popped first, and every symbol takes -log2 p bits.

The state is one whole number x below 2^64, above which full words of 32 bits lie in a list. A symbol has an interval [start, start + width)
of the 2^28 numbers below `TOTAL`; its probability is width / TOTAL.

    push    x -> (x // width) TOTAL + x % width + start                                               (1)
    pop     q = x % TOTAL says the symbol, whose interval holds q;   x -> width (x // TOTAL) + q - start              (2)

(1) and (2) are inverses, so symbols can also be popped by one distribution before anything was pushed by it: that turns random bits into a
draw, and the bits come back when the symbol is pushed again. A coder needs that for what it hides in a file, and then the stack may run
empty. It takes words from a `supply`, which are counted and belong to what the file holds; without a supply it is an error.

Source: Duda 2009 (range variant); Townsend, Bird & Barber 2019 for popping draws.

    >>> stack = Stack()
    >>> stack.push([0, 2**27], [2**27, 2**27])                        # two symbols of one bit each
    >>> stack.pop([lambda q: (q >> 27, (q >> 27) << 27, 2**27)] * 2)
    [0, 1]
"""

from collections.abc import Callable, Iterator, Sequence

from unstir.errors import DataError

PRECISION = 28
TOTAL = 1 << PRECISION
WORD = 32
LOWEST = 1 << WORD  # the state is never below it, but for the empty stack
FULL = WORD + WORD - PRECISION  # a state of width << FULL or more has no room for the symbol: a word goes to the list

Find = Callable[[int], tuple[int, int, int]]
"""From q below TOTAL to the symbol whose interval holds it, and the start and the width of the interval."""


class Stack:
    """State and words; `supply` yields words for a stack that has run empty, and `supplied` counts them."""

    def __init__(self, state: int = LOWEST, words: Sequence[int] = (), supply: Iterator[int] | None = None):
        self.state, self.words, self.supply, self.supplied = state, list(words), supply, 0

    def push(self, starts: Sequence[int], widths: Sequence[int]) -> None:
        """Push the symbols with these intervals, the last one first, so that `pop` gives them in order."""
        x, words, mask = self.state, self.words, LOWEST - 1
        for start, width in zip(reversed(starts), reversed(widths), strict=True):
            if x >= width << FULL:
                words.append(x & mask)
                x >>= WORD
            high, low = divmod(x, width)
            x = (high << PRECISION) + low + start
        self.state = x

    def pop(self, finders: Sequence[Find]) -> list[int]:
        """Pop a symbol by each of these in turn. Raises DataError if the stack is empty and has no supply."""
        x, words, mask, symbols = self.state, self.words, TOTAL - 1, []
        for find in finders:
            q = x & mask
            symbol, start, width = find(q)
            symbols.append(symbol)
            x = width * (x >> PRECISION) + q - start
            if x < LOWEST:
                x = (x << WORD) | (words.pop() if words else self.word())
        self.state = x
        return symbols

    def word(self) -> int:
        """A word of the supply."""
        if self.supply is None:
            raise DataError("the stack is empty: more is read from it than was written.")
        self.supplied += 1
        return next(self.supply)

    @property
    def bits(self) -> int:
        """How long the stack is, in whole bits."""
        return WORD * len(self.words) + self.state.bit_length()

    def to_bytes(self) -> bytes:
        """The words, then the state in 5 to 8 bytes. How many these are follows from the length."""
        length = max(5, (self.state.bit_length() + 7) // 8)
        return b"".join(word.to_bytes(4, "little") for word in self.words) + self.state.to_bytes(length, "little")

    @classmethod
    def from_bytes(cls, content: bytes) -> "Stack":
        """The stack with these bytes. Raises DataError for bytes that none has."""
        length = 5 + (len(content) - 5) % 4
        state = int.from_bytes(content[-length:], "little")
        if len(content) < length or state < LOWEST:
            raise DataError("the bytes are not those of a stack.")
        body = content[:-length]
        return cls(state, [int.from_bytes(body[i : i + 4], "little") for i in range(0, len(body), 4)])
