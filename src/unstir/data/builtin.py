"""The built-in pictures: small, grey, and of ten classes each.

    name                  rows of shape            grey levels    classes              comes with
    digits                1,797    (8, 8)          0 .. 16        the digits           scikit-learn
    fashion_mnist         60,000   (28, 28)        0 .. 255       kinds of garments    Debian's dataset-fashion-mnist
    fashion_mnist_test    10,000   (28, 28)        0 .. 255       the same             the same, for evaluation alone

Digits: Alpaydin and Kaynak, 1998; a pixel is the number of inked ones among four by four, which makes the 17 levels. There is no
second set for evaluation: held-out rows are used. Fashion-MNIST: Xiao, Rasul and Vollgraf, 2017.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from unstir.data.arrays import from_arrays
from unstir.data.dataset import Data
from unstir.data.formats.format import Request
from unstir.data.formats.idx import read
from unstir.data.layouts import Axes
from unstir.errors import UsageError

GREY = Axes("NHW", "the set is known to be of grey images")
FASHION = Path("/usr/share/datasets/fashion-mnist")
GARMENTS = (
    *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
    *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
)


def digits() -> Data:
    """Written digits of 8 x 8 pixels. Raises UsageError where scikit-learn is not installed.

    >>> data = digits()
    >>> data.values.shape, data.bounds, len(data.classes)
    ((1797, 8, 8), (0.0, 16.0), 10)
    """
    try:
        from sklearn.datasets import load_digits  # takes a second
    except ImportError:
        raise UsageError("the digits come with scikit-learn, which is not installed: pip install scikit-learn") from None
    rows, classes = load_digits(return_X_y=True)
    images = np.asarray(rows, np.uint8).reshape(-1, 8, 8)
    return replace(from_arrays(images, classes, source="digits", copy=False), bounds=(0.0, 16.0), axes=GREY)


def fashion_mnist() -> Data:
    """The 60,000 garments to train on. Raises UsageError where Debian's package is not installed."""
    return _garments("train", "fashion_mnist")


def fashion_mnist_test() -> Data:
    """The 10,000 garments to evaluate with. Raises UsageError where Debian's package is not installed."""
    return _garments("t10k", "fashion_mnist_test")


PICTURES: dict[str, Callable[[], Data]] = {
    function.__name__: function for function in (digits, fashion_mnist, fashion_mnist_test)
}


def _garments(part: str, source: str) -> Data:
    path = FASHION / f"{part}-images-idx3-ubyte.gz"
    if not path.is_file():
        raise UsageError(
            f"{source} comes with Debian's package, which is not installed: apt-get install dataset-fashion-mnist. "
            "Or name a folder of images, or a .npz file with images and labels."
        )
    found = read(Request(path, source))
    return replace(from_arrays(found.values, found.labels, source=source, copy=False), classes=GARMENTS, axes=GREY)
