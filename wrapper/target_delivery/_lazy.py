"""One loader for the packages whose names are imported when they are first used.

A package hides it from type checkers: to them, a module with ``__getattr__`` has every name, misspelt ones too.
::

    if TYPE_CHECKING:
        from target_delivery.client import TargetClient as TargetClient
    else:
        __getattr__, __dir__, __all__ = lazy(__name__, {"target_delivery.client": ("TargetClient",)})
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

__all__ = ["lazy"]


def lazy(
    package: str,
    modules: Mapping[str, Iterable[str]],
    *,
    eager: Iterable[str] = (),
    before: Callable[[], None] | None = None,
) -> tuple[Callable[[str], object], Callable[[], list[str]], list[str]]:
    """Return ``__getattr__``, ``__dir__`` and ``__all__`` of a package.

    Args:
        package: full name of the package.
        modules: for each module the names that the package takes from it.
        eager: public names that the package has already.
        before: called before the first name of a module is loaded; may raise.
    """
    homes = {name: module for module, names in modules.items() for name in names}
    public = sorted([*homes, *eager])

    def load(name: str) -> object:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        if before is not None:
            before()
        value: object = getattr(import_module(homes[name]), name)
        setattr(sys.modules[package], name, value)  # found without __getattr__ from now on
        return value

    return load, lambda: sorted({*vars(sys.modules[package]), *public}), public
