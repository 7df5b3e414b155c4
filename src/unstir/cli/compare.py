"""`unstir compare`: which is better on this data, and is the difference more than chance?"""

from typing import Annotated

from cyclopts import Parameter

from unstir.cli.parts.flags import DataSource, Place, ProgressOutput, Whole
from unstir.cli.parts.settings import SettingsFlags
from unstir.errors import UsageError

COMPARED = {"schedules": "schedule", "targets": "target"}  # the setting that differs, so that no flag can set it


def compare(
    what: Annotated[str, Parameter(name="WHAT", help="schedules, targets or samplers.")],
    data: DataSource,
    /,
    *,
    only: Annotated[str | None, Parameter(help="Those to compare, as in linear,cosine; if left out, the usual ones.")] = None,
    seeds: Annotated[Whole, Parameter(help="How often each is trained, with another seed each time.")] = 5,
    n: Annotated[Whole, Parameter(name=["-n", "--number"], help="Samples of each, at most.")] = 5000,
    out: Annotated[
        Place | None,
        Parameter(
            name=["--out", "-o"], help="Folder of the results; one that holds the same comparison, unfinished, is completed."
        ),
    ] = None,
    settings: SettingsFlags = SettingsFlags(),
    output: ProgressOutput = ProgressOutput(),
) -> None:
    """Find out which schedule, target or sampler is better on DATA: same rows, same budget, several seeds, and a verdict.

    Each is trained for 2,000 steps, unless --steps says otherwise.
    """
    from unstir.cli.parts.comparing import ENOUGH, accounted, before, headline, results_of, show_tables, train_all
    from unstir.cli.parts.output import answer, typed_command
    from unstir.cli.parts.progress import note, warn
    from unstir.comparison.figure import picture
    from unstir.comparison.layout import set_up
    from unstir.comparison.reading import Yardstick
    from unstir.comparison.tables import table_csv
    from unstir.report.keeping import write_run_report
    from unstir.runs.comparison import comparison_folder, has_result
    from unstir.training.config import resolve
    from unstir.training.presets import load_data

    flags = settings.flags()
    differs = COMPARED.get(what)
    if differs and differs in flags.get("diffusion", {}):
        raise UsageError(f"--{differs} is what is compared here. Name those you want: --only a,b,c.")
    if seeds < 2:
        raise UsageError(f"--seeds {seeds}: with one seed nothing is known of chance. Use at least 2; 5 is usual.")
    layers = [settings.file(), flags, {"data": {"source": data}}]
    if resolve(*layers).start.run is not None:
        raise UsageError("a comparison trains everything from random weights. Leave --start.run and the section [start] out.")
    names = [name.strip() for name in only.split(",")] if only else []
    laid_out = set_up(what, load_data(resolve(*layers)), layers, names, n)
    first = laid_out.trainings[0].config.seed
    jobs = [(training, seed) for seed in range(first, first + seeds) for training in laid_out.trainings]
    with comparison_folder(laid_out, data, out, typed_command()) as run, accounted(run):
        left = [job for job in jobs if not has_result(run, *job)]
        yardstick = Yardstick(laid_out)
        for warning in before(laid_out, settings.file(), flags):
            warn(warning)
        for remark in laid_out.remarks:
            note(f"note: {remark}")
        if seeds < ENOUGH:
            warn(f"with {seeds} seeds next to nothing can be told apart, however different the means. Use {ENOUGH} or more.")
        if not output.quiet:
            note(headline(laid_out, seeds, len(left), len(jobs)))
        train_all(run, laid_out, yardstick, left, output.quiet)
        columns, results = results_of(run, laid_out, yardstick, jobs)
        run.write("results.json", results)
        run.write("table.csv", table_csv(columns))
        picture(run.path, laid_out, columns)
        run.note(status="finished")
        page = write_run_report(run.path)
    if not output.json:
        show_tables(laid_out, columns)
    answer(output, results, run.path)
    if not output.json:
        note(f"page: {page}    picture: {run.path / 'comparison.png'}    every number: {run.path / 'results.json'}")
        if not all(column.decided for column in columns):
            more = f"--seeds {2 * seeds} --out {run.path} adds to these; --only compares fewer."
            note(f"next: with more seeds more can be told apart. {more}")
