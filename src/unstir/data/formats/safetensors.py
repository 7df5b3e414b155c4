"""Named arrays in a .safetensors file: a header in JSON, and the numbers behind it (https://github.com/huggingface/safetensors).

`unstir.data.formats.named` decides which array is the data and which holds the classes.
"""

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from unstir.data.formats.format import Contents, Format, Request
from unstir.data.formats.named import from_named
from unstir.data.formats.raw import refuse_large
from unstir.errors import DataError
from unstir.words import short


def read(request: Request) -> Contents:
    """The data and the classes of a file. DataError for one that is damaged, or has numbers of a type that numpy lacks."""
    source = request.source
    try:
        archive = safe_open(request.path, framework="numpy")
    except SafetensorError as error:
        raise DataError(f"'{source}' is not a .safetensors file, or is cut short ({error}). Write it again.") from None

    def get(name: str) -> np.ndarray:
        refuse_large(f"{source}: {short(name)}", request.path.stat().st_size)
        try:
            return archive.get_tensor(name)
        except (TypeError, AttributeError) as error:  # bfloat16 and float8 have no numpy type
            raise DataError(f"'{source}: {short(name)}': {error}. Write it as float32.") from None

    with archive:
        return from_named(sorted(archive.keys()), get, request)


def write(contents: Contents) -> bytes:
    """The rows as `values`; labels, which are texts, cannot be held."""
    return save({"values": np.ascontiguousarray(contents.values)})


FORMAT = Format("named arrays: the data, and perhaps the classes as numbers", (".safetensors",), read, write)
