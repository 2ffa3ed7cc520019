"""Look up the parts of an OpenAPI document that is held as plain dicts and lists."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeGuard

from attrs import frozen

if TYPE_CHECKING:
    from collections.abc import Iterator

COMPONENTS = "#/components/schemas/"

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")


@frozen
class Operation:
    """One operation of the API."""

    name: str
    """Method and path, such as POST /rest/v1/delivery."""
    data: dict[str, Any]
    """The operation object of the document."""
    parameters: list[dict[str, Any]]
    """The parameters of the path, then those of the operation."""


def is_object(value: Any) -> TypeGuard[dict[str, Any]]:
    """Whether `value` is a JSON object. Unlike isinstance, this tells type checkers the types of its items."""
    return isinstance(value, dict)


def is_list(value: Any) -> TypeGuard[list[Any]]:
    """Whether `value` is a list. Unlike isinstance, this tells type checkers the type of its items."""
    return isinstance(value, list)


def reference(value: Any) -> str | None:
    """Return the target of the reference `value`, or None if `value` is not a reference."""
    target = value.get("$ref") if is_object(value) else None
    return target if isinstance(target, str) else None


def component(value: Any) -> str | None:
    """Return the name of the schema that `value` refers to in a bundled document, or None for any other value."""
    target = reference(value)
    return None if target is None else target.removeprefix(COMPONENTS)


def schemas(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the named schemas of a bundled document."""
    found: dict[str, dict[str, Any]] = document.get("components", {}).get("schemas", {})
    return found


def operations(document: dict[str, Any]) -> Iterator[Operation]:
    """Yield the operations of a bundled document."""
    items: dict[str, dict[str, Any]] = document.get("paths", {})
    for path, item in items.items():
        for method in METHODS:
            if method in item:
                parameters = [*item.get("parameters", ()), *item[method].get("parameters", ())]
                yield Operation(f"{method.upper()} {path}", item[method], parameters)


def contents(holder: dict[str, Any] | None) -> dict[str, dict[str, Any]]:
    """Return the schemas of a request body or response, by media type."""
    media: dict[str, dict[str, Any]] = (holder or {}).get("content", {})
    return {name: item.get("schema", {}) for name, item in media.items()}
