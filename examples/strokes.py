"""The strokes of written characters, as `unstir train` takes them: (N, 32, 2), of the types of stroke that calligraphers name.

    pip install kanjivg==20260714;    python examples/strokes.py -o strokes.npz

KanjiVG (Ulrich Apel, CC BY-SA 3.0: name it, and share alike what you derive from it) has 79,921 strokes of 6,703 characters, each a path
of cubic curves (Bezier) on a sheet of 109 by 109. A path in SVG is a pen that is set down (M), and moves by control points (C), or by such
whose first one mirrors the last before it (S); small letters count from the pen.

    x(t) = (1 - t)^3 p_0 + 3 (1 - t)^2 t p_1 + 3 (1 - t) t^2 p_2 + t^3 p_3,    0 <= t <= 1                          (1)
"""

import argparse
import re
from collections import Counter
from pathlib import Path

import numpy as np

from paths import evenly, folder, write

SHEET = 109.0
FEWEST = 100  # strokes of a type that is a class
POINTS = 32


def controls(d: str) -> np.ndarray:
    """The control points (k, 4, 2) of the k cubic curves of a path. Raises ValueError for other commands than M, C and S.

    >>> controls("M1,2c3,0 3,0 4,1s1-1 2 0").tolist()
    [[[1.0, 2.0], [4.0, 2.0], [4.0, 2.0], [5.0, 3.0]], [[5.0, 3.0], [6.0, 4.0], [6.0, 2.0], [7.0, 3.0]]]
    """
    pen = mirrored = np.zeros(2)
    found = []
    for letter, text in re.findall(r"([A-Za-z])([^A-Za-z]*)", d):
        moves = np.array(re.findall(r"[-+]?(?:\d+\.?\d*|\.\d+)", text), dtype=float)
        if letter.upper() not in ("M", "C", "S") or (letter in "Mm" and moves.size != 2):
            raise ValueError(f"a path with the command '{letter}{text}'; only M, C and S are known.")
        for points in moves.reshape(-1, {"M": 1, "C": 3, "S": 2}[letter.upper()], 2):
            points = points + pen * letter.islower()
            if letter in "Mm":
                pen = mirrored = points[0]
                continue
            first, second, end = points if letter in "Cc" else (mirrored, *points)
            found.append([pen, first, second, end])
            pen, mirrored = end, 2 * end - second
    return np.array(found)


def curve(p: np.ndarray, n: int = 64) -> np.ndarray:
    """The points (k n + 1, 2) of (1) on the curves with control points p (k, 4, 2), each at n even steps of t after its first."""
    t = np.linspace(0, 1, n + 1)[:, None]
    weights = np.hstack([(1 - t) ** 3, 3 * (1 - t) ** 2 * t, 3 * (1 - t) * t**2, t**3])
    x = weights @ p
    return np.concatenate([x[0, :1], *x[:, 1:]])


def strokes(svg: str) -> list[tuple[str, np.ndarray]]:
    """Type and points (32, 2) of every stroke with a type in the text of an SVG; up is up, though SVG counts down the sheet."""
    tags = [dict(re.findall(r'([\w:]+)="([^"]*)"', tag)) for tag in re.findall(r"<path\b([^>]*)>", svg)]
    typed = [(tag["kvg:type"], evenly(curve(controls(tag["d"])), POINTS)) for tag in tags if "kvg:type" in tag]
    return [(kind, points * (1, -1) + (0, SHEET)) for kind, points in typed]


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("source", nargs="?", help="the wheel of kanjivg, or its folder of SVGs; as installed, if left out")
    options.add_argument("--classes", type=int, default=12, help="how many types, the most frequent first (12; 0 for all)")
    options.add_argument("--rows", type=int, default=8000, help="how many strokes at most, chosen by chance (8000)")
    options.add_argument("-o", "--out", type=Path, default=Path("strokes.npz"))
    chosen = options.parse_args()
    # The names of other styles of a character end in words: 076df-Kaisho.svg.
    sheets = [f for f in folder(chosen.source, "kanjivg", "20260714", "kanji").iterdir() if re.fullmatch(r"\w{5}\.svg", f.name)]
    every = [stroke for sheet in sorted(sheets, key=lambda f: f.name) for stroke in strokes(sheet.read_text(encoding="utf-8"))]
    frequent = Counter(kind for kind, _ in every).most_common(chosen.classes or None)
    classes = [kind for kind, n in frequent if n >= FEWEST]
    kept = [stroke for stroke in every if stroke[0] in classes]
    picked = np.random.default_rng(0).permutation(len(kept))[: chosen.rows]
    write(chosen.out, [kept[i][1] for i in picked], [kept[i][0] for i in picked], 1500)
