"""The settings of a run as a TOML file, read and written, and where each setting came from.

TOML is UTF-8 and a name of a file is any bytes. A path that is no UTF-8 is written as the address of a file, in which % and two digits
stand for a byte: `file:caf%E9.csv`.

>>> from tempfile import TemporaryDirectory
>>> with TemporaryDirectory() as place:
...     path = Path(place) / "config.toml"
...     _ = path.write_text(write_config(resolve({"optim": {"steps": 100}})))
...     read_config(path)["optim"]["steps"]
100
"""

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote_to_bytes

import tomli_w

from unstir.errors import StorageError, UsageError
from unstir.training.config import SECTIONS, Config, resolve
from unstir.words import spelled

ADDRESS = "file:"
PATHS = (("data", "source"), ("start", "run"))  # settings that are names of files or folders


def read_config(path: Path) -> dict[str, Any]:
    """The settings in a TOML file. Raises StorageError if it is missing, UsageError naming the key if it is wrong."""
    try:
        settings = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise StorageError(f"configuration {path}: {error.strerror}.") from None
    except (ValueError, RecursionError) as error:  # not TOML, not UTF-8, a number of too many digits, or too deeply nested
        raise UsageError(f"configuration {path} is not valid TOML: {str(error)[:200]}.") from None
    try:
        resolve(settings)
    except UsageError as error:
        raise UsageError(f"configuration {path}: {error}") from None
    for section, name in PATHS:
        place = settings.get(section, {}).get(name, "")
        if place.startswith(ADDRESS):
            settings[section][name] = os.fsdecode(unquote_to_bytes(place.removeprefix(ADDRESS)))
    return settings


def write_config(config: Config) -> str:
    """All settings as TOML, readable by `read_config`; settings that are None are left out."""
    return tomli_w.dumps(_writable(config))


def _writable(config: Config) -> dict[str, Any]:
    """The settings as TOML can hold them."""
    held = config.model_dump(exclude_none=True)
    for section, name in PATHS:
        place = held[section].get(name, "")
        if place.startswith(ADDRESS) or spelled(place) != place:
            held[section][name] = ADDRESS + quote(os.fsencode(place))
    return held


def origins(layers: Mapping[str, Mapping[str, Any]]) -> dict[tuple[str, ...], str]:
    """For each setting, by its path, the name of the last layer that sets it. A setting that no layer sets is left out.

    >>> origins({"preset": {"optim": {"lr": 0.001, "steps": 9}}, "flag": {"optim": {"lr": 0.1}}})
    {('optim', 'lr'): 'flag', ('optim', 'steps'): 'preset'}
    """
    found: dict[tuple[str, ...], str] = {}
    for name, layer in layers.items():
        for key, value in layer.items():
            if key in SECTIONS:
                found |= {(key, leaf): name for leaf in value}
            else:
                found[key,] = name
    return found


def annotated_config(config: Config, layers: Mapping[str, Mapping[str, Any]]) -> str:
    """`write_config` with a comment behind each value that says where it came from: still TOML, readable by `read_config`."""
    whence, held = origins(layers), _writable(config)

    def line(*path: str, value: Any) -> str:
        return f"{tomli_w.dumps({path[-1]: value}).rstrip()}  # {whence.get(path, 'default')}"

    columns = held.pop("columns", {})
    lines = [line(key, value=value) for key, value in held.items() if key not in SECTIONS]
    for section in SECTIONS:
        lines += ["", f"[{section}]"]
        plain = {leaf: value for leaf, value in held[section].items() if not isinstance(value, dict)}
        lines += [line(section, leaf, value=value) for leaf, value in plain.items()]
        lines += [f"# {leaf} is not set" for leaf in SECTIONS[section].model_fields if leaf not in held[section]]
        for table in held[section].keys() - plain.keys():
            lines += ["", f"[{section}.{table}]  # {whence.get((section, table), 'default')}"]
            lines += [tomli_w.dumps({key: value}).rstrip() for key, value in held[section][table].items()]
    if columns:
        lines += ["", f"[columns]  # {whence.get(('columns',), 'default')}", tomli_w.dumps(columns).rstrip()]
    return "\n".join(lines) + "\n"
