"""What `unstir inspect` answers: what data is taken for and what training on it would be, in words and tables, or as one object."""

import math
import shlex
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from rich.table import Table

from unstir.cli.parts.encoder import timed_encoder
from unstir.data import Data, Survey
from unstir.data.beside import told_of
from unstir.data.columns import Column
from unstir.data.layouts import described
from unstir.data.opacity import has_opacity
from unstir.data.problems import Problem, worst_first
from unstir.data.tables.problems import told
from unstir.encoders.registry import ENCODERS
from unstir.errors import UnstirError
from unstir.training.config import Config, merge
from unstir.training.cost import Cost, rehearse
from unstir.training.fitting import Fitting
from unstir.training.presets import choices, settle
from unstir.training.problems import asked_for, problems_of_settings, problems_of_split, that_matter
from unstir.words import counted, duration, listed, number, short

SHOWN = 12  # columns, or classes; --json has all
MOST_SHOWN = 60  # columns of a table of several kinds
OVERRULE = "to overrule what a column is taken for: --columns.NAME category, number, time, or drop to leave it out"
FLAT = "treated as a flat vector: positions are ignored"


class Decided(NamedTuple):
    """A setting that the data decides: its name, its value, and why."""

    name: str
    value: Any
    why: str


class Preview(NamedTuple):
    """What training would be: the settings, those that the data decides, and the cost; without a cost, why it would be refused."""

    config: Config
    choices: list[Decided]
    device: str
    cost: Cost | None
    refused: str


def preview(data: Data, file: dict[str, Any], flags: dict[str, Any]) -> Preview:
    """The settings for the rows that have no gap, and the measured cost of training with them."""
    config, found, asked = settle(data, file, flags), choices(data, file, flags), merge(file, flags)
    suits = f"the noise levels to train at, which suit the target {config.diffusion.target}"
    reasons = {path: choice.why for path, choice in found.items()} | {("diffusion", "times"): suits}
    decided = [
        Decided(
            f"{section}.{leaf}",
            getattr(getattr(config, section), leaf),
            "as asked for" if leaf in asked.get(section, {}) else why,
        )
        for (section, leaf), why in reasons.items()
    ]
    try:
        whole = data.without_gaps()
        fitting = Fitting(whole, config, timed_encoder(whole, config)[0])
        return Preview(config, decided, str(fitting.device), rehearse(fitting), "")
    except UnstirError as error:
        return Preview(config, decided, config.device, None, str(error))


def all_problems(data: Data, found: Survey, plan: Preview, file: dict[str, Any], flags: dict[str, Any]) -> list[Problem]:
    """Those of the settings, then those of the data and of its split: everything that `unstir train` would say."""
    of_split = () if plan.refused else problems_of_split(data.without_gaps(), plan.config)
    return [
        *problems_of_settings(data, plan.config, asked_for(file, flags)),
        *worst_first([*that_matter(found.problems, plan.config), *of_split]),
    ]


def headline(data: Data, found: Survey) -> str:
    """Kind, rows, shape, type."""
    if data.table is not None and not data.table.plain:
        kinds = Counter(column.kind for column in data.table.columns)
        each = listed([counted(count, kind, "categories" if kind == "category" else "") for kind, count in kinds.items()])
        return f"{found.kind}, {counted(len(data), 'row')} of {counted(data.shape[0], 'column')}: {each}"
    lies, shape = data.layout, "x".join(map(str, data.shape))
    numbers = counted(data.shape[0], "number") if len(data.shape) == 1 else f"{shape} numbers"
    if lies:
        numbers = described(lies) + (" on the first axis" if lies.channel_axis == 0 else "")
    flat = f"; {FLAT}" if len(data.shape) > 1 and not lies else ""
    return f"{found.kind}, {counted(len(data), 'row')} of {numbers} ({data.dtype}){flat}"


def facts(data: Data, found: Survey, config: Config) -> list[str]:
    """Range, levels, opacity and classes, a line each, of data that is learnt with these settings."""
    is_mixed = data.table is not None and not data.table.plain
    lines = _missing_cells(data) if is_mixed else _range_and_levels(data, found, ENCODERS[config.data.encoder].by_cell)
    if found.detail is not None and data.layout:
        position = "pixels" if data.layout.kind == "images" else "steps"
        lines.append(f"detail: 99 % of the variation is in waves of {number(found.detail, 2)} {position} and longer")
    if has_opacity(data):
        lines.append(
            "opacity: the fourth channel, which samples have too; --data.alpha white models the images as they look on white"
        )
    if data.classes:
        each = [f"{short(name)}: {count:,}" for name, count in list(found.classes.items())[:SHOWN]]
        more = f", and {len(data.classes) - SHOWN:,} more" if len(data.classes) > SHOWN else ""
        taken_from = f"; from {data.labels_from}" if data.labels_from else ""
        lines.append(f"classes: {len(data.classes):,} ({', '.join(each)}{more}){taken_from}")
    if data.is_given:
        lines.append(f"given: {told_of(data.given_table, data.beside, data.layout)}")
    if found.looked_at < len(data):
        lines.append(f"looked at: {found.looked_at:,} evenly spaced rows; missing values are counted in all rows")
    return lines + [f"note: {note}" for note in data.notes]


def _missing_cells(data: Data) -> list[str]:
    """How many cells of a table are missing, and what becomes of them; nothing where none is."""
    gaps = np.isnan(data.values)
    if not gaps.any():
        return []
    rows = int(gaps.any(axis=1).sum())
    each = f"{counted(int(gaps.sum()), 'cell')} in {counted(rows, 'row')} and {counted(int(gaps.any(axis=0).sum()), 'column')}"
    return [f"missing: {each}; samples have them as often, and --data.missing drop leaves these rows out"]


def _range_and_levels(data: Data, found: Survey, by_cell: bool) -> list[str]:
    """The range and the levels of numbers, a line each; if they are learnt `by_cell`, levels are no continuous numbers."""
    low, high = (pick(values) for pick, values in zip((min, max), _ends(found), strict=True))
    bounds = "no bounds, so samples are never clipped"
    if data.bounds:
        bounds = f"bounded to {data.bounds[0]:g} .. {data.bounds[1]:g}, and so are samples"
    spread = f", mean {found.whole.mean:.4g}, deviation {found.whole.deviation:.4g}" if found.whole else ""
    lines = [f"range: {low:g} to {high:g}{spread}; {bounds}"]
    if found.levels and found.levels > 1:
        whole = ", whole numbers" if all(column.whole for column in found.columns if column.distinct) else ""
        lies = data.layout
        grey = " grey" if lies and lies.kind == "images" and lies.channels == 1 else ""
        lines.append(f"levels: {found.levels}{grey} levels{whole}{'' if by_cell else '; treated as continuous numbers'}")
    return lines


def columns_table(data: Data, found: Survey) -> Table:
    """The columns that problems are about, and the first others, as many as are shown."""
    is_mixed = data.table is not None and not data.table.plain
    noted: dict[int, list[str]] = {}
    for problem in found.problems:
        for j in problem.columns:
            noted.setdefault(j, []).append(problem.name)
    if is_mixed:
        return _kinds_table(data, noted)
    d = len(found.columns)
    order = sorted(range(d), key=lambda j: (-len(noted.get(j, [])), j))[:SHOWN] if d > SHOWN else range(d)
    title = f"{SHOWN} of {d:,} columns, those with problems first; --json has all" if d > SHOWN else None
    table = Table("column", *("min", "mean", "max", "deviation", "values"), "", title=title, title_justify="left")
    for column in table.columns[1:6]:
        column.justify = "right"
    for j in order:
        c = found.columns[j]
        name = short(data.names[j]) if data.names else str(j)
        numbers = (f"{value:.4g}" for value in (c.low, c.mean, c.high, c.deviation))
        table.add_row(name, *numbers, f"{c.distinct:,}{' whole' if c.whole else ''}", ", ".join(noted.get(j, [])))
    return table


def _kinds_table(data: Data, noted: dict[int, list[str]]) -> Table:
    """What each column of a table is taken for, and why; those that are left out are in the notes."""
    table = Table("column", "taken for", "values", "missing", "because", "", title=OVERRULE, title_justify="left")
    table.columns[3].justify = "right"
    order = sorted(range(len(data.names)), key=lambda j: (-len(noted.get(j, [])), j))[:MOST_SHOWN]
    for j in sorted(order):
        about = told(data, j)
        table.add_row(
            short(data.names[j]), about.kind, about.values, f"{about.missing:,}", about.why, ", ".join(noted.get(j, []))
        )
    return table


def next_command(data: Data, config: Path | None, flags: dict[str, Any]) -> str:
    """What to type to train on what was inspected."""
    drop = {"data": {"missing": "drop"}} if data.dropped or len(data.without_gaps()) < len(data) else {}
    file = [] if config is None else ["--config", str(config)]
    return shlex.join(["unstir", "train", data.source, *file, *_as_typed(merge(flags, drop))])


def _as_typed(settings: dict[str, Any], path: str = "--") -> Iterator[str]:
    """Nested settings as flags."""
    for name, value in settings.items():
        if isinstance(value, dict):
            yield from _as_typed(value, f"{path}{name}.")
        else:
            yield from (path + (name if "settings." in path else name.replace("_", "-")), str(value))


def cost_line(plan: Preview) -> str:
    """What training takes, in words."""
    if plan.cost is None:
        return f"not measured, training would be refused: {plan.refused}"
    optim = plan.config.optim
    return (
        f"{duration(plan.cost.seconds(optim.steps))} for {optim.steps:,} steps of {optim.batch_size:,} "
        f"({number(1000 * plan.cost.step, 2)} ms a step, measured on {plan.device}), {plan.cost.memory / 2**20:,.0f} MiB of memory"
    )


def document_of(data: Data, found: Survey, plan: Preview) -> dict[str, Any]:
    """Everything, for a program: every column, and every number finite or null."""
    low, high = (pick(values) for pick, values in zip((min, max), _ends(found), strict=True))
    optim = plan.config.optim
    cost = plan.cost and {
        "steps": optim.steps,
        "batch_size": optim.batch_size,
        "device": plan.device,
        "seconds": plan.cost.seconds(optim.steps),
        "seconds_per_step": plan.cost.step,
        "memory_bytes": plan.cost.memory,
    }
    document = {
        "source": data.source,
        "kind": found.kind,
        "learnt_flat": len(data.shape) > 1 and data.layout is None,
        "axes": data.axes.letters,
        "axes_because": data.axes.why,
        "other_axes": data.axes.others,
        "rows": len(data),
        "rows_looked_at": found.looked_at,
        "shape": data.shape,
        "dtype": data.dtype,
        "bounds": data.bounds,
        "range": [low, high],
        "mean": found.whole and found.whole.mean,
        "deviation": found.whole and found.whole.deviation,
        "levels": found.levels,
        "detail": found.detail,
        "classes": found.classes,
        "classes_from": data.labels_from or None,
        "notes": data.notes,
        "left_out": {} if data.table is None else dict(data.table.left),
        "columns": [_column(data, j, column) for j, column in enumerate(found.columns)],
        "problems": [
            {"problem": p.name, "columns": [found.columns[j].place for j in p.columns], "text": p.text} for p in found.problems
        ],
        "settings": {choice.name: {"value": choice.value, "why": choice.why} for choice in plan.choices},
        "cost": cost,
        "refused": plan.refused or None,
    }
    return _finite(document)


def _column(data: Data, j: int, column: Column) -> dict[str, Any]:
    values = column._asdict()
    gaps = {word: values.pop(word)._asdict() for word in ("missing", "infinite")}
    if data.states[j]:  # which is no gap, but a program counts it
        missing = np.isnan(data.rows.held[:, j])
        gaps["missing"] = {"count": int(missing.sum()), "first": int(missing.argmax())}
    kind = {} if data.table is None else {"taken_for": told(data, j)._asdict()}
    return {"name": data.names[j] if data.names else None} | values | gaps | kind


def _ends(found: Survey) -> tuple[list[float], list[float]]:
    """The lowest and the highest value of each column that has any."""
    held = [column for column in found.columns if column.distinct] or found.columns
    return [column.low for column in held], [column.high for column in held]


def _finite(value: Any) -> Any:
    """The same with null for NaN and infinity, which JSON has no words for."""
    if isinstance(value, dict):
        return {name: _finite(held) for name, held in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(held) for held in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
