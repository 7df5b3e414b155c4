"""The film of a run: rows of the data dissolve into noise, and the model turns the same noise back into data.

    out    x_t = alpha_t x_0 + sigma_t eps,  t from 0 to 1                                                  (1)
    back   the probability flow from the last state of (1), in `EVALUATIONS` evaluations                    (2)

(2) starts where (1) ends, so no particle jumps. A particle arrives at the data, but not at the row that it came from: the noise has
destroyed that information. Rows keep their class. Between two states of (2) particles move in straight lines.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from unstir.devices import AUTO
from unstir.diffusion.samplers import default, sampler
from unstir.errors import StorageError, UsageError
from unstir.plots.film import Moment, Stage, film
from unstir.plots.plane import Frame
from unstir.report.subject import Subject, of_folder
from unstir.report.view import View, shrink
from unstir.words import percent

EVALUATIONS = 40
POINTS = 1500  # at most
SHORTEST, LONGEST = 1.0, 60.0  # seconds
PARTS = (0.06, 0.42, 0.03, 0.39, 0.1)  # shares of the time: data, out, noise, back, samples


def animate(run: Path, out: Path, seconds: float, pixels: int, rate: int, device: str = AUTO) -> int:
    """Write the film of a run to the file `out`, `rate` pictures a second and `pixels` wide; returns how many pictures it has.

    Raises UsageError for a length, size or kind of file that a film cannot have, StorageError if the data is missing or there is no
    model yet.
    """
    if not SHORTEST <= seconds <= LONGEST:
        raise UsageError(f"--seconds {seconds:g}: a film is {SHORTEST:g} to {LONGEST:g} seconds long.")
    if not 1 <= rate <= LONGEST:
        raise UsageError(f"--rate {rate}: a film has 1 to {LONGEST:g} pictures a second.")
    subject = of_folder(run, device)
    if subject.rows is None or subject.model is None:
        raise StorageError(f"{run} gives no film. {' '.join(subject.reasons)}")
    view = subject.decoded
    n = min(len(subject.rows) // view.rows_each, POINTS if view.show == "points" else view.most) * view.rows_each
    x0, back, times = paths(subject, n)
    t = torch.linspace(0, 1, 201, dtype=torch.float64)
    stage = Stage(
        view.show,
        view.axes,
        _frame(view, x0),
        (view.decode["low"], view.decode["high"]) if view.decode else None,
        None if subject.labels is None or view.rows_each > 1 else subject.labels[:n],
        t.numpy(),
        subject.schedule.log_snr(t).sigmoid().numpy(),
        subject.classes,
    )
    return film(stage, _moments(subject, x0, back, times, round(seconds * rate)), out, pixels, rate)


@torch.no_grad()
def paths(subject: Subject, n: int) -> tuple[Tensor, list[Tensor], Tensor]:
    """The first n rows x_0, the states of (2) that start from their noise, and the times of these states; in the model's space."""
    model, rows = subject.model, subject.rows
    assert model is not None
    assert rows is not None
    x0 = rows[:n].float()
    method = default(EVALUATIONS)
    times = model.times(steps=EVALUATIONS, method=method)
    labels = None if not subject.classes or subject.labels is None else torch.from_numpy(subject.labels[:n]).long()
    denoise = model.denoise(None if labels is None else labels.to(model.device))
    start = noisy(subject, x0, float(times[0])).to(model.device)
    return x0, [x.cpu() for x in sampler(method).run(denoise, model.schedule, times, start)], times


def noisy(subject: Subject, x0: Tensor, t: float) -> Tensor:
    """Eq. (1), with the same noise at every time."""
    eps = torch.randn(x0.shape, generator=torch.Generator().manual_seed(subject.config.seed))
    return subject.schedule.diffuse(x0, torch.tensor(t, dtype=torch.float64), eps)


def _moments(subject: Subject, x0: Tensor, back: list[Tensor], times: Tensor, count: int) -> Iterator[Moment]:
    data, out, noise, home, samples = (max(1, round(part * count)) for part in PARTS)
    T, first = subject.T, float(times[0])
    for t in (*[0.0] * data, *np.linspace(0, first, out), *[first] * noise):
        share = subject.schedule.log_snr(torch.tensor(t, dtype=torch.float64)).sigmoid().item()
        text = f"data to noise: n = {round(t * T)} of {T}, signal {percent(share)}"
        yield Moment(_shown(subject, noisy(subject, x0, t), t), t, text)
    known = times.tolist()[::-1]
    for t in (*np.linspace(first, 0, home), *[0.0] * samples):
        later = min(max(int(np.searchsorted(known, t)), 1), len(known) - 1)
        share = (t - known[later - 1]) / (known[later] - known[later - 1])
        x = torch.lerp(back[len(known) - later], back[len(known) - 1 - later], share)
        text = f"noise to data: {len(known) - 1 if t == 0 else len(known) - 1 - later} of {len(known) - 1} evaluations"
        yield Moment(_shown(subject, x, t), t, text)


def _shown(subject: Subject, x: Tensor, t: float) -> np.ndarray:
    """Rows of the model's space as the film shows them: points in that space, images and sequences in the data's units."""
    view = subject.decoded
    x = x / shrink(subject.schedule, torch.tensor(t, dtype=torch.float64)).float()
    if view.show == "points":
        return view.project(x)
    return view.project(subject.encoder.decode(x))


def _frame(view: View, x0: Tensor) -> Frame | None:
    if view.show != "points":
        return None
    x_low, x_high, y_low, y_high = view.frame(view.project(x0))
    return Frame(np.array([x_low, y_low]), np.array([x_high, y_high]))
