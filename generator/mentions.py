"""Find texts in the wrapper that are names which a new specification no longer has.

The wrapper reads and writes some JSON by its names. No import and no type checker notices when such a name is gone.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

from .shapes import DATA, is_schema, kind_of
from .tree import is_list, is_object, operations

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def mentions(old: dict[str, Any], new: dict[str, Any], root: Path) -> list[str]:
    """Return a line, with file and line number, for each text of the wrapper that is a name which is gone.

    Names are those of properties and parameters, and the values of enums. A name is gone if no part of `new` has it.
    The same text can mean something else in the wrapper, so a person must look at each line.

    Args:
        old: the specification that the wrapper was written for, flattened.
        new: the new specification, flattened.
        root: the project.
    """
    gone = {*_names(old)} - {*_names(new)}
    found: list[str] = []
    for path in sorted((root / "wrapper" / "target_delivery").rglob("*.py")) if gone else ():
        for node in ast.walk(ast.parse(path.read_bytes())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value in gone:
                found.append(f"{path.relative_to(root).as_posix()}:{node.lineno}: {node.value!r}")
    return found


def _names(document: dict[str, Any]) -> Iterator[str]:
    for operation in operations(document):
        yield from (str(parameter.get("name")) for parameter in operation.parameters)
    yield from _names_in(document, "document")


def _names_in(value: Any, kind: str) -> Iterator[str]:
    if kind == DATA:
        return
    if is_object(value):
        for key, inner in value.items():
            if is_schema(kind) and key == "properties" and is_object(inner):
                yield from inner
            elif is_schema(kind) and key == "enum" and is_list(inner):
                yield from (one for one in inner if isinstance(one, str))
            yield from _names_in(inner, kind_of(kind, key))
    elif is_list(value):
        for inner in value:
            yield from _names_in(inner, kind_of(kind, "0"))
