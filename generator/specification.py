"""From a published specification to the documents that code, checks and reports are made of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import frozen

from . import bundle, descriptions, documents, overlay
from .normalize import flatten
from .tree import COMPONENTS, is_list, is_object, schemas
from .validation import check_api, validate
from .wire import wire_schema

if TYPE_CHECKING:
    from collections.abc import Container
    from pathlib import Path

SPECIFICATION = "delivery.yaml"
OVERLAY = "overlay.yaml"
DESCRIPTIONS = "descriptions.yaml"


@frozen
class Specification:
    """A specification in the forms that lead to code."""

    bundled: dict[str, Any]
    """The published specification as one document."""
    published: dict[str, Any]
    """The published specification, flattened."""
    overlaid: dict[str, Any]
    """The specification with the whole overlay applied, flattened."""
    described: dict[str, Any]
    """`overlaid` with our descriptions. The code is generated from it."""
    wire: dict[str, Any]
    """The JSON Schema of the requests that the edge accepts."""
    undescribed: tuple[str, ...]
    """Places that have no description of ours."""
    unused: tuple[str, ...]
    """Places that our descriptions name and the specification does not have."""


def load(source: str, folder: Path, *, like: dict[str, Any] | None = None) -> Specification:
    """Read the specification at `source` and apply our overlay and descriptions to it.

    Args:
        source: path or URL of the root document.
        folder: the directory with the overlay and the descriptions.
        like: a bundled specification. `source` must be of the same API.

    Raises:
        SpecificationError: one of the documents cannot be used, or the overlay does not fit the specification.
    """
    changes = documents.read(folder / OVERLAY)
    laid = f"{folder.name}/{OVERLAY}"
    overlay.check_form(changes, laid)
    name = documents.shown(source)
    words = descriptions.read(folder / DESCRIPTIONS)
    bundled = bundle.bundle(source)
    if like is not None:
        check_api(bundled, like, name)
    # The corrections first, because the published document may be invalid without them.
    overlaid = overlay.apply(changes, bundled)
    corrected = overlay.apply(changes, bundled, purpose="correction")
    validate(corrected, name)
    validate(overlaid, f"{name} with {laid} over it")
    return _specification(bundled, corrected, overlaid, words)


def load_former(folder: Path) -> Specification:
    """Read the specification that `folder` has, with its overlay and descriptions, to compare a newer one with it.

    The overlay may already fit the newer specification and no longer this one, so actions that do not fit, or that
    refer to schemas which are not there, are left out, and nothing is validated.

    Raises:
        SpecificationError: one of the documents cannot be read.
    """
    changes = documents.read(folder / OVERLAY)
    overlay.check_form(changes, f"{folder.name}/{OVERLAY}", strict=False)
    has_words = (folder / DESCRIPTIONS).exists()
    words = descriptions.read(folder / DESCRIPTIONS) if has_words else descriptions.Descriptions({})
    bundled = bundle.bundle(str(folder / SPECIFICATION))
    known = schemas(overlay.apply(changes, bundled, strict=False)).keys()
    changes["actions"] = [action for action in changes["actions"] if not _leads_nowhere(action.get("update"), known)]
    overlaid = overlay.apply(changes, bundled, strict=False)
    corrected = overlay.apply(changes, bundled, purpose="correction", strict=False)
    return _specification(bundled, corrected, overlaid, words)


def _leads_nowhere(value: Any, known: Container[str]) -> bool:
    """Whether something in `value` refers to a schema that is not `known`."""
    if is_object(value) or is_list(value):
        return any(_leads_nowhere(item, known) for item in (value.values() if is_object(value) else value))
    return isinstance(value, str) and value.startswith(COMPONENTS) and value.removeprefix(COMPONENTS) not in known


def _specification(
    bundled: dict[str, Any], corrected: dict[str, Any], overlaid: dict[str, Any], words: descriptions.Descriptions
) -> Specification:
    return Specification(
        bundled,
        flatten(bundled),
        flatten(overlaid),
        # Before the parts of allOf are merged, because a field is described once, where it is defined.
        flatten(descriptions.apply(words, overlaid)),
        wire_schema(flatten(corrected)),
        tuple(descriptions.undescribed(words, overlaid)),
        tuple(descriptions.unused(words, overlaid)),
    )
