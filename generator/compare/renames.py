"""Suggest which of the names that go may have become which of the names that come."""

from __future__ import annotations

from difflib import SequenceMatcher
from typing import TYPE_CHECKING, Any

from ..tree import component
from .differences import as_json, same, without_words
from .forms import unwrapped

if TYPE_CHECKING:
    from collections.abc import Mapping

# Two names are alike if SequenceMatcher gives them at least this ratio.
_ALIKE = 0.6


def renames(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, str]:
    """Return which of the names that go may have become which of the names that come.

    Two names belong together if their definitions have the same kind and the names are alike, or if the definitions
    are identical and either say more than a type or are the only ones that go and come.
    """
    goes, comes = sorted(old.keys() - new.keys()), sorted(new.keys() - old.keys())
    alone = len(goes) == len(comes) == 1
    pairs: list[tuple[float, str, str]] = []
    for was in goes:
        for now in comes:
            before, after = without_words(old[was]), without_words(new[now])
            ratio = SequenceMatcher(None, _folded(was), _folded(now)).ratio()
            identical = same(before, after) and bool(before) and (alone or len(as_json(before)) > 60)
            alike = ratio >= _ALIKE and _outline(before) == _outline(after)
            if identical or alike:
                pairs.append((ratio + identical, was, now))
    found: dict[str, str] = {}
    for _, was, now in sorted(pairs, reverse=True):
        if was not in found and now not in found.values():
            found[was] = now
    return found


def _folded(name: str) -> str:
    return "".join(char for char in name.casefold() if char.isalnum())


def _outline(value: Any) -> Any:
    """Return of which kind a definition is: its type, its reference, or that it is a parameter."""
    schema = unwrapped(value)
    return schema.get("type"), component(schema), schema.get("in"), "enum" in schema
