"""The kinds of conditions by name. To add one, write a subclass of `unstir.conditions.base.Condition` in its own file, and add a row here.

classes    each row belongs to one of K classes, by name
columns    each row has m values of mixed type: numbers, categories, times; any of them can be left out
grid       each row has an array beside it, such as a picture or a sequence
together   columns and arrays in one model
"""

from typing import TYPE_CHECKING

from unstir.registry import Registry

if TYPE_CHECKING:
    from unstir.conditions.base import Condition

CONDITIONS: Registry[type["Condition"]] = Registry(
    "kind of condition",
    {
        "classes": "unstir.conditions.classes:Classes",
        "columns": "unstir.conditions.columns:Columns",
        "grid": "unstir.conditions.grid:Grid",
        "together": "unstir.conditions.together:Together",
    },
    default="classes",
    says="kind",
)
