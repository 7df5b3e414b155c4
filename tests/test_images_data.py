"""Images as data: how rows lie in space, folders of pictures, the built-in pictures."""

import pytest

from unstir.datasets import Layout, layout
from unstir.datasets.survey import kind_of

# ---- how rows lie in space


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((28, 28), ("images", 1, (28, 28), None)),
        ((17, 23), ("images", 1, (17, 23), None)),
        ((1, 64, 48), ("images", 1, (64, 48), 0)),
        ((3, 32, 32), ("images", 3, (32, 32), 0)),
        ((13, 16, 16), ("images", 13, (16, 16), 0)),
        ((16, 16, 13), ("images", 13, (16, 16), -1)),
        ((64, 8, 8), ("images", 64, (8, 8), 0)),  # latents: the plane is square, however many the channels
        ((13, 16, 24), ("images", 13, (16, 24), 0)),
        ((16, 24, 13), ("images", 13, (16, 24), -1)),
        ((16, 16, 16), ("images", 16, (16, 16), 0)),
        ((2, 40, 30), ("images", 2, (40, 30), 0)),
        ((4, 64, 3), ("images", 3, (4, 64), -1)),
        ((3, 5, 7), ("images", 3, (5, 7), 0)),
        ((128, 3), ("sequences", 3, (128,), -1)),
        ((1, 20), ("sequences", 20, (1,), -1)),
    ],
)
def test_channels_are_told_from_height_and_width(shape, expected):
    """Catches channels taken to be last whatever they are, the smallest number taken for the channels, 13 channels as a height."""
    assert layout(shape) == Layout(*expected)
    assert kind_of(shape) == expected[0]


@pytest.mark.parametrize("shape", [(2,), (784,), (5, 6, 7), (2, 3, 4, 5), (5, 9, 40)])
def test_what_has_no_plane_and_no_length_has_no_layout(shape):
    # Catches every three numbers taken for a picture.
    assert layout(shape) is None
