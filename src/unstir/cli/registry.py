"""The table of commands: the name that is typed, and the function behind it, which is in the file of that name.

A command is added by a file and a row here. See the docstring of `unstir.cli` for what such a file holds.
"""

from collections.abc import Callable

from unstir.registry import Registry

COMMANDS: Registry[Callable[..., None]] = Registry(
    "command",
    {
        "demo": "unstir.cli.demo:demo",
        "inspect": "unstir.cli.inspect:inspect",
        "train": "unstir.cli.train:train",
        "resume": "unstir.cli.resume:resume",
        "sample": "unstir.cli.sample:sample",
        "inpaint": "unstir.cli.inpaint:inpaint",
        "impute": "unstir.cli.inpaint:inpaint",
        "interpolate": "unstir.cli.interpolate:interpolate",
        "evaluate": "unstir.cli.evaluate:evaluate",
        "information": "unstir.cli.information:information",
        "compress": "unstir.cli.compress:compress",
        "decompress": "unstir.cli.decompress:decompress",
        "compare": "unstir.cli.compare:compare",
        "report": "unstir.cli.report:report",
        "animate": "unstir.cli.animate:animate",
        "selfcheck": "unstir.cli.selfcheck:selfcheck",
        "doctor": "unstir.cli.doctor:doctor",
    },
)
