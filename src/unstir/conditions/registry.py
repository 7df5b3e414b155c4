"""The kinds of conditions by name. To add one, write a subclass of `unstir.conditions.base.Condition` in its own file, and add a row here.

classes    each row belongs to one of K classes, by name
"""

from typing import TYPE_CHECKING

from unstir.registry import Registry

if TYPE_CHECKING:
    from unstir.conditions.base import Condition

CONDITIONS: Registry[type["Condition"]] = Registry(
    "kind of condition", {"classes": "unstir.conditions.classes:Classes"}, default="classes", says="kind"
)
