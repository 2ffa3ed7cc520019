"""Apply an OpenAPI Overlay 1.0 document to a specification."""

from __future__ import annotations

import json
import re
from copy import deepcopy
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import frozen
from jsonschema import Draft202012Validator

from .errors import SpecificationError
from .tree import is_list, is_object

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PROSE = frozenset({"description", "title", "summary", "example", "examples"})
SCHEMA = Path(__file__).with_name("overlay-1.0.schema.json")

# One segment of a target. The supported part of JSONPath (RFC 9535) is: members, elements, wildcards, and a filter
# that compares an element, or one member of it, with a string.
_SEGMENT = re.compile(
    r"""\.(?P<name>[A-Za-z_$][\w$-]*)
    |\[(?P<quoted>'[^']*'|"[^"]*")\]
    |\[(?P<index>\d+)\]
    |(?P<any>\.\*|\[\*\])
    |\[\?\s*@(?:\.(?P<member>[A-Za-z_][\w-]*))?\s*==\s*(?P<value>'[^']*'|"[^"]*")\s*\]""",
    re.VERBOSE,
)


@frozen
class Node:
    """A place in a document."""

    parent: Any
    """The object or list that holds the place."""
    key: Any
    """The name or index of the place in `parent`."""

    @property
    def value(self) -> Any:
        """The value at the place."""
        return self.parent[self.key]


def check_form(overlay: Any, name: str) -> None:
    """Raise SpecificationError unless `overlay` has the form of an Overlay 1.0 document."""
    validator: Any = Draft202012Validator(json.loads(SCHEMA.read_text(encoding="utf-8")))
    for error in validator.iter_errors(overlay):
        place = "/".join(map(str, error.absolute_path)) or "its top"
        raise SpecificationError(f"{name} is not an OpenAPI Overlay 1.0 document: at {place}, {error.message}")


def apply(
    overlay: dict[str, Any], document: dict[str, Any], *, purpose: str | None = None, strict: bool = True
) -> dict[str, Any]:
    """Return a copy of `document` with the overlay's actions applied in order.

    Args:
        overlay: an Overlay 1.0 document.
        document: a bundled specification.
        purpose: apply only the actions with this x-purpose; None applies all actions.
        strict: whether an action is an error if its target is missing or differs from its x-expects. Overlay 1.0
            skips such an action, and so does strict=False. Generation is strict, so that a change of the published
            API cannot silently undo a change that the SDK relies on.

    Raises:
        SpecificationError: `strict` is true and an action no longer fits.

    """
    result = deepcopy(document)
    for number, action in enumerate(overlay["actions"], start=1):
        if purpose is not None and action.get("x-purpose") != purpose:
            continue
        where = f"overlay action {number} (target {action['target']})"
        try:
            _act(action, result, where)
        except SpecificationError:
            if strict:
                raise
    return result


def _act(action: dict[str, Any], document: dict[str, Any], where: str) -> None:
    nodes = select(document, action["target"], where)
    if not nodes:
        raise SpecificationError(
            f"{where} no longer fits: the specification has nothing at the target. "
            f"The action's reason was: {_line(action)} Change or remove the action in the overlay."
        )
    _check_expected(action, nodes, where)
    # In reverse, because removing an element moves the elements behind it.
    for node in reversed(nodes):
        if action.get("remove"):
            del node.parent[node.key]
        elif "update" in action:
            _update(node, action["update"], where)


def select(document: Any, target: str, where: str) -> list[Node]:
    """Return the places in `document` that the JSONPath `target` matches. `where` begins error messages."""
    nodes = [Node({"$": document}, "$")]
    for step in _steps(target, where):
        nodes = [found for node in nodes for found in step(node.value)]
    return nodes


def without_prose(value: Any) -> Any:
    """Return `value` without descriptions, examples and extensions, for comparisons."""
    if is_object(value):
        # The keys under properties are names of properties, even a key such as "description".
        return {
            key: {name: without_prose(item) for name, item in inner.items()}
            if key == "properties" and is_object(inner)
            else without_prose(inner)
            for key, inner in value.items()
            if key not in PROSE and not str(key).startswith("x-")
        }
    return [without_prose(item) for item in value] if is_list(value) else value


def _line(action: dict[str, Any]) -> str:
    return " ".join(action.get("description", "not given.").split())


def _check_expected(action: dict[str, Any], nodes: list[Node], where: str) -> None:
    if "x-expects" not in action:
        return
    for node in nodes:
        found = without_prose(node.value)
        if _comparable(found) != _comparable(action["x-expects"]):
            raise SpecificationError(
                f"{where} no longer fits: it was written for {json.dumps(action['x-expects'])}, "
                f"but the specification has {json.dumps(found)}. The action's reason was: {_line(action)} "
                "Check whether the reason still holds, then change or remove the action in the overlay."
            )


def _comparable(value: Any) -> Any:
    """Return `value` with its lists of strings (required, enum) sorted, because their order has no meaning."""
    if is_object(value):
        return {key: _comparable(item) for key, item in value.items()}
    if is_list(value):
        return sorted(value) if all(isinstance(item, str) for item in value) else [*map(_comparable, value)]
    return value


def _update(node: Node, value: Any, where: str) -> None:
    current = node.value
    if is_list(current):
        current.append(deepcopy(value))
    elif is_object(current) and is_object(value):
        _merge(current, value)
    else:
        raise SpecificationError(
            f"{where} no longer fits: an update needs an object or a list at the target. Change the action."
        )


def _merge(target: dict[str, Any], update: dict[str, Any]) -> None:
    for key, value in update.items():
        current = target.get(key)
        if is_object(current) and is_object(value):
            _merge(current, value)
        elif is_list(current) and is_list(value):
            current.extend(deepcopy(value))
        else:
            target[key] = deepcopy(value)


def _steps(target: str, where: str) -> Iterator[Callable[[Any], list[Node]]]:
    """Yield a function for each segment of `target`."""
    if not target.startswith("$"):
        raise SpecificationError(f"{where}: a target must start with $.")
    position = 1
    while position < len(target):
        match = _SEGMENT.match(target, position)
        if match is None:
            raise SpecificationError(
                f"{where}: cannot read {target[position:]!r}. Use only .name, ['name'], [0], [*], "
                "[?@ == 'text'] and [?@.name == 'text']."
            )
        yield _step(match.groupdict())
        position = match.end()


def _step(parts: dict[str, str | None]) -> Callable[[Any], list[Node]]:
    """Return the function that finds the places one segment of a target matches inside a value."""
    if parts["value"] is not None:
        wanted, member = parts["value"][1:-1], parts["member"]

        def chosen(item: Any) -> bool:
            return (item.get(member) if member and is_object(item) else None if member else item) == wanted

        return lambda value: [node for node in _children(value) if chosen(node.value)]
    if parts["any"]:
        return _children
    if parts["index"] is not None:
        index = int(parts["index"])
        return lambda value: [Node(value, index)] if is_list(value) and index < len(value) else []
    name = parts["name"] or (parts["quoted"] or "")[1:-1]
    return lambda value: [Node(value, name)] if is_object(value) and name in value else []


def _children(value: Any) -> list[Node]:
    if is_object(value):
        return [Node(value, key) for key in value]
    return [Node(value, index) for index in range(len(value))] if is_list(value) else []
