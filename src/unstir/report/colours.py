"""The colours of the page: a schedule, target or sampler has the colour and the dashes that it has in every figure (`plots.looks`).

    PALETTE[k]  of a figure    is the style c(k + 1) of the page: PALETTE[k] on a white screen, DARK[k] on a dark one       (1)

The second colour is a lighter one of about the same hue, since half of the palette cannot be seen on black. Classes take c1, c2, ... in
their order.

    >>> drawn_as("linear"), drawn_as("cosine")["colour"], drawn_as("nobody's")
    ({'colour': 'c1', 'dash': None}, 'c2', {'colour': 'mark', 'dash': [2, 3]})
"""

from typing import Any

from unstir.plots.curves import OTHER
from unstir.plots.looks import PALETTE, look_of

DARK = (
    *("#56b4e9", "#e69f00", "#1fbf92", "#f0743e", "#d992b9", "#f0e442"),
    *("#ffffff", "#e0609a", "#c4c45a", "#9c8ff2", "#7fe3d3", "#cf9450"),
)
DASHES = {"-": None, "--": [8, 4], ":": [2, 3], "-.": [8, 3, 2, 3]}  # in pixels


def drawn_as(name: str) -> dict[str, Any]:
    """How the part of that name is drawn: its `colour`, a style of the page, and the `dash` of its line; grey dots for another name."""
    look = look_of(name)
    if look is None:
        return {"colour": "mark", "dash": DASHES[OTHER.dashes]}
    return {"colour": style_of(look.colour), "dash": DASHES[look.dashes]}


def style_of(colour: str) -> str:
    """The style of the page that has this colour of the palette, by (1).

    >>> style_of("#009E73")
    'c3'
    """
    return f"c{PALETTE.index(colour) + 1}"


def styles() -> str:
    """Table (1) as CSS: the styles, for a white and for a dark screen, and a class of each name, in which --own is that style.

    >>> print(styles()[:28])
    :root { --c1: #0072b2; --c2:
    """
    light, dark = (" ".join(f"--c{i}: {hue.lower()};" for i, hue in enumerate(hues, 1)) for hues in (PALETTE, DARK))
    own = "\n".join(f".c{i} {{ --own: var(--c{i}); }}" for i in range(1, len(PALETTE) + 1))
    return f":root {{ {light} }}\n@media (prefers-color-scheme: dark) {{ :root {{ {dark} }} }}\n{own}\n"
