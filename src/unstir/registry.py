"""Tables of parts by name, such as the schedules or the encoders: look a part up, list the names, add a part of your own.

    table["name"]               the part; an unknown name is an error that suggests the nearest one and lists all
    table.add("mine", part)     from then on the part can be chosen like any other

A part that needs torch is written as "module:attribute" and imported when it is first looked up. So `--help` can list the names without
waiting for torch.

    >>> table = Registry("shape", {"pi": "math:pi", "circle": "a round one"}, default="circle")
    >>> table["pi"], table["circle"], list(table), table.default
    (3.14159..., 'a round one', ['pi', 'circle'], 'circle')
    >>> table["circel"]
    Traceback (most recent call last):
    ...
    unstir.errors.UsageError: unknown shape 'circel': did you mean 'circle'? Known: circle, pi.
"""

import sys
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from pkgutil import iter_modules
from typing import Any, Generic, TypeVar

from unstir.errors import UsageError, unknown

Part = TypeVar("Part")


class Registry(Mapping[str, Part], Generic[Part]):
    """Parts of one kind by name, in the order in which they were added. Messages call a part a `what`, as in "unknown schedule".


    `says` is the attribute that holds a part's own name, if parts have one. Files save that name, so it has to be the one in the table.
    """

    def __init__(self, what: str, parts: Mapping[str, Part | str], default: str = "", says: str = ""):
        self.what, self.default, self.says, self._parts = what, default, says, dict(parts)

    def __getitem__(self, name: str) -> Part:
        """The part of that name. Raises UsageError for an unknown one."""
        if name not in self:
            raise unknown(self.what, name, self._parts)
        part: Any = self._parts[name]
        if isinstance(part, str) and ":" in part:
            module, _, attribute = part.partition(":")
            part = self._parts[name] = getattr(import_module(module), attribute)
        return part

    def __contains__(self, name: object) -> bool:
        return name in self._parts

    def __iter__(self) -> Iterator[str]:
        return iter(self._parts)

    def __len__(self) -> int:
        return len(self._parts)

    def __repr__(self) -> str:
        return f"{self.what}: {self.names}"

    @property
    def names(self) -> str:
        """The known names, as a list in a sentence.

        >>> Registry("shape", {"a": 1, "b": 2, "c": 3}).names
        'a, b or c'
        """
        *first, last = self._parts
        return f"{', '.join(first)} or {last}" if first else last

    def add(self, name: str, part: Part) -> Part:
        """Add a part of your own, and return it. Raises UsageError for a name that is taken, is not an identifier, or is not the part's own.

        >>> Registry("shape", {"pi": 3.14}).add("pi", 3)
        Traceback (most recent call last):
        ...
        unstir.errors.UsageError: there is a shape called 'pi' already. Choose another name.
        """
        if name in self:
            raise UsageError(f"there is a {self.what} called '{name}' already. Choose another name.")
        if not name.isidentifier():
            raise UsageError(f"'{name}' cannot be the name of a {self.what}: use letters, digits and _.")
        if self.says and getattr(part, self.says, name) != name:
            raise UsageError(
                f"this {self.what} says that its {self.says} is '{getattr(part, self.says)}'. Add it as that, not as '{name}'."
            )
        self._parts[name] = part
        return part

    def remove(self, name: str) -> None:
        """Remove a part. Raises UsageError for an unknown name."""
        if name not in self:
            raise unknown(self.what, name, self._parts)
        del self._parts[name]


def lazily(package: str, names: Mapping[str, str]) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """`__getattr__` and `__dir__` for a package that imports its public names on first use. `names` maps each to the module that has it.

    The modules of the package are imported on first use, too. So after `import unstir`, which does not import torch, one can write
    `unstir.diffusion.linear`, and a notebook completes both names.
    """

    def modules() -> list[str]:
        return [found.name for found in iter_modules(sys.modules[package].__path__) if not found.name.startswith("_")]

    def get(name: str) -> Any:
        if name in names:
            value = getattr(import_module(f"{package}.{names[name]}"), name)
            setattr(sys.modules[package], name, value)  # from now on it is an ordinary attribute
            return value
        if not name.startswith("_") and name in modules():
            return import_module(f"{package}.{name}")
        raise AttributeError(f"module '{package}' has no attribute '{name}'")

    return get, lambda: sorted({*names, *modules(), *(name for name in vars(sys.modules[package]) if name.startswith("__"))})
