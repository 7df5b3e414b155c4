"""`unstir selfcheck`: the exact truths, on this machine."""

import sys

from unstir.cli.parts.flags import Output


def selfcheck(*, output: Output = Output()) -> None:
    """Check the mathematics on this machine: exact truths for every schedule, target and sampler.

    Exit code 4 if one fails.
    """
    from rich.table import Table

    from unstir.cli.parts.output import answer, show
    from unstir.selfcheck import checks

    table, rows = Table("truth", "of", "measured", "bar", ""), []
    for row in checks.selfcheck():
        rows.append(row)
        table.add_row(row.truth, row.subject, f"{row.measured:.2g}", str(row.bar), "ok" if row.ok else "[bold red]FAILED[/]")
    failed = [row for row in rows if not row.ok]
    if not output.json:
        show(table)
    document = {"checks": [row.__dict__ for row in rows], "failed": len(failed)}
    answer(output, document, f"{len(rows) - len(failed)} of {len(rows)} truths hold.")
    if failed:
        sys.exit(4)
