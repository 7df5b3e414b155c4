"""A TIFF file of several pages: each page is a row, as microscopes and scanners write a series or the slices of a volume."""

import numpy as np
from PIL import Image

from unstir.data.formats import tiff
from unstir.data.formats.format import Contents, Format, Request
from unstir.data.formats.pixels import DEEP, GREY, reason, resized
from unstir.data.formats.raw import allocate, refuse_full_disk
from unstir.errors import DataError, UsageError
from unstir.words import counted, short, spelled


def read(request: Request) -> Contents:
    """The pages of a file, (N, height, width[, bands]).

    Raises DataError for a file of one page, pages that differ, or a damaged one; UsageError for `labels` or `groups`.
    """
    source = short(spelled(request.source), 80)
    if request.labels is not None:
        raise UsageError(f"'{source}' is one array and cannot hold labels='{request.labels}'; make each page a file in a folder.")
    request.refuse_groups("it is one array")
    try:
        pages = tiff.pages(request.path)
        first = _page(request, pages, 0)
        if len(pages) < 2:
            raise DataError(f"'{source}' is one image: name a folder of images, or a TIFF file of several pages.")
        refuse_full_disk(f"the {counted(len(pages), 'page')} of '{source}'", len(pages) * first.nbytes, "ask for --data.size 64")
        rows = allocate((len(pages), *first.shape), first.dtype)
        for i in range(len(pages)):
            page = _page(request, pages, i)
            if (page.shape, page.dtype) != (first.shape, first.dtype):
                held = f"page {i} of {page.dtype} {page.shape}, page 0 of {first.dtype} {first.shape}"
                raise DataError(f"the pages of '{source}' differ: {held}. Pass --data.size 64 where only the sizes do.")
            rows[i] = page
    except (DataError, MemoryError):
        raise
    except Exception as error:  # of Pillow's readers
        raise DataError(f"'{source}' cannot be read: {reason(error)}.") from None
    return Contents(rows, bounds=(0.0, 65535.0) if rows.dtype == np.uint16 else None, axes="NHWC"[: rows.ndim])


def _page(request: Request, pages: list[tiff.Page], i: int) -> np.ndarray:
    """The numbers of a page, in the size that is asked for."""
    if not pages[i].is_picture:
        return resized(tiff.numbers(request.path, pages[i]), request.size)
    with Image.open(request.path, formats=("TIFF",)) as image:
        image.seek(pages[i].number)
        if image.mode in DEEP:
            return resized(np.asarray(image).astype(np.uint16), request.size)
        return resized(np.asarray(image.convert("L" if image.mode in GREY else "RGB")), request.size)


FORMAT = Format("images, each a page of one file", (".tif", ".tiff"), read, resizes=True)
