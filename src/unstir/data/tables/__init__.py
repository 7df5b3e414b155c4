"""Tables with named columns of any kind, as numbers: what each column is, and the code of each cell.

column.py             `Column`: kinds, values, decimals, and what a cell can be
schema.py             `Schema`: cells into codes (N, D) and back; `cells.py` does it a column at a time, `times.py` for dates and times
"""

from unstir.data.tables.column import KINDS, Column
from unstir.data.tables.schema import Schema, schema_from

__all__ = [
    "KINDS",  # what a column can be
    "Column",  # one column: its kind, and how codes become cells
    "Schema",  # the columns of a table
    "schema_from",  # a schema out of a file
]
