"""Folders on disk that are either whole or absent: tensors in safetensors, everything else in JSON, each file checked by its sha256.

    write to a temporary folder beside it -> fsync each file -> rename -> fsync the parent                (1)

A reader never sees half a folder. Nothing that is read is executed: pickle is neither written nor read. safetensors files have no
checksum, so `MANIFEST.json` holds one for each file.

    >>> import torch
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as place:
    ...     write_folder(Path(place) / "a", {"weights": {"w": torch.ones(2)}}, {"config": {"width": 2}})
    ...     tensors, documents = read_folder(Path(place) / "a", ["weights"], ["config"])
    >>> tensors["weights"]["w"].tolist(), documents["config"]
    ([1.0, 1.0], {'width': 2})
"""

import errno
import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from unstir.errors import StorageError

MANIFEST = "MANIFEST.json"


def write_folder(
    path: Path,
    tensors: Mapping[str, Mapping[str, Tensor]],
    documents: Mapping[str, Any],
    texts: Mapping[str, str] | None = None,
) -> None:
    """Write `<name>.safetensors` and `<name>.json` files, and texts under their own names, by (1).

    Raises StorageError if the folder exists or cannot be written; then nothing is left behind.
    """
    files = {f"{name}.safetensors": save(_apart(part)) for name, part in tensors.items()}
    files |= {f"{name}.json": json_bytes(part) for name, part in documents.items()}
    files |= {name: text.encode() for name, text in (texts or {}).items()}
    files[MANIFEST] = json_bytes({"sha256": {name: sha256(content) for name, content in files.items()}})
    refuse_existing(path)
    with write_whole(path) as temporary:
        for name, content in files.items():
            _write_synced(temporary / name, content)


@contextmanager
def write_whole(path: Path) -> Iterator[Path]:
    """A temporary folder that is renamed to `path` when the block ends, and removed if the block fails, by (1)."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with storage_errors(path):
        try:
            temporary.mkdir(parents=True)
            yield temporary
            temporary.rename(path)
            _sync_folder(path.parent)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


def read_folder(
    path: Path, tensors: Sequence[str], documents: Sequence[str]
) -> tuple[dict[str, dict[str, Tensor]], dict[str, Any]]:
    """The named tensors and documents of a folder that `write_folder` wrote; each file is checked against the manifest.

    Raises StorageError naming the file that is missing, damaged or of another format.
    """
    with storage_errors(path):
        if not path.is_dir():
            raise StorageError(f"no folder {path}.")
        manifest = _bytes(path / MANIFEST)
        sums = _json(path / MANIFEST, manifest).get("sha256")
        if not isinstance(sums, dict) or manifest != json_bytes(
            {"sha256": sums}
        ):  # compared byte by byte, because it has no checksum
            raise StorageError(f"{path / MANIFEST} is damaged: it is not as it was written. Use another copy.")
        contents = {}
        for name in [f"{part}.safetensors" for part in tensors] + [f"{part}.json" for part in documents]:
            contents[name] = _bytes(path / name)
            if sha256(contents[name]) != sums.get(name):
                raise StorageError(f"{path / name} is damaged: its sha256 is not the one in {MANIFEST}. Use another copy.")
    try:
        loaded = {part: load(contents[f"{part}.safetensors"]) for part in tensors}
    except SafetensorError as error:
        raise StorageError(f"{path} holds a file that is not safetensors: {error}.") from None
    return loaded, {part: _json(path / f"{part}.json", contents[f"{part}.json"]) for part in documents}


def refuse_existing(path: Path) -> None:
    """Raise StorageError if the path exists, or is impossible."""
    with storage_errors(path):
        if path.exists():
            raise StorageError(f"{path} exists already, and nothing is overwritten. Choose another --out, or move it away.")


def write_file(path: Path, content: bytes) -> None:
    """Write one file by (1): it either replaces the older one as a whole, or leaves it unchanged."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with storage_errors(path):
        try:
            _write_synced(temporary, content)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)


def sha256(content: bytes) -> str:
    """The SHA-256 of `content`, in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def json_bytes(document: Any) -> bytes:
    """Indented JSON with a newline at the end. Raises ValueError for NaN and infinities, which JSON does not have."""
    return (json.dumps(document, indent=2, allow_nan=False) + "\n").encode()


@contextmanager
def storage_errors(path: Path) -> Iterator[None]:
    """Inside the block, turn errors of the operating system into a StorageError that names the path and the reason."""
    try:
        yield
    except StorageError:
        raise
    except FileNotFoundError as error:
        raise StorageError(f"no file {error.filename or path}.") from None
    except OSError as error:
        more = "Free some first. " if error.errno == errno.ENOSPC else ""
        raise StorageError(f"{error.filename or path}: {error.strerror}. {more}What was there before is untouched.") from None


def _apart(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors on the CPU, each in memory of its own: safetensors refuses two that share some, as tied weights do."""
    found, seen = {}, set()
    for name, tensor in tensors.items():
        held = tensor.detach().cpu().contiguous()
        place = held.untyped_storage().data_ptr()
        found[name] = held.clone() if place in seen else held
        seen.add(place)
    return found


def _bytes(path: Path) -> bytes:
    if path.exists() and not path.is_file():  # reading a pipe, or a link to a device, might never end
        raise StorageError(f"{path} is not an ordinary file. Use another copy.")
    return path.read_bytes()


def _write_synced(path: Path, content: bytes) -> None:
    with open(path, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(path: Path) -> None:
    folder = os.open(path, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _json(path: Path, content: bytes) -> dict[str, Any]:
    try:
        document = json.loads(content, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise StorageError(f"{path} is not JSON: {error}.") from None
    if not isinstance(document, dict):
        raise StorageError(f"{path} does not hold a JSON object.")
    return document
