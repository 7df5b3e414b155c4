"""Where the compiled copy of a model is kept: in `compiled/`, inside the model's folder. It is made by the first command that needs it.

It is never made again while it is there, because another machine would make another one, and files could not be read any more.
"""

from pathlib import Path

from unstir.compression.compiling import compiled
from unstir.compression.exact import FOLDER, Compiled, load
from unstir.errors import StorageError, UsageError
from unstir.files import sha256, storage_errors
from unstir.model.model import Model


def place_of(path: Path) -> Path:
    """The folder of the compiled copy, for the folder of a run or of a model. Raises UsageError for a run that has no model yet."""
    with storage_errors(path):
        if (path / "model").is_dir():
            return path / "model" / FOLDER
        if (path / "run.json").is_file():
            raise UsageError(
                f"{path} is not finished, and its model will change, so files made with it could not be read later. Finish it: unstir resume."
            )
        if not path.is_dir():
            raise StorageError(f"no folder {path}.")
    return path / FOLDER


def kept(path: Path) -> Compiled:
    """The compiled copy in the folder of a run or of a model. Raises StorageError if there is none, or if it is damaged."""
    place = place_of(path)
    if not place.is_dir():
        raise StorageError(
            f"{path} has no compiled copy of its model, {FOLDER}/, so it has not made this file. Name the run that did, or copy the folder "
            f"{FOLDER} from there: it cannot be made again on another machine."
        )
    return load(place)


def kept_or_made(path: Path, model: Model) -> tuple[Compiled, bool]:
    """The compiled copy of the model in that folder, and whether it has just been made.

    Raises what `compiled` raises; StorageError if it cannot be written, is damaged, or is the copy of another model.
    """
    place = place_of(path)
    weights = sha256((place.parent / "MANIFEST.json").read_bytes())
    if place.is_dir():
        made = load(place)
        if made.settings.get("model") != weights:
            raise StorageError(
                f"{place} is the copy of another model than the one beside it. Move it away, and it is made again."
            )
        return made, False
    found = compiled(model)
    made = Compiled({**found.settings, "model": weights}, found.arrays)
    made.save(place)
    return made, True
