"""Named arrays in a .npz archive: a zip file with a .npy file for each (`unstir.data.formats.npy`).

`unstir.data.formats.named` decides which array is the data and which holds the classes.
"""

import io
import zipfile

import numpy as np

from unstir.data.formats.format import Contents, Format, Request
from unstir.data.formats.named import from_named
from unstir.data.formats.npy import KIND, array, header
from unstir.data.formats.raw import broken, refuse_large, refuse_trap
from unstir.data.tables.schema import Schema
from unstir.errors import DataError
from unstir.words import short


def read(request: Request) -> Contents:
    """The data and the classes of an archive. DataError for one that is damaged, would unpack to very much, or is packed with LZMA."""
    with broken(request.source, KIND):
        archive = zipfile.ZipFile(request.path)

    def get(name: str) -> np.ndarray:
        where = f"{request.source}: {short(name)}"
        packed = archive.getinfo(f"{name}.npy")
        if packed.compress_type == zipfile.ZIP_LZMA:
            raise DataError(
                f"'{where}' is packed with LZMA, which can ask for any amount of memory. Save it with savez_compressed."
            )
        refuse_trap(where, packed.file_size, packed.compress_size, "save it as .npy")
        refuse_large(where, packed.file_size)
        with broken(where, KIND), archive.open(packed) as file:
            return array(file, *header(file, packed.file_size, where), where)

    with archive:
        names = [name.removesuffix(".npy") for name in archive.namelist() if name.endswith(".npy")]
        return from_named(names, get, request)


def write(contents: Contents) -> bytes:
    """The rows as `values`, the name of each one's class as `labels`, and what rows were drawn for by its names, compressed."""
    buffer = io.BytesIO()
    labels = {} if contents.labels is None else {"labels": np.asarray(contents.labels)}
    np.savez_compressed(buffer, allow_pickle=False, values=contents.values, **labels, **_beside(contents))
    return buffer.getvalue()


def _beside(contents: Contents) -> dict[str, np.ndarray]:
    """What rows were drawn for, by name: numbers as numbers, all else as text; `goal.0`, `goal.1`, ... as one array `goal` (n, k)."""
    parts: dict[str, list[np.ndarray]] = {name: [array] for name, array in contents.arrays.items()}
    codes, table = contents.beside or (np.zeros((0, 0)), Schema(()))
    for i, column in enumerate(table.columns):
        stem, _, number = column.name.rpartition(".")
        cells = codes[:, i] if column.kind == "number" else np.array(table.texts(codes)[column.name])
        parts.setdefault(stem if stem and number.isdigit() else column.name, []).append(cells)
    taken = ("values", "labels")
    return {
        f"{name}_" if name in taken else name: np.stack(held, 1) if len(held) > 1 else held[0] for name, held in parts.items()
    }


FORMAT = Format("named arrays: the data, and perhaps the classes", (".npz",), read, write)
