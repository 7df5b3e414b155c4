"""`unstir compress`: rows as a file that is as short as the model makes it, without loss."""

from typing import Annotated

from cyclopts import Parameter

from unstir.cli.parts.flags import DataSource, Output, Place, ReadingFlags, RunOrModel, Whole


def compress(
    run: RunOrModel,
    data: DataSource,
    /,
    *,
    out: Annotated[Place, Parameter(name=["--out", "-o"], help="File to write, as in images.unstir; it must not exist yet.")],
    levels: Annotated[
        Whole,
        Parameter(
            name="--levels",
            help="Noise levels: 16, 32, 64 or 128. More make the file a little shorter, and take as much longer.",
        ),
    ] = 32,
    reading: ReadingFlags = ReadingFlags(),
    output: Output = Output(),
) -> None:
    """Write rows of DATA as one file, losslessly, in about as many bits as the model's bound says; for data with at most 256 levels.

    The first time, a copy of the model in exact arithmetic is made and kept in the model's folder, as compiled/. Files are read with it, on
    any machine: keep it. It computes on the CPU, where whole numbers are the same everywhere. Every byte counts in the figures but those of
    the model, which are given apart.
    """
    import time

    import numpy as np

    from unstir.cli.parts.compressed import document_of, lines_of, table_of
    from unstir.cli.parts.output import answer, show
    from unstir.cli.parts.progress import note
    from unstir.cli.parts.rows_in import read
    from unstir.compression.archive import TYPES, compress, levels_in
    from unstir.compression.compiling import refuse
    from unstir.compression.keeping import kept_or_made
    from unstir.compression.rivals import rivals
    from unstir.files import refuse_existing, storage_errors, write_file
    from unstir.runs.loading import load

    refuse_existing(out)
    model = load(run)
    refuse(model)
    found = read(data, reading, "refuse", model)
    for sentence in found.notes:
        note(f"note: {sentence}")
    if found.labels is not None:
        note(f"note: the file keeps the rows, and not their classes, which come from {found.labels_from or data}.")
    made, is_new = kept_or_made(run, model)
    if is_new:
        note(
            "note: made a copy of the model in exact arithmetic, compiled/ in the model's folder. Files are read with it: keep it."
        )
    rows = found.rows.raw(slice(None))
    rows = np.ascontiguousarray(rows, dtype=found.dtype if found.dtype in TYPES else rows.dtype.newbyteorder("="))
    started = time.perf_counter()
    result = compress(made, rows, levels)
    seconds = time.perf_counter() - started
    with storage_errors(out):
        out.parent.mkdir(parents=True, exist_ok=True)
    write_file(out, result.content)
    others = rivals(levels_in(made, rows)[:, made.arrays["order"]].astype(np.uint8).reshape(rows.shape), model.card.layout)
    said = document_of(result, others, made.size, seconds, levels)
    if not output.json:
        show(table_of(result, others, f"{out}: {len(rows):,} rows of {result.dimension:,} numbers, {levels} noise levels"))
    answer(output, {"out": str(out)} | said, *lines_of(said), str(out))
