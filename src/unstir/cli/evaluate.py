"""`unstir evaluate`: is the model good, and is it honest? Each number beside what true rows give, and the answers in words."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from unstir.cli.parts.flags import CompleteReadingFlags, Device, Output, RunFolder, SamplingFlags, Whole
from unstir.devices import AUTO
from unstir.errors import StorageError, UsageError
from unstir.words import quoted

if TYPE_CHECKING:
    from unstir.data import Data
    from unstir.evaluation.scores import Truth
    from unstir.model.model import Model
    from unstir.training.config import Config


def evaluate(
    run: RunFolder,
    data: Annotated[
        str | None, Parameter(name="DATA", help="True rows to compare with; if left out, those the run was trained on.")
    ] = None,
    /,
    *,
    n: Annotated[
        Whole | None,
        Parameter(name="-n", help="True rows in a set, and as many samples; five sets. If left out, what takes minutes."),
    ] = None,
    reading: CompleteReadingFlags = CompleteReadingFlags(),
    how: SamplingFlags = SamplingFlags(),
    device: Device = AUTO,
    output: Output = Output(),
) -> None:
    """Measure how far samples are from true rows, beside how far true rows are from each other, and look for memorised rows."""
    from unstir.cli.parts.evaluated import columns_table, document_of, faults_table, levels_table, scores_table
    from unstir.cli.parts.output import answer, show
    from unstir.diffusion.samplers import default
    from unstir.evaluation.answers import answers, examine, try_or_note
    from unstir.evaluation.scores import affordable_rows, scale_of, truth_of
    from unstir.runs.loading import load
    from unstir.training.config import resolve
    from unstir.training.config_file import read_config
    from unstir.words import short

    model, reasons, sampling = load(run, device=device), [], how.sampling()
    most = n or affordable_rows(model.network)
    if data is None:
        config = resolve(read_config(run / "config.toml"))
        own, held_out = own_data(run, config), config.data.held_out
        training, unseen = own.split(held_out, config.seed)
        why = "samples were not compared with true rows"
        truth = try_or_note(reasons, why, lambda: truth_of(own, held_out, config.seed, most=most))
    else:
        training, unseen = None, other_data(data, reading, model)
        truth = halves(unseen, most)
        reasons += [f"note: {note}" for note in unseen.notes]
        reasons.append(f"note: whether it memorises shows beside its own training rows: unstir evaluate {quoted(run)}")
    found = examine(model, truth, unseen, training, sampling, reasons)
    said = {"run": str(run), "steps": how.steps, "method": how.method or default(how.steps), "seed": how.seed}
    said |= {"guidance": how.guidance, "interval": how.interval, "steps_trained": model.card.steps_trained}
    names = model.card.names or tuple(f"x{i}" for i in range(len(scale_of(model))))
    shown = tuple(map(short, names))
    if not output.json:
        guided = "" if how.guidance == 1 else f", guidance {how.guidance:g}"
        tables = [scores_table(found, f"{run}: {said['method']}, {how.steps} evaluations, seed {how.seed}{guided}")]
        tables += [faults_table(found.good.seen), columns_table(found.good, shown)] if found.good else []
        tables += [levels_table(found.levels)] if found.levels else []
        show(*(table for table in tables if table.row_count))
    answer(output, said | document_of(found, names), *answers(found).values(), *reasons)


def own_data(run: Path, config: "Config") -> "Data":
    """The rows that the run was trained on. Raises StorageError where they have gone or changed."""
    from unstir.runs.data import read_data

    try:
        return read_data(run, config)
    except StorageError as error:
        raise StorageError(f"{error} Or name other true rows: unstir evaluate {quoted(run)} DATA.") from None


def other_data(source: str, reading: CompleteReadingFlags, model: "Model") -> "Data":
    """Other true rows of the same shape. Raises DataError for another shape, UsageError for too few rows."""
    from unstir.cli.parts.rows_in import read
    from unstir.evaluation.scores import FEWEST

    data = read(source, reading, reading.missing, model, fewest=2)
    if len(data) < 2 * FEWEST:
        raise UsageError(f"{source} has {len(data)} rows; comparing takes at least {2 * FEWEST}.")
    return data


def halves(data: "Data", most: int) -> "Truth":
    """Random halves of the rows: how far one is from the other is the floor. No group is in both halves."""
    import numpy as np

    from unstir.evaluation.scores import FEWEST, REPEATS, Truth, flat, independent, known_rows
    from unstir.metrics.distances import half_split_pairs

    if data.groups is None:
        numbers, rng = np.arange(len(data)), np.random.default_rng(0)
        pairs = list(half_split_pairs(numbers, min(most, len(data) // 2), REPEATS, rng))
    else:
        halves = [data.split_numbers(0.5, seed) for seed in range(REPEATS)]
        size = min(most, *(len(half) for pair in halves for half in pair))
        if size < FEWEST:
            raise UsageError(
                f"{data.source}: half of the groups have {size} rows; comparing takes at least {FEWEST}. Bring more groups."
            )
        pairs = [(a[:size], b[:size]) for a, b in halves]
    true, others = zip(*((flat(data.take(a)), flat(data.take(b))) for a, b in pairs), strict=True)
    return Truth(true, others, known=known_rows(data, most, 0), available=len(independent(data, 0)))
