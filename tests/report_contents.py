"""Contents of report pages for the tests: made up, but of the shape that the software writes."""

import base64

import numpy as np

ATTACK = "</script><img src=x onerror=alert(1)>"
LINES = "one\u2028two\u2029three"


def unpacked(part):
    """The contract's own words, typed anew: little endian, value = low + (high - low) * (stored + 32768) / 65535, or stored / 255."""
    kind = {"int16": "<i2", "uint8": "u1"}[part["type"]]
    stored = np.frombuffer(base64.b64decode(part["b64"]), kind).reshape(part["shape"]).astype(float)
    share = (stored + 32768) / 65535 if part["type"] == "int16" else stored / 255
    low, high = np.array(part["low"]), np.array(part["high"])
    return low + (high - low) * share


def packed(values, kind="int16"):
    values = np.asarray(values, dtype=np.float64)
    axes = tuple(range(values.ndim - 1))
    low, high = (values.min(axis=axes), values.max(axis=axes)) if kind == "int16" else (values.min(), values.max())
    share = (values - low) / np.where(high > low, high - low, 1)
    stored = np.round(share * 65535 - 32768).astype("<i2") if kind == "int16" else np.round(share * 255).astype("u1")
    ends = {"low": np.atleast_1d(low).tolist(), "high": np.atleast_1d(high).tolist()}
    return {"shape": list(values.shape), "type": kind, **ends, "b64": base64.b64encode(stored.tobytes()).decode()}


def labelled(labels):
    return {
        "shape": [len(labels)],
        "type": "uint8",
        "low": 0,
        "high": 255,
        "b64": base64.b64encode(labels.astype("u1").tobytes()).decode(),
    }


def roll(n, rng):
    u = np.sqrt(rng.uniform(0.04, 1, n)) * 4 * np.pi
    points = np.stack([u * np.cos(u), u * np.sin(u)], axis=1)
    return points / points.std(axis=0) + 0.03 * rng.standard_normal((n, 2))


def chain(T=1000):
    alpha_bar = np.concatenate([[1.0], np.cumprod(1 - np.linspace(1e-4, 0.02, T))])
    log_snr = [None, *np.log(alpha_bar[1:] / (1 - alpha_bar[1:])).tolist()]
    return {
        "n": list(range(T + 1)),
        "alpha": np.sqrt(alpha_bar).tolist(),
        "sigma": np.sqrt(1 - alpha_bar).tolist(),
        "log_snr": log_snr,
        "alpha_bar": alpha_bar.tolist(),
    }


def bits(exact=True):
    n = np.linspace(1, 1000, 41)
    left = 9.3 / (1 + np.exp((n - 260) / 70))
    return {
        "n": n.tolist(),
        "left": left.tolist(),
        "exact": (0.97 * left).tolist() if exact else None,
        "gaussian": (1.2 * left).tolist(),
    }


def score(metric, value, floor, verdict):
    return {
        "metric": metric,
        "value": value,
        "deviation": 0.06 * value,
        "floor": floor,
        "floor_deviation": 0.08 * floor,
        "rows": 10_000,
        "verdict": verdict,
    }


SCORES = [
    score("sliced W2", 0.0412, 0.0385, "as near as other true rows"),
    score("energy distance", 0.0031, 0.0009, "farther than other true rows, beyond the noise"),
]


def sampler(name, method, evaluations, seconds, states, kept):
    times = np.linspace(1, 0, kept)
    log_snr = np.linspace(-10, 9, kept)
    return {
        "name": name,
        "method": method,
        "colour": "c2" if method == "ddim" else "c1",
        "evaluations": evaluations,
        "seconds": seconds,
        "n": 2000,
        "times": times.tolist(),
        "log_snr": log_snr.tolist(),
        "states": packed(states),
        "scores": SCORES,
    }


def paths(final, rng, kept, bend=0.0):
    """From noise to `final` on the schedule's own curve."""
    alpha = np.sqrt(np.array(chain()["alpha_bar"])[np.linspace(1000, 0, kept).astype(int)])
    eps = rng.standard_normal(final.shape)
    shape = (kept, *[1] * final.ndim)
    a = alpha.reshape(shape)
    return a * final + np.sqrt(1 - a**2) * (eps + bend * rng.standard_normal((kept, *final.shape)))


def samplers(final, rng):
    return [
        sampler("the paper's chain", "ddpm_beta", 1000, 8.13, paths(final, rng, 50, 0.1), 50),
        sampler("DDIM", "ddim", 50, 0.41, paths(final, rng, 51), 51),
        sampler("the default", "dpmpp_2m", 10, 0.084, paths(final, rng, 11), 11),
    ]


def field(frame, K=12, G=21, H=64):
    grid = np.linspace(frame[0], frame[1], G)
    x, y = np.meshgrid(grid, grid)
    arrows = np.stack([np.stack([np.sin(1.5 * x + k / 3) - x, np.cos(1.5 * y) - y], axis=-1) for k in range(K)]) / 3
    u, v = np.meshgrid(np.linspace(frame[0], frame[1], H), np.linspace(frame[2], frame[3], H))
    width = np.linspace(1.0, 0.15, K)[:, None, None]
    density = np.exp(-((np.hypot(u, v) - np.linspace(0.1, 1.2, K)[:, None, None]) ** 2) / (2 * width**2))
    return {"frame": frame, "times": np.linspace(1, 0, K).tolist(), "arrows": packed(arrows), "density": packed(density, "uint8")}


def schedules():
    t = np.linspace(0, 1, 101)
    curves = {}
    for name, power in (
        ("linear", 2.0),
        ("cosine", 1.0),
        ("sigmoid", 1.4),
        ("scaled_linear", 1.7),
        ("flow", 0.8),
        ("sigmoid_beta", 3.0),
        ("vp", 2.1),
    ):
        alpha_bar = np.clip(np.cos(t * np.pi / 2) ** (2 * power), 1e-5, 1)
        log_snr = [None if a >= 1 else float(np.log(a / (1 - a))) for a in alpha_bar]
        curves[name] = {"alpha_bar": alpha_bar.tolist(), "log_snr": log_snr, "colour": f"c{len(curves) + 1}", "dash": None}
    return {"t": t.tolist(), "chosen": "linear", "curves": curves}


def hard(best=True):
    edges = np.linspace(0, 1000, 21)
    middle = (edges[1:] + edges[:-1]) / 2 / 1000
    eps = 0.9 * np.exp(-4 * middle) + 0.03
    x0 = 1 / (1 + np.exp(-12 * (middle - 0.35)))
    log_snr = np.linspace(-9, 9, 30)
    mmse = 1 / (1 + np.exp(log_snr))
    return {
        "n": edges.tolist(),
        "unit": "n",
        "training_eps": (eps * 0.98).tolist(),
        "held_out_eps": eps.tolist(),
        "gaussian_eps": (eps * 1.5).tolist(),
        "held_out_x0": x0.tolist(),
        "gaussian_x0": (1.4 * x0).tolist(),
        "best_x0": (0.9 * x0).tolist() if best else None,
        "levels": {
            "log_snr": log_snr.tolist(),
            "held_out": (0.6 * mmse).tolist(),
            "training": (0.58 * mmse).tolist() if best else None,
            "variance_only": mmse.tolist(),
            "best": (0.55 * mmse).tolist() if best else None,
        },
    }


def information(x0, show="points", frame=None, axes=("x", "y"), discrete=False):
    """Bits, the curve, and what is left of these rows; without `discrete` those of a density."""
    log_snr = np.linspace(-6, 8, 48)
    gaussian = 0.7 / (1 + np.exp(-log_snr))
    rng = np.random.default_rng(2)
    eps = rng.standard_normal(x0.shape)
    panels = [
        {
            "log_snr": level,
            "bits": None if level < 0 else 3.1,
            "noisy": packed(x0 + np.exp(-level / 2) * eps),
            "guess": packed(0.8 * x0),
        }
        for level in (-2.0, 0.5, 3.0)
    ]
    names = ("prior", "diffusion", "reconstruction", "prior + diffusion + reconstruction", "the Gaussian of equal covariance")
    return {
        "said": ["Diffusion destroys information: a row takes 9.3 bits.", "Denoising recovers it.", "Compression is prediction."],
        "equal": "covariance",
        "curve": {
            "kind": "bits" if discrete else "density in the data's units",
            "dimension": 2,
            "rows": 100,
            "log_snr": log_snr.tolist(),
            "bits_per_unit": (0.6 * gaussian).tolist(),
            "bits_per_unit_error": [0.01] * 48,
            "gaussian_bits_per_unit": gaussian.tolist(),
            "inside_90_percent": [-1.2, 6.3],
        },
        "table": [{"name": name, "bits": [-0.59, 0.039], "nats": [-0.82, 0.054]} for name in names[0 if discrete else 3 :]],
        "pictures": {
            "show": show,
            "axes": list(axes),
            "frame": frame,
            "decode": None,
            "rows": packed(x0),
            "panels": panels,
        },
    }


def run(steps=2000, nan_at=None):
    step = np.arange(1, steps + 1, max(1, steps // 200))
    rng = np.random.default_rng(1)
    loss = (0.3 + 0.8 * np.exp(-step / 200) + 0.03 * rng.standard_normal(len(step))).tolist()
    if nan_at is not None:
        loss[nan_at:] = [None] * len(loss[nan_at:])
    looks = list(range(100, steps + 1, 100))
    return {
        "metrics": {
            "step": step.tolist(),
            "loss": loss,
            "lr": (3e-3 * np.minimum(1, step / 100) * (1 - step / (1.02 * steps))).tolist(),
            "speed": (410 + 20 * rng.standard_normal(len(step))).tolist(),
            "held_out": {"step": looks, "loss": [0.31 + 0.7 * float(np.exp(-s / 200)) for s in looks], "gaussian": 0.62},
        },
        "settings": [
            ["optim.lr", "0.003"],
            ["optim.batch_size", "256"],
            ["schedule.name", "linear"],
            ["target", "eps"],
            ["network.width", "128"],
        ],
        "environment": [["torch", "2.13.0"], ["python", "3.11.2"], ["device", "cpu, 2 threads"], ["machine", "x86_64"]],
        "seed": 0,
        "command": "unstir train swiss_roll --steps 2000",
        "repeat": "unstir train swiss_roll --config runs/swiss_roll-7f3a/config.toml",
    }


WORDS = {
    "lecture": [
        "Diffusion destroys information: a row holds 9.3 bits at n = 1, half of them are gone at n = 260 and all but 0.1 of a bit at n = 700.",
        "Denoising recovers it: the model wins 8.9 of the 9.3 bits back. What it cannot predict is what a compressed file has to hold.",
    ],
    "forward": [
        "Real data moves into noise by x_n = alpha_n x_0 + sigma_n eps.",
        "At n = 300 the signal is 39 % of the variance, and 3.4 bits are left.",
    ],
    "reverse": [
        "The model turns noise into samples.",
        "Ten evaluations of the default are as near to the data as 1,000 of the paper's chain, in a hundredth of the time.",
    ],
    "information": ["Diffusion destroys information: a row takes 9.3 bits."],
    "schedules": ["The schedule says how fast the signal goes.", "This run's is linear: its last alpha-bar is 0.00004."],
    "hard": [
        "The hardest region is n = 1 to 50: there the model's error of the noise is 0.87, and nothing could do better than 0.85."
    ],
    "answer": ["Each sentence gives what was measured, and what chance gives."],
    "good": ["The samples are as near to the data as other true rows are."],
    "run": ["2,000 steps in 5 s."],
}


def shares():
    """How a column is distributed: 14 % of the samples are below everything in the data."""
    return {
        "low": -2.0,
        "high": 2.0,
        "sampled": [0.2, 0.3, 0.26, 0.1],
        "true": [0.25, 0.25, 0.25, 0.25],
        "beyond": [0.14, 0.0],
        "true_beyond": [0.0, 0.0],
    }


def points(n=2000, labels=True):
    """Two columns, finished, with every section."""
    rng = np.random.default_rng(0)
    x0, frame = roll(n, rng), [-3.2, 3.2, -3.2, 3.2]
    rows = roll(8, rng)
    return {
        "format": 1,
        "title": "swiss_roll-7f3a",
        "status": "finished",
        "why": None,
        "step": 2000,
        "steps": 2000,
        "written": "2026-11-22T21:40:00Z",
        "version": "0.1.0",
        "data": {
            "source": "swiss_roll",
            "rows": 12_000,
            "trained_on": 10_800,
            "held_out": 1_200,
            "shape": [2],
            "dtype": "float32",
            "names": ["x", "y"],
            "classes": ["inner", "middle", "outer"],
            "kind": "points",
        },
        "words": WORDS,
        "forward": {
            "show": "points",
            "axes": ["x", "y"],
            "frame": frame,
            "x0": packed(x0),
            "eps": packed(rng.standard_normal(x0.shape)),
            "labels": labelled((np.hypot(*x0.T) * 1.4).astype(int).clip(0, 2)) if labels else None,
            **chain(),
            "bits": bits(),
        },
        "reverse": {
            "show": "points",
            "axes": ["x", "y"],
            "frame": frame,
            "samplers": samplers(roll(n, rng), rng),
            "field": field(frame),
        },
        "information": information(x0[:300], frame=frame),
        "schedules": schedules(),
        "hard": hard(),
        "answer": {
            "answers": [
                {
                    "question": "Is it good?",
                    "answer": "Yes: samples and other true rows cannot be told apart.",
                    "evidence": ["sliced W2 0.041, floor 0.039"],
                },
                {
                    "question": "Does it memorise?",
                    "answer": "No: samples are as far from the training rows as held-out rows are.",
                    "evidence": [],
                },
            ],
            "shares": {
                "samples": 1000,
                "true_rows": 1200,
                "off": 1,
                "of": 2,
                "rows": [
                    {"what": what, "value": value, "true": 0.1, "chance": [0.08, 0.12], "verdict": verdict}
                    for what, value, verdict in (
                        ("column 'y' is below -1.5", 0.24, "far above the floor"),
                        ("column 'x' is exactly 0", 0.1, "at the floor"),
                    )
                ],
            },
        },
        "good": {
            "scores": SCORES,
            "columns": [
                {"name": name, "mean": 0.012, "true_mean": 0.003, "deviation": 0.98, "true_deviation": 1.0, "z": z}
                | {"shares": shares()}
                for name, z in (("x", 0.7), ("y", -5.2))
            ],
            "associations": {
                "called": "a rank correlation",
                "names": ["x", "y"],
                "sampled": [[1.0, -0.42], [-0.42, 1.0]],
                "true": [[1.0, -0.38], [-0.38, 1.0]],
                "most": {"pair": ["x", "y"], "sampled": -0.42, "true": -0.38},
            },
            "neighbours": {
                "show": "points",
                "pairs": [{"sample": a.tolist(), "nearest": (a + 0.15).tolist(), "distance": 0.21, "usual": 0.19} for a in rows],
            },
        },
        "run": run(),
    }


def images():
    """Small grey pictures: discs."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:14, :14]

    def discs(n):
        centre, radius = rng.uniform(4, 9, (n, 2, 1, 1)), rng.uniform(2, 5, (n, 1, 1))
        return np.where((x - centre[:, 0]) ** 2 + (y - centre[:, 1]) ** 2 < radius**2, 1.0, -1.0)

    x0 = discs(36)
    page = points(10)
    page["title"], page["data"]["kind"], page["data"]["shape"], page["data"]["classes"] = "discs", "images", [14, 14], []
    page["forward"] |= {
        "show": "images",
        "axes": [],
        "frame": None,
        "x0": packed(x0),
        "eps": packed(rng.standard_normal(x0.shape)),
        "labels": None,
    }
    page["forward"]["bits"] = bits(exact=False)
    page["information"] = information(x0[:9], "images", axes=(), discrete=True)
    page["reverse"] = {"show": "images", "axes": [], "frame": None, "samplers": samplers(discs(25), rng), "field": None}
    pairs = [
        {"sample": a.tolist(), "nearest": b.tolist(), "distance": 6.2, "usual": 5.9}
        for a, b in zip(discs(8), discs(8), strict=True)
    ]
    page["good"] |= {"columns": [], "associations": None, "neighbours": {"show": "images", "pairs": pairs}}
    page["hard"] = hard(best=False)
    return page


def sequences():
    """Waves in two channels."""
    rng = np.random.default_rng(0)

    def waves(n):
        phase, pace = rng.uniform(0, 6.28, (n, 1, 2)), rng.uniform(1, 4, (n, 1, 1))
        return np.sin(np.linspace(0, 2 * np.pi, 64)[None, :, None] * pace + phase) * 1.4

    x0 = waves(12)
    page = points(10)
    page["title"], page["data"]["kind"], page["data"]["shape"] = "waves", "sequences", [64, 2]
    page["forward"] |= {
        "show": "sequences",
        "axes": [],
        "frame": None,
        "x0": packed(x0),
        "eps": packed(rng.standard_normal(x0.shape)),
        "labels": None,
    }
    page["information"] = information(x0[:6], "sequences", axes=()) | {"curve": None, "table": None}
    page["reverse"] = {"show": "sequences", "axes": [], "frame": None, "samplers": samplers(waves(8), rng), "field": None}
    pairs = [
        {"sample": a.tolist(), "nearest": b.tolist(), "distance": 3.2, "usual": 3.9}
        for a, b in zip(waves(6), waves(6), strict=True)
    ]
    page["good"]["neighbours"] = {"show": "sequences", "pairs": pairs}
    return page


def vectors():
    """300 columns, of which two are drawn; with names that try to break out."""
    rng = np.random.default_rng(0)
    page = points(500, labels=False)
    page["title"], page["data"]["kind"], page["data"]["shape"], page["data"]["source"] = (
        ATTACK,
        "vectors",
        [300],
        f"/data/{ATTACK}/{LINES}.csv",
    )
    page["data"]["names"] = [ATTACK, LINES, *(f"column {i}" for i in range(298))]
    page["forward"]["axes"] = page["reverse"]["axes"] = [f"{ATTACK} (column 1 of 300)", f"{LINES} (column 2 of 300)"]
    page["reverse"]["field"] = None
    page["reverse"]["samplers"][0]["name"] = ATTACK
    page["words"] = {**WORDS, "good": [f"The column {ATTACK} is the farthest."]}
    page["good"]["columns"] = [
        {"name": name, "mean": z / 100, "true_mean": 0.0, "deviation": 0.99, "true_deviation": 1.0, "z": z}
        for name, z in zip(page["data"]["names"], rng.standard_normal(300).tolist(), strict=True)
    ]
    for column in page["good"]["columns"][:12]:
        column["shares"] = shares()
    page["good"]["associations"]["names"] = page["good"]["associations"]["most"]["pair"] = [ATTACK, LINES]
    pairs = [
        {"sample": row.tolist(), "nearest": (row + 0.2).tolist(), "distance": 17.2, "usual": 16.8}
        for row in rng.standard_normal((6, 300))
    ]
    page["good"]["neighbours"] = {"show": "vectors", "pairs": pairs}
    page["run"]["command"] = f"unstir train '/data/{ATTACK}.csv'"
    page["schedules"]["curves"][ATTACK] = page["schedules"]["curves"]["linear"]
    return page


def stopped():
    """Ended by NaN before the first look: most sections are missing."""
    page = points(500)
    page |= {
        "status": "failed",
        "why": "The loss was not finite at step 412; the largest value of the data is 8.1e+37.",
        "step": 412,
    }
    page |= {"reverse": None, "hard": None, "answer": None, "good": None, "information": None}
    page["forward"]["bits"] = None
    page["run"] = run(nan_at=41)
    page["run"]["metrics"]["held_out"] = {"step": [], "loss": [], "gaussian": None}
    return page


def running():
    page = points(500)
    return page | {"status": "running", "step": 900, "answer": None, "good": None, "reverse": None, "information": None}


def comparison():
    """Schedules beside each other."""
    rng = np.random.default_rng(0)

    def cell(name, mean):
        scores = (mean * (1 + 0.06 * rng.standard_normal(5))).tolist()
        words = "not told apart from the lowest" if mean < 0.06 else "higher, beyond the noise"
        return {
            "name": name,
            "colour": "c3",
            "scores": scores,
            "mean": mean,
            "low": 0.95 * mean,
            "high": 1.05 * mean,
            "words": words,
            "seconds": 6.4,
        }

    cells = [cell("cosine", 0.051), cell("linear", 0.053), cell("sigmoid", 0.071), cell(ATTACK, 0.9)]
    columns = [
        {
            "score": "sliced W2",
            "sampling": s,
            "floor": [0.039, 0.001],
            "verdict": "Cosine and linear cannot be told apart.",
            "cells": c,
        }
        for s, c in (("20 evaluations", cells), ("1,000 evaluations", cells[:3]))
    ]
    samples = [
        {
            "title": "One seed's samples, 20 evaluations",
            "show": "points",
            "frame": [-3.2, 3.2, -3.2, 3.2],
            "axes": ["x", "y"],
            "panels": [
                {"name": n, "rows": packed(roll(1000, rng)), "text": "sliced W2 0.051", "colour": "c4"}
                for n in ("data", "cosine", "linear", ATTACK)
            ],
        }
    ]
    page = points(10)
    return {
        "format": 1,
        "title": "compare-schedules-swiss_roll",
        "status": "finished",
        "written": page["written"],
        "version": page["version"],
        "data": page["data"],
        "words": {
            "schedules": ["The curves that were compared."],
            "comparison": ["Cosine is lowest, but linear cannot be told apart from it."],
        },
        "schedules": schedules(),
        "comparison": {"what": "schedules", "seeds": 5, "steps": 2000, "columns": columns, "samples": samples},
    }


def compared(show, *shape):
    """Samplers beside each other on rows of a kind that is not points."""
    rng = np.random.default_rng(0)
    page = comparison()
    panels = [
        {"name": n, "rows": packed(rng.random((16, *shape)), "uint8"), "text": "sliced W2 0.3", "colour": "c4"}
        for n in ("data", "ddim")
    ]
    way = {"title": "20 evaluations", "show": show, "span": [0.0, 1.0], "panels": panels}
    return page | {"comparison": page["comparison"] | {"what": "samplers", "samples": [way]}}


def compared_images():
    return compared("images", 8, 8)


def compared_sequences():
    return compared("sequences", 40, 2)


KINDS = (points, images, sequences, vectors, stopped, running, comparison, compared_images, compared_sequences)
ALL = {f.__name__: f for f in KINDS}
