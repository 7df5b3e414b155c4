"""Which axis of the data is what: rows, height and width, the steps of a sequence, channels, or plain numbers.

Axes are written as a letter each, as in "NCL":

    N    the rows, always first
    L    along a sequence, step by step: in time, or along a path or a spectrum
    H W  height and width of an image
    C    channels: what is measured at every step or pixel
    D    numbers that have no neighbours: the columns of a table                                                     (1)

Somebody may say them: a person (`--data.axes NCL`), or a format that holds nothing but images. Else they are guessed from the shape
of a row, and from nothing else:

    (d,)                                                           ND
    (a, b)      both from 8 up, neither 4 times the other          NHW
                a is less than b, and b is 8 or more               NCL: the shorter axis is the channels
                otherwise                                          NLC
    (a, b, c)   the first or the last is 1, 3 or 4                 NCHW or NHWC, of so many channels                  (2)
                the first two or the last two are an (a, b) above  NHWC or NCHW
    all else                                                       D for each number

Where either end of three numbers could be the channels, they are the end that leaves (height, width) nearest to a square when
both ends are 1, 3 or 4. Of other numbers they are the end that leaves a square, or else the smaller one, or else the first.

A guess is in doubt if a person may well have meant something else. Then it also says what else the shape could be. The values are
not looked at for the guess, so that data of one shape is always taken for the same.

    >>> axes_of((6, 64)).letters, axes_of((28, 28)).letters, axes_of((30,)).letters
    ('NCL', 'NHW', 'ND')
    >>> layout((6, 64))
    Layout(kind='sequences', channels=6, spatial=(64,), channel_axis=0)
    >>> layout((28, 28), "NLC")
    Layout(kind='sequences', channels=28, spatial=(28,), channel_axis=-1)
"""

from dataclasses import dataclass

import numpy as np

from unstir.errors import UsageError, unknown
from unstir.words import counted

NEIGHBOURS = 4  # along the longest side, from where a convolution has something to slide over
USUAL = (1, 3, 4)  # channels of pictures: grey, colour, colour with opacity
COLOURS = {1: "grey", 3: "RGB", 4: "RGBA"}  # what pictures of so many channels are called
SIDE, LONG = 8, 4  # of (2): the least side of an image without channels, and how many times as long the other must not be
FEW, FAR = 4, 8  # up to FEW channels in front of an axis FAR times as long are channels without doubt
ASKED = "as asked for"
KINDS = {"D": "table", "L": "sequences", "H": "images"}
"""The kind of rows by the first letter of theirs that is here; the channels may come before it."""


@dataclass(frozen=True)
class Axes:
    """Which axis of the data is what: the letters of (1), why they were taken, and which other letters suit the shape as well."""

    letters: str
    why: str
    others: tuple[str, ...] = ()


@dataclass(frozen=True)
class Layout:
    """How rows lie in space: the kind, "images" or "sequences", the number of channels, the sizes of the one or two spatial axes.

    `channel_axis` is the axis of a row that holds the channels, 0 or -1; None where there is none and `channels` is 1.
    """

    kind: str
    channels: int
    spatial: tuple[int, ...]
    channel_axis: int | None


def axes_of(shape: tuple[int, ...], dtype: str = "", said: str | None = None, why: str = ASKED) -> Axes:
    """The axes of data whose rows have that shape: those that were `said`, for the reason `why`, or else by (2).

    Arrays of bytes, `dtype` "uint8", are images without doubt if they can be. Raises UsageError for letters that do not suit the shape.

    >>> axes_of((24, 24))
    Axes(letters='NHW', why='both sides are 8 or more, and neither is 4 times the other', others=('NLC', 'NCL'))
    >>> axes_of((24, 24), said="ncl").letters
    'NCL'
    >>> axes_of((24, 24), said="NL")
    Traceback (most recent call last):
    ...
    unstir.errors.UsageError: axes NL do not fit rows of shape (24, 24): 2 letters, and with N for the rows the data has 3 axes. ...
    """
    if said:
        return Axes(_checked(said, shape), why)
    if len(shape) == 2:
        return _axes_of_two(shape, dtype)
    if len(shape) == 3:
        return _axes_of_three(shape)
    return Axes(plain(shape), "one number after another" if len(shape) == 1 else f"rows of {len(shape)} axes have no usual order")


def plain(shape: tuple[int, ...]) -> str:
    """The axes of rows that have no neighbours: N, and D for each axis of a row."""
    return "N" + "D" * len(shape)


def layout(shape: tuple[int, ...], axes: str | None = None) -> Layout | None:
    """How rows of that shape lie in space, by their axes or, if nobody has said them, by rule (2); None for rows without neighbours.

    Raises UsageError for axes that do not suit the shape.

    >>> layout((28, 28))
    Layout(kind='images', channels=1, spatial=(28, 28), channel_axis=None)
    >>> layout((3, 32, 48)), layout((32, 48, 3))
    (Layout(kind='images', channels=3, spatial=(32, 48), channel_axis=0),
     Layout(kind='images', channels=3, spatial=(32, 48), channel_axis=-1))
    >>> layout((128, 3)), layout((128,)), layout((128,), "NL")
    (Layout(kind='sequences', channels=3, spatial=(128,), channel_axis=-1), None,
     Layout(kind='sequences', channels=1, spatial=(128,), channel_axis=None))
    """
    letters = axes_of(shape, said=axes).letters[1:]
    if not letters.strip("D"):
        return None
    at = letters.find("C")
    spatial = tuple(size for letter, size in zip(letters, shape, strict=True) if letter != "C")
    return Layout(KINDS[letters.strip("C")[0]], 1 if at < 0 else shape[at], spatial, None if at < 0 else 0 if at == 0 else -1)


def in_space(lies: Layout | None) -> Layout | None:
    """That layout if it is of images or sequences of at least 4 positions, whose neighbours are worth looking at; else None.

    >>> in_space(layout((8, 8))).kind, in_space(layout((3, 3))), in_space(layout((12,)))
    ('images', None, None)
    """
    return lies if lies and max(lies.spatial) >= NEIGHBOURS else None


def kind_of(shape: tuple[int, ...], axes: str | None = None) -> str:
    """What rows of that shape are taken for, by their axes or, if nobody has said them, by rule (2).

    >>> [kind_of(shape) for shape in ((2,), (30,), (8, 8), (32, 2), (13, 16, 16), (5, 6, 7))]
    ['points', 'table', 'images', 'sequences', 'images', 'arrays']
    """
    found = layout(shape, axes)
    if found:
        return found.kind
    return "arrays" if len(shape) > 1 else "points" if shape[0] <= 3 else KINDS["D"]


def described(lies: Layout) -> str:
    """The sizes of a layout in words.

    >>> described(layout((6, 64))), described(layout((28, 28)))
    ('64 steps, 6 channels', '28x28 pixels, 1 channel')
    """
    unit = "pixels" if lies.kind == "images" else "steps"
    return f"{'x'.join(map(str, lies.spatial))} {unit}, {counted(lies.channels, 'channel')}"


def picture_layout(lies: Layout | None, shape: tuple[int, ...]) -> Layout:
    """That layout of rows of that shape, if they are pictures. Raises UsageError for rows that are no pictures.

    >>> [(one.spatial, one.channels) for one in (picture_layout(layout(s), s) for s in ((28, 28), (3, 32, 30), (32, 30, 4)))]
    [((28, 28), 1), ((32, 30), 3), ((32, 30), 4)]
    """
    if lies is None or lies.kind != "images" or lies.channels not in COLOURS:
        taken = f" but {lies.kind}" if lies and lies.kind != "images" else ""
        raise UsageError(
            f"rows of shape {shape} are no pictures{taken}: those are (H, W), (H, W, C) or (C, H, W) with 1 channel for grey, 3 for "
            "RGB or 4 for RGBA. Rows of any shape can be written as .npy, .npz, .csv, .tsv or .safetensors."
        )
    return lies


def channels_last(x: np.ndarray, lies: Layout | None) -> np.ndarray:
    """Pictures (n, ...) that lie like `lies` as (n, H, W, C). Raises UsageError for rows that are no pictures.

    >>> [channels_last(np.zeros((5, *shape)), layout(shape)).shape for shape in ((3, 8, 9), (8, 9))]
    [(5, 8, 9, 3), (5, 8, 9, 1)]
    """
    axis = picture_layout(lies, x.shape[1:]).channel_axis
    return x[..., None] if axis is None else np.moveaxis(x, 1, -1) if axis == 0 else x


def _checked(said: str, shape: tuple[int, ...]) -> str:
    """The letters in capitals. Raises UsageError if there are no such axes, or if they do not suit the shape."""
    letters = said.upper()
    ordered = ("ND", "NL", "NLC", "NCL", "NHW", "NHWC", "NCHW")
    if letters not in ordered and letters.strip("D") != "N":
        raise unknown("axes", said, (*ordered, "NDD"))
    if len(letters) != len(shape) + 1:
        fit = [one for one in (*ordered, plain(shape)) if len(one) == len(shape) + 1]
        raise UsageError(
            f"axes {letters} do not fit rows of shape {shape}: {len(letters)} letters, and with N for the rows the data has "
            f"{len(shape) + 1} axes. These fit: {', '.join(dict.fromkeys(fit))}."
        )
    return letters


def _axes_of_two(shape: tuple[int, ...], dtype: str) -> Axes:
    first, last = shape
    if _is_plane(shape):
        why = f"both sides are {SIDE} or more, and neither is {LONG} times the other"
        return Axes("NHW", why, () if dtype == "uint8" else ("NCL", "NLC") if last > first else ("NLC", "NCL"))
    short, long = sorted(shape)
    front = first < last and last >= SIDE
    why = "shorter one" if (front or last < first) else "last one of two short ones"
    clear = long < NEIGHBOURS or (long >= FAR * short and short <= FEW if front else last < first and first >= SIDE)
    others = () if clear else ("NLC" if front else "NCL", *(("NHW",) if short >= NEIGHBOURS else ()))
    return Axes("NCL" if front else "NLC", f"the channels are the {'first' if front else 'last'} axis, the {why}", others)


def _axes_of_three(shape: tuple[int, ...]) -> Axes:
    ends = {"NCHW": (shape[0], shape[1:]), "NHWC": (shape[2], shape[:2])}  # the channels and the plane
    usual = {name: end for name, end in ends.items() if end[0] in USUAL}
    planes = {name: end for name, end in ends.items() if _is_plane(end[1])}
    if usual:
        letters = min(usual, key=lambda name: max(usual[name][1]) / min(usual[name][1]))
        why, doubt = f"pictures have {USUAL[0]}, {USUAL[1]} or {USUAL[2]} channels", letters not in planes or len(usual) > 1
    elif planes:
        letters = min(planes, key=lambda name: (planes[name][1][0] != planes[name][1][1], planes[name][0]))
        why, doubt = f"the other two sides are {SIDE} or more, and neither is {LONG} times the other", len(planes) > 1
    else:
        return Axes(plain(shape), "no two sides beside each other are those of an image")
    found = (*(name for name in {**usual, **planes} if name != letters), plain(shape)) if doubt else ()
    return Axes(letters, f"the channels are the {'first' if letters == 'NCHW' else 'last'} axis: {why}", found)


def _is_plane(shape: tuple[int, ...]) -> bool:
    return min(shape) >= SIDE and max(shape) < LONG * min(shape)
