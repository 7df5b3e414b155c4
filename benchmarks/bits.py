"""How short is a real file, by the number of noise levels? Bytes beside the bound, and beside bz2, xz, PNG and WebP of the same rows.

    python benchmarks/bits.py --splits digits-rows                     # once: the digits as the literature splits them
    unstir train digits-rows/random-train.npy -o RUN --target categorical
    python benchmarks/bits.py RUN digits-rows/random-test.npy

Every byte of the file is counted, and none of the model. The bound is the variational bound with as many steps, of the noise that was
drawn for that file. Each file is read again and compared with the rows before its size is printed. Milliseconds are of processor time,
to write and to read a row, with one thread.

    random    RandomState(0).permutation(1797): 1,297 rows to train on, 140 to choose by, 360 to test on
    public    the rows in order: [:1000], [1000:1350], [1350:]                 (Tomczak, Deep Generative Modeling)
"""

import time
from pathlib import Path

import numpy as np
import torch
from sklearn.datasets import load_digits

from report import Row, Table, note, parser, show
from unstir.compression import compress, decompress
from unstir.compression.archive import STEPS, levels_in
from unstir.compression.keeping import kept_or_made
from unstir.compression.rivals import rivals
from unstir.runs.loading import load

PARTS = ("train", "validation", "test")
COLUMNS = {"method": "", "levels": "d", "bytes": ",", "bound": ",.0f", "bits per dimension": ".3f", "bound, bits": ".3f"}
COLUMNS |= {"above the bound": "+,.0f", "ms to write": ".0f", "ms to read": ".0f"}


def splits(folder: Path) -> list[Path]:
    """Write both splits of the digits, a file for each part."""
    images = load_digits().images.astype(np.uint8)
    order = np.random.RandomState(0).permutation(len(images))
    cuts = {"random": np.split(order, [1297, 1437]), "public": np.split(np.arange(len(images)), [1000, 1350])}
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, parts in cuts.items():
        for part, rows in zip(PARTS, parts, strict=True):
            written.append(folder / f"{name}-{part}.npy")
            np.save(written[-1], images[rows])
    return written


def files(run: Path, rows: np.ndarray, levels: list[int]) -> list[Row]:
    """A row for each number of noise levels, and for each other method."""
    model = load(run)
    made, _ = kept_or_made(run, model)
    numbers, found = rows.size, []
    for steps in levels:
        began = time.process_time()
        result = compress(made, rows, steps)
        between = time.process_time()
        back = decompress(made, result.content)
        ended = time.process_time()
        if back.dtype != rows.dtype or not np.array_equal(back, rows):
            raise SystemExit(f"the file of {steps} levels gave other rows back")
        size, bound = len(result.content), result.bound / 8
        found.append(
            {"method": "unstir", "levels": steps, "bytes": size, "bound": bound, "above the bound": size - bound}
            | {"bits per dimension": 8 * size / numbers, "bound, bits": 8 * bound / numbers}
            | {"ms to write": 1000 * (between - began) / len(rows), "ms to read": 1000 * (ended - between) / len(rows)}
        )
        note(str(found[-1]))
    order = made.arrays["order"]
    others = rivals(levels_in(made, rows)[:, order].astype(np.uint8).reshape(rows.shape), model.card.layout)
    return found + [{"method": name, "bytes": size, "bits per dimension": 8 * size / numbers} for name, size in others.items()]


def main() -> None:
    options = parser(__doc__)
    options.add_argument("run", nargs="?", type=Path, help="folder of a run")
    options.add_argument("rows", nargs="?", type=Path, help=".npy file of rows")
    options.add_argument("--levels", type=int, nargs="+", default=list(STEPS), choices=STEPS, help="numbers of noise levels")
    options.add_argument("-n", type=int, default=None, help="take the first n rows only")
    options.add_argument(
        "--splits", type=Path, help="write the digits, split in both ways, into this folder, and do nothing else"
    )
    chosen = options.parse_args()
    if chosen.splits is not None:
        print(*splits(chosen.splits), sep="\n")
        return
    if chosen.rows is None:
        options.error("name the folder of a run and an .npy file of rows")
    torch.set_num_threads(1)
    rows = np.load(chosen.rows)[: chosen.n]
    title = f"{len(rows):,} rows of {rows[0].size:,} numbers ({chosen.rows.name}), model {chosen.run}"
    show([Table(title, COLUMNS, files(chosen.run, rows, chosen.levels))], "1 file for each number of levels", chosen.json)


if __name__ == "__main__":
    main()
