"""What `unstir compress` answers: the file beside its bound and beside other methods, in bytes and in bits for each number."""

import math
from collections.abc import Mapping
from typing import Any

from rich.table import Table

from unstir.compression.archive import Result
from unstir.words import counted, number


def document_of(result: Result, others: Mapping[str, int], model: int, seconds: float, levels: int) -> dict[str, Any]:
    """Everything that is known, for programs: bytes, bits per dimension, the bound and its parts, and when the model has paid for itself."""
    numbers, size = result.rows * result.dimension, len(result.content)
    best = min(others.values()) if result.rows else 0
    saved = (best - size) / result.rows if result.rows else 0.0
    return {
        "n": result.rows,
        "dimension": result.dimension,
        "levels": levels,
        "bytes": size,
        "bits_per_dim": result.bits_per_dim if numbers else None,
        "bound_bits_per_dim": result.bound_per_dim if numbers else None,
        "bound_parts": {name: bits / numbers for name, bits in result.parts.items()} if numbers else None,
        "bound_bytes": result.bound / 8,
        "overhead_bytes": size - result.bound / 8,
        "header_bytes": result.header,
        "initial_bytes": result.borrowed,
        "others": dict(others),
        "model_bytes": model,
        "model_pays_after": math.ceil(model / saved) if saved > 0 else None,
        "seconds": seconds,
        "seconds_a_row": seconds / result.rows if result.rows else None,
    }


def table_of(result: Result, others: Mapping[str, int], title: str) -> Table:
    """Bytes and bits per dimension of the file, its bound and the other methods."""
    table = Table(title=title, title_justify="left")
    for name, side in (("", "left"), ("bytes", "right"), ("bits per dimension", "right")):
        table.add_column(name, justify=side)  # pyrefly: ignore
    numbers = max(1, result.rows * result.dimension)
    rows = [("this file, all counted but the model", len(result.content)), ("the model's bound", result.bound / 8)]
    rows += sorted(others.items(), key=lambda one: one[1])
    for name, size in rows:
        table.add_row(name, f"{size:,.0f}", f"{8 * size / numbers:.3f}")
    return table


def lines_of(said: Mapping[str, Any]) -> list[str]:
    """What the table does not say: the overhead, the model's own size, and the time."""
    overhead = said["overhead_bytes"]
    lines = [
        f"The file is {abs(overhead):,.0f} bytes {'above' if overhead >= 0 else 'below'} the bound, which is that of these draws of noise. "
        f"The header has {said['header_bytes']}, and {said['initial_bytes']} were borrowed at first: these are the checksum."
    ]
    after = said["model_pays_after"]
    pays = (
        "it does not pay for itself on such rows"
        if after is None
        else f"it pays for itself after {counted(after, 'row')} like these"
    )
    lines.append(f"The model's own size is {said['model_bytes']:,} bytes: {pays}.")
    if said["seconds_a_row"] is not None:
        half = f"--levels {said['levels'] // 2} takes half of it" if said["levels"] > 16 else "a narrower network takes less"
        lines.append(f"{number(1000 * said['seconds_a_row'])} ms a row; {half}, and reading takes as long.")
    return lines
