"""Tables of parts by name: what can be chosen, how a name is looked up, and how a part of your own is added.

    table["name"]               the part; an unknown name is an error that suggests the nearest and lists the known ones
    table.add("mine", part)     from then on it is chosen like any other, in Python and on the command line

A part that needs torch is written as "module:attribute" and imported when it is first looked up, so that the names can be listed,
as `--help` does, without waiting for torch.

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
    """Parts of one kind by name, in the order in which they were added. `what` is what a message calls one of them.

    `says` is the attribute in which each part says its own name, where it does: what is saved is that name, so it has to be the table's.
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
        """The known names, for a sentence.

        >>> Registry("shape", {"a": 1, "b": 2, "c": 3}).names
        'a, b or c'
        """
        *first, last = self._parts
        return f"{', '.join(first)} or {last}" if first else last

    def add(self, name: str, part: Part) -> Part:
        """Add a part of your own; answers the part. Raises UsageError for a name that is taken, no plain word, or not the part's own.

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
        """Take a part out again. Raises UsageError for an unknown one."""
        if name not in self:
            raise unknown(self.what, name, self._parts)
        del self._parts[name]


def lazily(package: str, names: Mapping[str, str]) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """`__getattr__` and `__dir__` of a package whose public names, each with the module that has it, are imported when first asked for.

    So are its modules: `import unstir` alone is enough for `unstir.diffusion.linear`, costs no torch, and a notebook completes both.
    """

    def modules() -> list[str]:
        return [found.name for found in iter_modules(sys.modules[package].__path__) if not found.name.startswith("_")]

    def get(name: str) -> Any:
        if name in names:
            value = getattr(import_module(f"{package}.{names[name]}"), name)
            setattr(sys.modules[package], name, value)  # the next time, it is there
            return value
        if not name.startswith("_") and name in modules():
            return import_module(f"{package}.{name}")
        raise AttributeError(f"module '{package}' has no attribute '{name}'")

    return get, lambda: sorted({*names, *modules(), *(name for name in vars(sys.modules[package]) if name.startswith("__"))})
