"""Sampling 5,000 points: ours with 20 and with 10 network evaluations against the plain script's chain of 1,000.

    ratio = seconds of plain's chain / seconds of ours      in pairs, one after the other in one process               (1)

Both models are trained first, with the same steps, seed and batch; what that costs is benchmarks/swiss_roll.py's business. A time
of ours is that of `Model.sample`: noise, grid, network, decoder, everything between the call and the points.
"""

import time
from collections.abc import Callable

import numpy as np

import plain
from quality import FLOORS, POINTS, floors, formats, measures, roll
from report import Table, note, parser, show, with_summary
from swiss_roll import FEW, METHODS, train


def timed(draw: Callable[[], np.ndarray]) -> tuple[float, np.ndarray]:
    """Seconds, and what was drawn."""
    started = time.perf_counter()
    points = draw()
    return time.perf_counter() - started, points


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--repeats", type=int, default=5, help="pairs")
    options.add_argument("--steps", type=int, default=2000, help="of training")
    options.add_argument("--seed", type=int, default=0, help="of the training")
    chosen = options.parse_args()
    network, _ = plain.train(roll(chosen.seed), chosen.steps, chosen.seed)
    model = train(chosen.seed, chosen.steps, held_out=0.1).model
    note("trained")
    for few in FEW:
        model.sample(POINTS, steps=few)  # the first call of a process is slow
    speed, good = [], []
    for seed in range(chosen.repeats):
        seconds, points = timed(lambda seed=seed: plain.sample(network, POINTS, seed))
        row = {"pair": seed, f"plain {plain.T} us a point": seconds / POINTS * 1e6}
        judged = {"pair": seed} | measures(points, seed, f"plain {plain.T}")
        for few in FEW:
            ours, points = timed(lambda seed=seed, few=few: model.sample(POINTS, steps=few, seed=seed))
            row |= {f"ours {few} us a point": ours / POINTS * 1e6, f"{few} ratio": seconds / ours}
            judged |= measures(points, seed, f"ours {few}")
        speed.append(row)
        good.append(judged | floors(seed))
        note(f"pair {seed}: {row[f'{FEW[0]} ratio']:.0f} times as fast with {FEW[0]} evaluations")
    tables = [
        Table(
            f"Time to sample {POINTS:,} points, in microseconds a point",
            formats(speed[0]) | {name: ".1f" for name in speed[0] if name.endswith(("a point", "ratio"))},
            with_summary(speed, "pair"),
            [f"The number after a name is that of network evaluations; ours is {METHODS}. A ratio is plain's time over ours."],
        ),
        Table(
            f"Quality of the same points after {chosen.steps:,} training steps: per cent off the roll, sliced W2",
            formats(good[0]),
            with_summary(good, "pair"),
            [FLOORS],
        ),
    ]
    show(tables, f"{chosen.repeats} pairs after a warm-up, one training of each", chosen.json)


if __name__ == "__main__":
    main()
