"""The files in a folder and in all folders in it, without what people do not see."""

from collections.abc import Iterator
from pathlib import Path

# What systems leave behind.
JUNK = {
    *("thumbs.db", "ehthumbs.db", "desktop.ini", "__macosx", "@eadir", "$recycle.bin"),
    *("system volume information", "lost+found"),
}


def walk(folder: Path, members: tuple[str, ...], above: frozenset[tuple[int, int]] = frozenset()) -> Iterator[Path]:
    """The visible files of a folder and of all folders in it, in order; a link back to a folder above is not followed.

    A folder called like one of the `members` is a file that cannot be read.
    """
    here = folder.stat()
    above |= {(here.st_dev, here.st_ino)}
    folders = []
    for entry in sorted(folder.iterdir()):
        if entry.name.startswith(".") or entry.name.lower() in JUNK:
            continue
        if entry.is_dir() and not is_member(entry, members):
            folders.append(entry)
        else:
            yield entry
    for inner in folders:
        there = inner.stat()
        if (there.st_dev, there.st_ino) not in above:
            yield from walk(inner, members, above)


def is_member(file: Path, members: tuple[str, ...]) -> bool:
    """Whether a name ends as one of `members`, in capitals or not."""
    return file.name.lower().endswith(members)
