"""`unstir inspect`: what data is taken for, what is wrong with it, and what training on it would be. Nothing is written."""

from unstir.cli.parts.flags import DataSource, Output
from unstir.cli.parts.settings import SettingsFlags


def inspect(data: DataSource, /, *, settings: SettingsFlags = SettingsFlags(), output: Output = Output()) -> None:
    """Say what DATA is taken for, what is wrong with it, which settings it decides, and what training would cost."""
    from dataclasses import replace

    from unstir.cli.parts.inspected import (
        all_problems,
        columns_table,
        cost_line,
        document_of,
        facts,
        headline,
        next_command,
        preview,
    )
    from unstir.cli.parts.output import answer, show
    from unstir.data import survey
    from unstir.training.config import resolve
    from unstir.training.presets import load_data
    from unstir.words import printable

    file, flags = settings.file(), settings.flags()
    asked = resolve(file, flags, {"data": {"source": data}})
    kept = asked.model_copy(update={"data": asked.data.model_copy(update={"missing": "keep"})})
    rows = load_data(kept)
    found, plan = survey(rows), preview(rows, file, flags)
    found = replace(found, problems=all_problems(rows, found, plan, file, flags))
    if output.json:
        answer(output, document_of(rows, found, plan))
        return
    print(f"{printable(rows.source)}: {headline(rows, found)}")
    for line in facts(rows, found, plan.config):
        print(line)
    if len(rows.shape) == 1 and rows.layout is None:
        show(columns_table(rows, found))
    print("problems:" if found.problems else "problems: none found")
    for problem in found.problems:
        print(f"  - {problem.text}")
    print("settings that the data decides:")
    for choice in plan.choices:
        print(f"  {f'{choice.name} = {choice.value}':<30} {choice.why}")
    print(f"cost: {cost_line(plan)}")
    if plan.cost:
        print(f"next: {printable(next_command(rows, settings.config, flags))}")
