"""The file formats by name: the one table that reading and writing use.

A format is a module of this package with a `Format` called FORMAT. To add one, write the module and add its line here; from
Python, `FORMATS.add("parquet", Format(...))` does the same.

    >>> format_of("rows.CSV").about
    'a table of numbers: one row a line, a name a column'
    >>> format_of("rows.xls") is None, suffixes(), suffixes(written=True)
    (True, ('.npy', '.npz', '.csv', '.safetensors', '.idx', ...), ('.npy', '.npz', '.csv', '.safetensors'))
"""

from unstir.data.formats.format import Format
from unstir.registry import Registry

FORMATS: Registry[Format] = Registry(
    "file format",
    {
        "npy": "unstir.data.formats.npy:FORMAT",
        "npz": "unstir.data.formats.npz:FORMAT",
        "csv": "unstir.data.formats.csv:FORMAT",
        "safetensors": "unstir.data.formats.safetensors:FORMAT",
        "idx": "unstir.data.formats.idx:FORMAT",
        "images": "unstir.data.formats.images:FORMAT",
    },
)


def format_of(name: str) -> Format | None:
    """The format of a file of that name, None where no format's files end so."""
    return next((format for format in FORMATS.values() if format.suffixes and format.matches(name)), None)


def folder_format() -> Format:
    """The format of a folder: images."""
    return next(format for format in FORMATS.values() if not format.suffixes)


def suffixes(written: bool = False) -> tuple[str, ...]:
    """How the names of files that can be read end; with `written`, of those that can be written too."""
    return tuple(end for format in FORMATS.values() for end in format.suffixes if format.write or not written)
