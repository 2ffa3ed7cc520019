"""Mark classes and functions that the API deprecates, so that type checkers, editors and warnings tell of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

__all__ = ["deprecated"]

if TYPE_CHECKING:
    # Type checkers bring this module along, so it is no dependency.
    from typing_extensions import deprecated
else:
    import functools
    import warnings
    from enum import Enum

    def deprecated(message):
        """Mark a class or a function as PEP 702 says.

        A call of it warns. Reading a model does not, because `from_dict` makes the object without a call of the
        class: a caller cannot help what the edge sends. The members of an enum exist already, so only its
        `__deprecated__` is set.
        """

        def warning(function):
            @functools.wraps(function)
            def warned(*arguments, **options):
                warnings.warn(message, DeprecationWarning, stacklevel=2)
                return function(*arguments, **options)

            return warned

        def mark(target):
            if isinstance(target, type):
                if not issubclass(target, Enum):
                    target.__init__ = warning(target.__init__)
            else:
                target = warning(target)
            target.__deprecated__ = message
            return target

        return mark
