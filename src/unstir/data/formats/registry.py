"""The file formats by name: the one table that reading and writing use.

A format is a module of this package with a `Format` called FORMAT. To add one, write the module and add its line here; from
Python, `FORMATS.add("mine", Format(...))` does the same.

    >>> format_of("rows.CSV").about
    'a table: one row a line, a name a column'
    >>> format_of("rows.xls") is None, suffixes(), suffixes(written=True)
    (True, ('.npy', '.npz', '.csv', '.tsv', '.csv.gz', '.txt', ...), ('.npy', '.npz', '.csv', '.tsv', '.csv.gz', ...))
"""

from pathlib import Path

from unstir.data.formats.format import Format
from unstir.data.formats.walk import is_member, walk
from unstir.registry import Registry

FORMATS: Registry[Format] = Registry(
    "file format",
    {
        "npy": "unstir.data.formats.npy:FORMAT",
        "npz": "unstir.data.formats.npz:FORMAT",
        "csv": "unstir.data.formats.csv:FORMAT",
        "tsv": "unstir.data.formats.csv:TABS",
        "packed": "unstir.data.formats.csv:PACKED",
        "text": "unstir.data.formats.csv:TEXT",
        "parquet": "unstir.data.formats.arrow:PARQUET",
        "feather": "unstir.data.formats.arrow:FEATHER",
        "safetensors": "unstir.data.formats.safetensors:FORMAT",
        "idx": "unstir.data.formats.idx:FORMAT",
        "tiff": "unstir.data.formats.stack:FORMAT",
        "images": "unstir.data.formats.images:FORMAT",
        "arrays": "unstir.data.formats.arrays:FORMAT",
    },
)


def format_of(name: str) -> Format | None:
    """The format of a file of that name, None where no format's files end so."""
    return next((format for format in FORMATS.values() if format.suffixes and format.matches(name)), None)


def folder_format(folder: Path | None = None) -> Format:
    """The format of a folder: the first in the table that some file in it is of, at any depth; images where there is none, or no folder.

    Raises OSError for a folder that cannot be listed.
    """
    kinds = [format for format in FORMATS.values() if not format.suffixes]
    members = tuple(end for format in kinds for end in format.members)
    names = [] if folder is None else [file.name for file in walk(folder, members) if is_member(file, members)]
    return next((format for format in kinds if any(name.lower().endswith(format.members) for name in names)), kinds[0])


def suffixes(written: bool = False) -> tuple[str, ...]:
    """How the names of files that can be read end; with `written`, of those that can be written too."""
    return tuple(end for format in FORMATS.values() for end in format.suffixes if format.write or not written)
