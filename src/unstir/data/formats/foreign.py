"""Files that are not read, and what to do with them: most are data in a form that another program can turn into one that is read.

>>> from pathlib import Path
>>> print(refusal(Path("cats.zip"), "cats.zip", (".npy", ".csv")))
'cats.zip' is an archive: unpack it, and name the folder; known: .csv, .npy, or a folder of images or of .npy files.
"""

from collections.abc import Sequence
from pathlib import Path

from unstir.errors import UsageError

ARCHIVE = "is an archive: unpack it, and name the folder"
SHEET = "is a workbook: save its sheet as CSV"
COLUMNS = "holds a table: write it as CSV, as in pandas.read_{0}('{1}').to_csv('{2}.csv', index=False)"
PICKLED = "could only be unpickled, which may run code: save its array with numpy.save"
NUMBERS = "holds arrays: save the one to train on with numpy.save"
IMAGE = "is one image: name a folder of images"

FOREIGN: dict[tuple[str, ...], str] = {
    (".zip", ".tar", ".tgz", ".tar.gz", ".tar.bz2", ".tar.xz", ".7z", ".rar"): ARCHIVE,
    (".npy.gz", ".npz.gz", ".safetensors.gz"): "is packed with gzip: unpack it with gunzip",
    (".xls", ".xlsx", ".xlsm", ".ods", ".numbers"): SHEET,
    (".dta",): COLUMNS.replace("{0}", "stata"),
    (".sav",): COLUMNS.replace("{0}", "spss"),
    (".json", ".jsonl"): COLUMNS.replace("{0}", "json"),
    (".pkl", ".pickle", ".joblib", ".pt", ".pth", ".ckpt"): PICKLED,
    (".mat", ".h5", ".hdf5", ".nc", ".zarr", ".fits", ".root"): NUMBERS,
    (".arff", ".xml", ".html"): "is no table of cells: save it as CSV",
    (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".pgm", ".ppm"): IMAGE,
    (".heic", ".heif", ".avif", ".jp2", ".svg", ".psd", ".dng", ".exr"): f"{IMAGE}, in PNG",
    (
        ".dcm",
        ".nii",
        ".nii.gz",
        ".nrrd",
    ): "is a medical image: save its numbers with numpy.save, and name the folder of these files",
    (".wav", ".mp3", ".flac", ".ogg"): "is sound: save its samples with numpy.save, an array (rows, steps, channels)",
    (".mp4", ".avi", ".mov", ".mkv"): "is a film: save its pictures into a folder",
}


def refusal(path: Path, source: str, known: Sequence[str]) -> UsageError:
    """The error for a file of a format that is not read; `known` are the ends of names that are."""
    name = path.name.lower()
    why = next((why for ends, why in FOREIGN.items() if name.endswith(ends)), "")
    why = why.replace("{1}", path.name).replace("{2}", path.stem)
    ends = [end for end in sorted(known) if not end.endswith(".gz")]
    packed = " (tables and IDX also packed, as .csv.gz)" if len(ends) < len(known) else ""
    read = f"{', '.join(ends)}{packed}, or a folder of images or of .npy files."
    return UsageError(f"'{source}'{f' {why}' if why else f': {_unknown(path)}'}; known: {read}")


def _unknown(path: Path) -> str:
    return f"files that end in '{path.suffix}' are not known" if path.suffix else "a file whose name has no end is not known"
