"""Figures of curves: schedules, the loss at each noise level, the loss at each step of training.

    alpha_bar = alpha^2 / (alpha^2 + sigma^2)         the share of the signal in x_t, for any schedule              (1)
    |eps - eps_hat|^2 = SNR |x_0 - x0_hat|^2          one error, in units of the noise and of the data              (2)

By (2) the question "which step is hardest?" has two answers. In nearly clean data the noise is hard to see, so the loss in eps is largest
near n = 0. In pure noise the data is hard to see, so the error in x_0 is largest at n = T. `loss_by_time` shows both.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from unstir.diffusion.schedules import Schedule
from unstir.errors import unknown
from unstir.plots.looks import Look, look_of
from unstir.plots.style import BLACK, BLUE, GREY, ORANGE, PALE, blank, logarithmic, plain, styled, tick
from unstir.words import number, percent

LOG_SNR = 14.0  # nats: above this x_t looks like the data, below minus this like noise, and float32 hardly knows better
OTHER = Look(GREY, ":")  # of a schedule without a name in the registry
TRAINING = {"color": ORANGE, "linewidth": 1.2, "label": "training"}
HELD_OUT = {"color": BLUE, "linewidth": 2.6, "label": "held out"}
GAUSSIAN = {"color": GREY, "linewidth": 1.3, "linestyle": (0, (2, 1.2)), "label": "Gaussian with the data's covariance"}
MUCH = 0.95  # buckets whose loss is at least this share of the largest count as equally hard


@styled
def schedule_curves(schedules: Mapping[str, Schedule], chosen: str | None = None) -> Figure:
    """What each schedule leaves of the signal: alpha_bar of eq. (1) and log-SNR against t, the chosen one as a broad line.

    The legend lists them by how much signal they keep at t = 1/2, the most first, which is their order in the figure from top to bottom.
    Raises UsageError if the chosen one is not among them.

    >>> from unstir.diffusion.chains import linear
    >>> from unstir.diffusion.continuous import Flow
    >>> figure = schedule_curves({"linear": linear(), "flow": Flow()}, chosen="flow")
    >>> print(figure.get_suptitle())
    flow keeps 50 % of the signal at t = 0.5, 0 % at t = 1
    """
    if chosen is not None and chosen not in schedules:
        raise unknown("schedule", chosen, schedules)
    halfway = {name: schedule.log_snr(torch.tensor(0.5)).sigmoid().item() for name, schedule in schedules.items()}
    ranked = sorted(halfway, key=lambda name: -halfway[name])
    about = ranked[-1] if chosen is None else chosen
    title = f"{about} keeps {percent(halfway[about])} of the signal at t = 0.5, "
    if chosen is None and len(ranked) > 1:
        title += f"{ranked[0]} {percent(halfway[ranked[0]])}"
    else:
        title += f"{percent(schedules[about].alpha_bar_end)} at t = 1"

    # many times near both ends, where log-SNR goes to infinity
    t = torch.linspace(-13, 13, 1001, dtype=torch.float64).sigmoid()
    t[0], t[-1] = 0, 1
    figure = blank(3.2, plain(title))
    share, ratio = figure.subplots(1, 2)
    for name in schedules:
        alpha, sigma = schedules[name](t)
        colour, dashes = look_of(name) or OTHER
        look = {"color": colour, "linestyle": dashes, "label": name}
        # drawn below the others: some pairs, such as linear and vp, are the same curve, and no line may hide another
        look |= {"linewidth": 4.5, "zorder": 2} if name == chosen else {"linewidth": 1.4, "zorder": 3}
        share.plot(t, alpha**2 / (alpha**2 + sigma**2), **look)
        ratio.plot(t, schedules[name].log_snr(t), **look)
    for axes, level in ((share, 0.5), (ratio, 0.0)):
        axes.axhline(level, color=PALE, linewidth=0.8, zorder=1)
        axes.set(xlim=(0, 1), xlabel="t  (0 is data, 1 is noise)")
    share.set(ylim=(-0.02, 1.02), title="share of the signal, ᾱ = α² / (α² + σ²)")
    ratio.set(ylim=(-LOG_SNR, LOG_SNR), title="log-SNR = 2 log(α / σ), in nats")
    lines = {line.get_label(): line for line in share.lines}
    legend = figure.legend(handles=[lines[name] for name in ranked], loc="outside right center")
    for text in legend.get_texts():
        text.set_fontweight("bold" if text.get_text() == chosen else "normal")
    return figure


@dataclass(frozen=True)
class LossByTime:
    """The loss in K buckets of time: edges (K + 1,) rising in [0, 1], all others (K,).

    `training`, `held_out` and `gaussian` are E |eps - eps_hat|^2 per element, of the network on both sets and of the
    best denoiser that knows only mean and covariance. `held_out_x0` and `gaussian_x0` are E |x_0 - x0_hat|^2 per
    element, in units of the data's variance. T is the number of steps of the chain, if it is one.
    """

    edges: np.ndarray
    training: np.ndarray
    held_out: np.ndarray
    gaussian: np.ndarray
    held_out_x0: np.ndarray
    gaussian_x0: np.ndarray
    T: int | None = None


@styled
def loss_by_time(curves: LossByTime) -> Figure:
    """Which steps are hardest: on the left the loss in eps, on the right, by eq. (2), the error in x_0 on a logarithmic axis.

    The hardest buckets of each (see `hardest`), by the held-out losses, are shaded and named in the title.

    >>> eps, x0 = np.array([0.9, 0.2, 0.1]), np.array([0.01, 0.2, 1.0])
    >>> figure = loss_by_time(LossByTime(np.array([0, 0.1, 0.5, 1]), eps, eps, eps, x0, x0, T=1000))
    >>> print(figure.get_suptitle())
    The noise is hardest to see at n = 0 to 100, the data at n = 500 to 1000
    """
    edges = curves.edges * (curves.T or 1)
    found = [hardest(curves.held_out), hardest(curves.held_out_x0)]
    ends = [(edges[run[0]], edges[run[-1] + 1]) for run in found]
    places = [
        f"t = {low:.2f} to {high:.2f}" if curves.T is None else f"n = {number(round(low))} to {number(round(high))}"
        for low, high in ends
    ]
    figure = blank(3.5, f"The noise is hardest to see at {places[0]}, the data at {places[1]}")
    noise, data = figure.subplots(1, 2)

    beside_noise = ((curves.training, TRAINING), (curves.gaussian, GAUSSIAN))
    beside_data = ((curves.gaussian_x0, GAUSSIAN),)
    for axes, what, run, held_out, beside in (
        (noise, "noise", found[0], curves.held_out, beside_noise),
        (data, "data", found[1], curves.held_out_x0, beside_data),
    ):
        axes.axvspan(edges[run[0]], edges[run[-1] + 1], color=BLUE, alpha=0.12, linewidth=0)
        for loss, look in ((held_out, HELD_OUT), *beside):
            axes.stairs(loss, edges, baseline=None, **look)
        # by eq. (2) the ratio of the two errors is the SNR, for data of unit variance
        fainter = "noise" if curves.held_out[run].sum() > curves.held_out_x0[run].sum() else "data"
        missed = f"{percent(held_out[run].mean())} of the variance of the {what} is missed"
        axes.set_title(f"{missed}\nwhere the {fainter} is the fainter part", loc="left")
        axes.set(xlim=(edges[0], edges[-1]), xlabel="t" if curves.T is None else f"n, of T = {number(curves.T)}")
    noise.set(ylim=(0, None), ylabel="error in ε / variance")
    data.set_ylabel("error in x₀ / variance")
    logarithmic(data)
    figure.legend(*noise.get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure


def hardest(loss: np.ndarray) -> np.ndarray:
    """The numbers of the buckets around the largest loss of (K,) that come within 5 % of it: a plateau has no single hardest one.

    >>> hardest(np.array([0.1, 0.97, 1.0, 0.99, 0.5, 0.98])).tolist()
    [1, 2, 3]
    """
    easy = np.flatnonzero(loss < MUCH * loss.max())
    worst = int(loss.argmax())
    first = easy[easy < worst].max(initial=-1) + 1
    last = easy[easy > worst].min(initial=len(loss)) - 1
    return np.arange(first, last + 1)


@styled
def training(metrics: Sequence[Mapping[str, float]]) -> Figure:
    """The loss at each step, in training (smoothed) and on held-out rows (points), and the learning rate below.

    `metrics` are one or more rows with `step`, `loss`, `lr`, and, if it was measured, `held_out`: those of `metrics.jsonl`. Smoothing is
    a centred mean over a fortieth of the rows.

    >>> metrics = [{"step": 10, "loss": 0.5, "lr": 1e-3, "held_out": 0.4}, {"step": 20, "loss": 0.3, "lr": 0.0}]
    >>> print(training(metrics).get_suptitle())
    Held-out loss is 0.400 at step 10, its lowest
    """
    step, loss, rate = (np.array([row[key] for row in metrics], dtype=np.float64) for key in ("step", "loss", "lr"))
    held_out = np.array([(row["step"], row["held_out"]) for row in metrics if "held_out" in row]).reshape(-1, 2)
    smooth = smoothed(loss, 1 + 2 * (len(loss) // 80))
    if len(held_out):
        last, best = held_out[-1], held_out[held_out[:, 1].argmin()]
        lowest = "its lowest" if last[1] <= best[1] else f"its lowest was {number(best[1])} at step {best[0]:,.0f}"
        title = f"Held-out loss is {last[1]:.3f} at step {last[0]:,.0f}, {lowest}"
    else:
        title = f"Training loss is {smooth[-1]:.3f} at step {step[-1]:,.0f}"

    figure = blank(3.4, title)
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3.2, 1))
    mark = "." if len(loss) < 40 else ""  # a line through one point cannot be seen
    above.plot(step, loss, color=ORANGE, linewidth=0.6, alpha=0.4, marker=mark)
    above.plot(step, smooth, color=ORANGE, linewidth=1.8, label="training, smoothed")
    if len(held_out):
        above.plot(*held_out.T, "o", color=BLUE, markersize=4, label="held out")
    logarithmic(above)
    above.set_ylabel("loss")
    above.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=2, borderaxespad=0)
    below.plot(step, rate, color=BLACK, linewidth=1.3, marker=mark)
    below.set(xlabel="step", ylabel="learning\nrate", ylim=(0, None))
    below.xaxis.set_major_locator(MaxNLocator("auto", integer=True, min_n_ticks=1))
    below.xaxis.set_major_formatter("{x:,.0f}")
    below.yaxis.set_major_formatter(lambda value, _: tick(value))
    for axes in (above, below):  # they share the x axis, so both get the same margin
        axes.margins(x=0.01)
    figure.align_ylabels([above, below])
    return figure


def smoothed(values: np.ndarray, width: int) -> np.ndarray:
    """The centred mean over `width` values, (N,) -> (N,); near the ends, over as many of them as there are.

    >>> smoothed(np.array([0.0, 3.0, 6.0, 9.0]), 3).tolist()
    [1.5, 3.0, 6.0, 7.5]
    """
    window = np.ones(min(width, len(values)))
    return np.convolve(values, window, "same") / np.convolve(np.ones(len(values)), window, "same")
