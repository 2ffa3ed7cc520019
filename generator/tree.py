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
    """The parameters of the path that the operation does not replace, then those of the operation."""


def is_object(value: Any) -> TypeGuard[dict[str, Any]]:
    """Whether `value` is a JSON object. Unlike isinstance, this tells type checkers the types of its items."""
    return isinstance(value, dict)


def is_list(value: Any) -> TypeGuard[list[Any]]:
    """Whether `value` is a list. Unlike isinstance, this tells type checkers the type of its items."""
    return isinstance(value, list)


def objects(value: Any) -> dict[str, dict[str, Any]]:
    """Return the members of the object `value` that are objects, or no members for any other value."""
    return {str(key): item for key, item in value.items() if is_object(item)} if is_object(value) else {}


def reference(value: Any) -> str | None:
    """Return the target of the reference `value`, or None if `value` is not a reference."""
    target = value.get("$ref") if is_object(value) else None
    return target if isinstance(target, str) else None


def component(value: Any) -> str | None:
    """Return the name of the schema that `value` refers to in a bundled document, or None for any other value."""
    target = reference(value)
    return None if target is None else target.removeprefix(COMPONENTS)


def schemas(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the named schemas of a bundled document. In a flattened one, they can be replaced in the result."""
    holder = document.get("components")
    found = holder.get("schemas") if is_object(holder) else None
    if not is_object(found):
        return {}
    return found if all(map(is_object, found.values())) else objects(found)


def operations(document: dict[str, Any]) -> Iterator[Operation]:
    """Yield the operations of a bundled document."""
    for path, item in objects(document.get("paths")).items():
        for method in METHODS:
            data = item.get(method)
            if is_object(data):
                yield Operation(f"{method.upper()} {path}", data, parameters(item, data))


def parameters(path: dict[str, Any], operation: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the parameters of a path that its operation does not replace, then those of the operation."""
    own = _parameters(operation)
    replaced = [(one.get("in"), one.get("name")) for one in own]
    return [*(one for one in _parameters(path) if (one.get("in"), one.get("name")) not in replaced), *own]


def contents(holder: Any) -> dict[str, dict[str, Any]]:
    """Return the schemas of a request body, a response or a parameter, by media type."""
    media = objects(holder.get("content")) if is_object(holder) else {}
    return {name: _schema(item) for name, item in media.items()}


def parameter_schema(parameter: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a parameter, which is in `schema`, or in `content` for a value in a media type."""
    return next(iter(contents(parameter).values()), _schema(parameter))


def _schema(holder: dict[str, Any]) -> dict[str, Any]:
    schema = holder.get("schema")
    return schema if is_object(schema) else {}


def _parameters(holder: dict[str, Any]) -> list[dict[str, Any]]:
    listed = holder.get("parameters")
    return [item for item in listed if is_object(item)] if is_list(listed) else []
