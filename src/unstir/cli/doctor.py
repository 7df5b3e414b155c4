"""`unstir doctor`: this machine as unstir sees it, what is missing, and how to get it."""

import sys

from unstir.cli.parts.flags import Output


def doctor(*, output: Output = Output()) -> None:
    """Show versions, device, threads, memory and speed; what is missing, and how to get it.

    Exit code 2 if something is not installed as it should be, 4 if numbers come out wrong.
    """
    from unstir.cli.parts import machine
    from unstir.cli.parts.machine import BROKEN, NOTE, OK
    from unstir.cli.parts.output import answer

    findings = list(machine.packages())
    installed = all(finding.state != BROKEN for finding in findings)
    findings += machine.machine()
    if installed:
        findings += [*machine.threads(), *machine.devices(), *machine.speed()]
    findings += machine.disk()
    broken = [finding for finding in findings if finding.state == BROKEN]
    notes = sum(finding.state == NOTE for finding in findings)
    lines, width = [], max(len(finding.subject) for finding in findings)
    for finding in findings:
        state = "" if finding.state == OK else f"{finding.state}: "
        lines.append(f"{finding.subject:<{width}}  {state}{finding.found}")
        lines += [f"{'':<{width}}  -> {finding.way_on}"] if finding.way_on else []
    lines.append(f"{len(broken)} broken, {notes} to note." if broken or notes else "All is well.")
    answer(output, {"findings": [finding._asdict() for finding in findings], "broken": len(broken)}, *lines)
    if broken:
        sys.exit(4 if installed else 2)
