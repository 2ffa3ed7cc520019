"""Find one's way in an OpenAPI document as YAML and JSON give it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, TypeGuard

if TYPE_CHECKING:
    from collections.abc import Iterator

COMPONENTS = "#/components/schemas/"

_METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")


class Operation(NamedTuple):
    """An operation, the parameters of its path included."""

    name: str
    """Method and path, as in POST /rest/v1/delivery."""
    data: dict[str, Any]
    parameters: list[dict[str, Any]]


def is_object(value: Any) -> TypeGuard[dict[str, Any]]:
    """Whether `value` is an object; unlike isinstance, this tells type checkers what may be inside."""
    return isinstance(value, dict)


def is_list(value: Any) -> TypeGuard[list[Any]]:
    """Whether `value` is a list."""
    return isinstance(value, list)


def reference(value: Any) -> str | None:
    """Return where `value` refers to, None when it is no reference."""
    target = value.get("$ref") if is_object(value) else None
    return target if isinstance(target, str) else None


def component(value: Any) -> str | None:
    """Return the name of the schema that `value` refers to in a bundled document, None when it does not."""
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
        for method in _METHODS:
            if method in item:
                parameters = [*item.get("parameters", ()), *item[method].get("parameters", ())]
                yield Operation(f"{method.upper()} {path}", item[method], parameters)


def contents(holder: dict[str, Any] | None) -> dict[str, dict[str, Any]]:
    """Return the schemas of a request body or a response, by media type."""
    media: dict[str, dict[str, Any]] = (holder or {}).get("content", {})
    return {name: item.get("schema", {}) for name, item in media.items()}
