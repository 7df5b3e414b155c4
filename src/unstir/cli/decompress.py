"""`unstir decompress`: the rows of a file that `unstir compress` wrote, exactly as they were."""

from typing import Annotated

from cyclopts import Parameter

from unstir.cli.parts.flags import Output, Place, RowsFile, RunOrModel


def decompress(
    run: RunOrModel,
    file: Annotated[Place, Parameter(name="FILE", help="File that `unstir compress` wrote with this model.")],
    /,
    *,
    out: RowsFile,
    output: Output = Output(),
) -> None:
    """Write the rows of FILE, exactly as they were, with the model that made it; it computes on the CPU.

    What is damaged is named, and nothing is written then.
    """
    from unstir.cli.parts.output import answer
    from unstir.compression.archive import decompress, opened
    from unstir.compression.keeping import kept
    from unstir.data import check_path, write
    from unstir.files import storage_errors

    made = kept(run)
    with storage_errors(file):
        content = file.read_bytes()
    header, _ = opened(content, str(file))
    check_path(out, made.shape, header.dtype, made.settings["axes"])
    rows = decompress(made, content, str(file))
    written = write(out, rows, None, made.settings["names"], axes=made.settings["axes"])
    answer(output, {"rows": str(written), "n": len(rows)}, str(written))
