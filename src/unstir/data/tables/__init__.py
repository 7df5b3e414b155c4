"""Tables with named columns of any kind, as numbers: what each column is, and the code of each cell.

column.py             `Column`: kinds, values, decimals, and what a cell can be
schema.py             `Schema`: cells into codes (N, D) and back; `cells.py` does it a column at a time, `times.py` for dates and times
kinds.py              what a column can be asked to be, and names of ids
guessing.py           what a column is, and why
gathered.py           the cells of a column of a text file, gathered block by block; `reading.py` does it for a whole table
typed.py              the columns of a data frame
libraries.py          rows as a table of pandas, polars or pyarrow
problems.py           what a person is told about the columns, and what in them is odd
"""

from unstir.data.tables.column import KINDS, Column
from unstir.data.tables.schema import Schema, schema_from

__all__ = [
    "KINDS",  # what a column can be
    "Column",  # one column: its kind, and how codes become cells
    "Schema",  # the columns of a table
    "schema_from",  # a schema out of a file
]
