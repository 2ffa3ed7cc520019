"""Compare two specifications: what changed, where, and in which direction."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import evolve

from .differences import Change, printable, same, without_words
from .document import Document

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .differences import Object

__all__ = ["Change", "changes", "compare", "printable", "same", "without_words"]


def changes(published: tuple[Object, Object], overlaid: tuple[Object, Object]) -> list[Change]:
    """Return the changes from an old specification to a new one, sorted by place.

    Args:
        published: the old and the new specification as published, flattened.
        overlaid: the old and the new specification with the overlay applied, flattened. Callers of the SDK see
            these, so a change that only the published ones have is hidden from callers.

    """
    found = {(change.place, change.text): change for change in compare(*overlaid)}
    for change in compare(*published):
        text = f"{change.text} (hidden by the overlay)"
        if (change.place, change.text) not in found:
            found.setdefault((change.place, text), evolve(change, text=text, hidden=True))
    return sorted(found.values(), key=lambda change: (change.place, change.text))


def compare(old: Object, new: Object) -> Iterator[Change]:
    """Yield the differences between two bundled and flattened documents."""
    return Document(old, new).changes()
