"""`unstir sample`: rows drawn from a trained model."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from unstir.cli.parts.flags import SAMPLING, Device, GivenFlags, Output, RowsOut, RunOrModel, SamplingFlags, Whole
from unstir.devices import AUTO

if TYPE_CHECKING:
    from unstir.model.model import Model


def sample(
    run: RunOrModel,
    /,
    *,
    n: Annotated[Whole | None, Parameter(name=["-n", "--number"], help="How many samples; 1000 if left out.")] = None,
    given: GivenFlags = GivenFlags(),
    each: Annotated[Whole | None, Parameter(help="How many samples for each row of the file of --given; 1 if left out.")] = None,
    to: RowsOut = RowsOut(),
    how: SamplingFlags = SamplingFlags(),
    complete: Annotated[
        bool, Parameter(group=SAMPLING, negative=(), show_default=False, help="Leave no cell of a table missing.")
    ] = False,
    precision: Annotated[
        str,
        Parameter(
            group=SAMPLING,
            help="Of the network: float32; bfloat16, which is faster in wide networks on a processor that multiplies it; tf32, between the "
            "two on a GPU; or auto, which is float32 on the CPU, and on a GPU tf32, or bfloat16 for whole numbers such as pixels.",
        ),
    ] = AUTO,
    device: Device = AUTO,
    output: Output = Output(),
) -> None:
    """Draw samples from a trained model, in the data's own units."""
    from unstir.cli.parts.asked import asked as asked_for
    from unstir.cli.parts.output import answer
    from unstir.cli.parts.rows_out import check_places, write_rows
    from unstir.data.given import as_numbers
    from unstir.diffusion.samplers import default
    from unstir.model.noise import GROUP
    from unstir.runs.loading import is_unfinished, load
    from unstir.training.threads import for_sampling, using

    model = load(run, precision, device)
    asked, n, chosen = asked_for(given, model, n, each)
    out = to.out or str(folder_of(run) / file_name(model, n, given, how, is_unfinished(run)))
    check_places(out, to.grid, model)
    some = max(1, min(n, GROUP))
    share = 2 * some / max(1, n * how.steps) if model.device.type == "cpu" else 1.0
    settings = how.sampling().changed(complete=complete)
    with using(for_sampling(lambda: model.sample(some, steps=2), share)):
        rows, _ = as_numbers(model.rows(n, asked, settings), "the samples")
    ids = model.given(n, asked, how.seed)
    written = write_rows(out, to.grid, run, model, rows, ids, sort=bool(model.classes) and not chosen)
    made = {"samples": written.pop("rows"), "n": n, "evaluations": how.steps, "method": how.method or default(how.steps)}
    made |= {"steps_trained": model.card.steps_trained, "device": str(model.device), "precision": model.precision}
    answer(output, made | written, made["samples"], *written.values())


def folder_of(run: Path) -> Path:
    """Where samples go that were given no place: the run, or this folder if only a model is there."""
    return run / "samples" if (run / "run.json").is_file() else Path()


def file_name(model: "Model", n: int, given: GivenFlags, how: SamplingFlags, unfinished: bool = False) -> str:
    """A name for samples that were given none, which says how they were drawn, and after which step of a training that is not finished."""
    from unstir.cli.parts.asked import in_a_name
    from unstir.data.formats.images import in_a_file_name
    from unstir.diffusion.samplers import default

    stem = f"{n}-{how.method or default(how.steps)}-{how.steps}-seed{how.seed}"
    stem += f"-step{model.card.steps_trained}" if unfinished else ""
    stem += f"-class-{in_a_file_name(given.label)}" if given.label is not None else ""
    stem += f"-given-{in_a_name(given.given)}" if given.given is not None else ""
    stem += f"-guidance-{how.guidance:g}" if how.guidance != 1 else ""
    stem += f"-in-{how.interval[0]:g}-{how.interval[1]:g}" if how.interval else ""
    stem += f"-{model.precision}" if model.precision != "float32" else ""
    return f"{stem}{'.csv' if model.card.mixed else '.npz' if model.condition else '.npy'}"
