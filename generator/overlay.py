"""Apply an OpenAPI Overlay 1.0 document to a specification."""

from __future__ import annotations

import json
import re
from copy import deepcopy
from pathlib import Path
from typing import Any

from attrs import frozen
from jsonschema import Draft202012Validator

from .errors import SpecificationError
from .tree import is_list, is_object

PROSE = frozenset({"description", "title", "summary", "example", "examples", "externalDocs"})
"""The keys of words in a specification. Nothing that is sent or received depends on them."""
_LONGEST = 300
"""The length that values in messages are cut to."""
SCHEMA = Path(__file__).with_name("overlay-1.0.schema.json")

# One segment of a target. The supported part of JSONPath (RFC 9535) is: members, elements, wildcards, and a filter
# that compares an element, or one member of it, with a string.
_TARGET = re.compile(
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


@frozen
class _Segment:
    """One segment of a target: a name or an index, a filter if it has a `value`, or else a wildcard."""

    key: str | int | None = None
    member: str | None = None
    """For a filter: the member of the element that is compared, or None if the element itself is."""
    value: str | None = None

    def chooses(self, node: Node) -> bool:
        """Whether the segment matches `node` among the places beside it."""
        if self.value is not None:
            item = node.value
            found = item if self.member is None else item.get(self.member) if is_object(item) else None
            return bool(found == self.value)
        # An index does not match a name in an object, and a name does not match an index.
        return self.key is None or node.key == self.key


def check_form(overlay: Any, name: str, *, strict: bool = True) -> None:
    """Raise SpecificationError, with every problem, unless `overlay` has the form of an Overlay 1.0 document.

    If `strict` is true, an action that updates must also say what it expects, so that it cannot silently override the
    published API.
    """
    validator: Any = Draft202012Validator(json.loads(SCHEMA.read_text(encoding="utf-8")))
    problems: list[str] = []
    for error in validator.iter_errors(overlay):
        place = "/".join(map(str, error.absolute_path)) or "its top"
        problems.append(f"{name} is not an OpenAPI Overlay 1.0 document: at {place}, {_cut(error.message)}.")
    if strict and not problems:
        for number, action in enumerate(overlay["actions"], start=1):
            unsaid = _unsaid(action)
            if unsaid:
                problems.append(f"{name}: overlay action {number} (target {action['target']}) {unsaid}.")
    if problems:
        raise SpecificationError(*problems)


def apply(
    overlay: dict[str, Any], document: dict[str, Any], *, purpose: str | None = None, strict: bool = True
) -> dict[str, Any]:
    """Return a copy of `document` with the overlay's actions applied in order.

    Args:
        overlay: an Overlay 1.0 document.
        document: a bundled specification. It need not be valid, because an action may correct it.
        purpose: apply only the actions with this x-purpose; None applies all actions.
        strict: whether an action is an error if its target is missing or differs from what the action expects. Overlay
            1.0 skips such an action, and so does strict=False. Generation is strict, so that a change of the published
            API cannot silently undo a change that the SDK relies on.

    Raises:
        SpecificationError: `strict` is true and actions no longer fit. The error has a sentence for each. An action
            that does not fit only because an earlier one was not carried out is left out.

    """
    result = deepcopy(document)
    # The document in which the actions that do not fit are carried out as well, as far as that is possible.
    forced = deepcopy(document)
    failed: list[dict[str, Any]] = []
    problems: list[str] = []
    for number, action in enumerate(overlay["actions"], start=1):
        if purpose is not None and action.get("x-purpose") != purpose:
            continue
        misfit = _misfit(action, result)
        if misfit is None:
            _carry_out(action, result)
        else:
            # What an action finds wrong is its own misfit if it finds the same after the failed actions.
            if misfit == _misfit(action, forced) and not any(_would_add(other, action["target"]) for other in failed):
                problems.append(
                    f"overlay action {number} (target {action['target']}) no longer fits: {misfit}; "
                    f"change or remove the action, whose reason was: {_reason(action)}"
                )
            failed.append(action)
        _carry_out(action, forced)
    if problems and strict:
        raise SpecificationError(*problems)
    return result


def select(document: Any, target: str) -> list[Node]:
    """Return the places in `document` that the JSONPath `target` matches.

    Raises:
        SpecificationError: `target` is not in the supported part of JSONPath.

    """
    return _select(document, _segments(target))


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


def _unsaid(action: dict[str, Any]) -> str | None:
    """Return what an action fails to say about the published document, or None."""
    if "update" not in action or action.get("remove") or "x-expects" in action:
        return None
    update, absent = action["update"], action.get("x-expects-absent", [])
    missing = [name for name in update if name not in absent] if is_object(update) else [update]
    if not missing or update in absent:
        return None
    named = ", ".join(_short(name) for name in missing)
    return (
        f"does not say what it expects: list what it adds ({named}) in x-expects-absent, or give the published value "
        "at the target as x-expects"
    )


def _misfit(action: dict[str, Any], document: dict[str, Any]) -> str | None:
    """Return why an action does not fit a document, or None if it fits."""
    try:
        nodes = select(document, action["target"])
    except SpecificationError as error:
        return str(error)
    if not nodes:
        return f"{_expectation(action)}, but the specification has nothing at the target"
    for node in nodes:
        found = without_prose(node.value)
        if "x-expects" in action and _comparable(found) != _comparable(action["x-expects"]):
            return f"{_expectation(action)}, but the specification has {_short(found)}"
        for absent in action.get("x-expects-absent", ()):
            value = _present(node.value, absent)
            if value:
                return f"it was written for a target without {_short(absent)}{_added(action, absent)}, but {value}"
        if not action.get("remove") and "update" in action and not _can_update(node.value, action["update"]):
            return (
                f"an update needs an object or a list at the target, and an object for an object, "
                f"but the specification has {_short(found)}"
            )
    return None


def _expectation(action: dict[str, Any]) -> str:
    if "x-expects" in action:
        return f"it was written for {_short(action['x-expects'])}"
    return "it was written for a target that is there"


def _present(value: Any, absent: Any) -> str | None:
    """Return what `value` has under the name `absent`, or as an item equal to `absent`; None if there is nothing."""
    if is_object(value) and isinstance(absent, str) and absent in value:
        return f"the specification has {_short({absent: without_prose(value[absent])})}"
    if is_list(value) and any(_comparable(without_prose(item)) == _comparable(absent) for item in value):
        return f"the specification has {_short(without_prose(value))}"
    return None


def _added(action: dict[str, Any], name: Any) -> str:
    """Return what an action adds under `name`, for a message."""
    update = action.get("update")
    return (
        f" and adds {_short({name: update[name]})}"
        if is_object(update) and isinstance(name, str) and name in update
        else ""
    )


def _can_update(current: Any, update: Any) -> bool:
    return is_list(current) or (is_object(current) and is_object(update))


def _carry_out(action: dict[str, Any], document: dict[str, Any]) -> None:
    """Do what an action says wherever that is possible."""
    try:
        nodes = select(document, action["target"])
    except SpecificationError:
        return
    # In reverse, because removing an element moves the elements behind it.
    for node in reversed(nodes):
        if action.get("remove"):
            del node.parent[node.key]
        elif "update" in action:
            _update(node.value, action["update"])


def _would_add(action: dict[str, Any], target: str) -> bool:
    """Whether the place `target` is inside what an action adds."""
    try:
        outer, inner = _segments(action["target"]), _segments(target)
    except SpecificationError:
        return False
    rest = inner[len(outer) :]
    return bool(rest) and inner[: len(outer)] == outer and bool(_select(action.get("update"), rest))


def _reason(action: dict[str, Any]) -> str:
    return " ".join(str(action.get("description", "not given.")).split())


def _short(value: Any) -> str:
    return _cut(json.dumps(value, default=str))


def _cut(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _comparable(value: Any) -> Any:
    """Return `value` in a form that is equal for values of the same meaning.

    The order of a list of strings (required, enum) has no meaning. Neither has an allOf around one schema, which
    OpenAPI 3.0 needs to give a reference a description.
    """
    if is_object(value):
        parts = value.get("allOf")
        if len(value) == 1 and is_list(parts) and len(parts) == 1:
            return _comparable(parts[0])
        return {key: _comparable(item) for key, item in value.items()}
    if is_list(value):
        return sorted(value) if all(isinstance(item, str) for item in value) else [*map(_comparable, value)]
    return ("boolean", value) if isinstance(value, bool) else value  # in Python, True == 1


def _update(current: Any, value: Any) -> None:
    if is_list(current):
        current.append(deepcopy(value))
    elif is_object(current) and is_object(value):
        _merge(current, value)


def _merge(target: dict[str, Any], update: dict[str, Any]) -> None:
    for key, value in update.items():
        current = target.get(key)
        if is_object(current) and is_object(value):
            _merge(current, value)
        elif is_list(current) and is_list(value):
            current.extend(deepcopy(value))
        else:
            target[key] = deepcopy(value)


def _segments(target: str) -> list[_Segment]:
    """Return the segments of `target`."""
    if not target.startswith("$"):
        raise SpecificationError("a target must start with $")
    segments: list[_Segment] = []
    position = 1
    while position < len(target):
        match = _TARGET.match(target, position)
        if match is None:
            raise SpecificationError(
                f"the target cannot be read at {_cut(target[position:])!r} (use only .name, ['name'], [0], [*], "
                "[?@ == 'text'] and [?@.name == 'text'])"
            )
        quoted = match["value"]
        if quoted is not None:
            segments.append(_Segment(member=match["member"], value=quoted[1:-1]))
        elif match["any"]:
            segments.append(_Segment())
        elif match["index"] is not None:
            segments.append(_Segment(key=int(match["index"])))
        else:
            segments.append(_Segment(key=match["name"] or match["quoted"][1:-1]))
        position = match.end()
    return segments


def _select(document: Any, segments: list[_Segment]) -> list[Node]:
    nodes = [Node({"$": document}, "$")]
    for segment in segments:
        nodes = [found for node in nodes for found in _children(node.value) if segment.chooses(found)]
    return nodes


def _children(value: Any) -> list[Node]:
    if is_object(value):
        return [Node(value, key) for key in value]
    return [Node(value, index) for index in range(len(value))] if is_list(value) else []
