"""Campaign macros: ``${campaign.name}`` in content becomes the name of the activity.

The rules are in docs/on-device.md#campaign-macros.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from target_delivery.decisioning._json import as_object
from target_delivery.decisioning.jsonlogic.javascript import Budget, to_string

if TYPE_CHECKING:
    from collections.abc import Callable

    from target_delivery.decisioning._json import JsonObject, JsonValue

__all__ = ["compile_macros"]

_MACRO = re.compile(r"\$\{([^${}\s]{1,250})\}")
_RENAMED = {"campaign": "activity", "recipe": "experience"}


def compile_macros(text: str, meta: JsonObject) -> str | Callable[[JsonObject], str]:
    """Fill in the macros that the rule's ``meta`` has values for, and prepare to fill in the others for a request.

    Args:
        text: the content.
        meta: ``meta`` of the rule.

    Returns:
        The content; or, when it has more macros, a function that makes the content for an item of a request.
    """
    pieces: list[str | tuple[str, str]] = []
    end = 0
    for match in _MACRO.finditer(text):
        key = _key_of(match[1])
        value = _text_of(meta.get(key))
        pieces += [text[end : match.start()], (match[0], key) if value is None else value]
        end = match.end()
    pieces.append(text[end:])
    if all(isinstance(piece, str) for piece in pieces):
        return "".join(piece for piece in pieces if isinstance(piece, str))

    def fill_in(item: JsonObject) -> str:
        return "".join(piece if isinstance(piece, str) else _value_of(*piece, item) for piece in pieces)

    return fill_in


def _key_of(name: str) -> str:
    parts = [_RENAMED.get(part, part) for part in name.split(".")][-2:]
    return ".".join(part for part in parts if part != "mbox")


def _value_of(macro: str, key: str, item: JsonObject) -> str:
    value = _text_of(item.get(key))
    if value is None:
        value = _text_of(as_object(item.get("parameters")).get(key))
    return macro if value is None else value


def _text_of(value: JsonValue) -> str | None:
    """Return a value as text; None for null, an object or an array, which a macro cannot show."""
    if value is None or isinstance(value, (dict, list)):
        return None
    return to_string(value, Budget(0))
