"""Give the parts of a specification their Python names."""

from __future__ import annotations

import keyword
from typing import TYPE_CHECKING
from unicodedata import normalize

from openapi_python_client.strings import ClassName, PythonIdentifier, snake_case

if TYPE_CHECKING:
    from collections.abc import Collection

CLASSES = frozenset(
    {
        *("Answer", "Any", "ClassVar", "JsonValue", "Mapping", "Members", "Model", "ModelError", "Never"),
        *("OpenStrEnum", "Request", "Self", "Sequence", "Unfit", "MEMBERS", "NEW_DICT", "TYPE_CHECKING"),
    }
)
"""Names that the generated modules use. No class and no constant may have one of them."""

MODULES = frozenset({"import_module"})
"""Names that `models/__init__.py` uses. A module of this name would replace them when it is imported."""

ATTRIBUTES = frozenset(
    {
        *keyword.kwlist,
        *("additional_properties", "from_dict", "to_dict"),
        *("bool", "classmethod", "datetime", "dict", "field", "float", "int", "list", "str"),
        "self",
    }
)
"""Names that mean something else inside the class of a model: keywords, the public members of Model, the functions and
types that the class body names, and `self`, which is a parameter of __init__. Every other name stays as it is, also
`type`, `id` and `property`, because the documented calls use them."""

PARAMETERS = frozenset(
    {
        *keyword.kwlist,
        *("base_url", "body", "headers", "own_headers", "query", "item", "path", "request"),
        *("bool", "bytes", "datetime", "dict", "float", "int", "list", "str"),
        *(
            "asyncio",
            "build_request",
            "deprecated",
            "header_text",
            "new_request",
            "parse",
            "quote",
            "segment",
            "sync",
            "text",
            "with_headers",
            "write_json",
        ),
    }
)
"""Names that mean something else inside a function that builds a request."""


def free(name: str, taken: Collection[str]) -> str:
    """Return `name`, with underscores added until it is not in `taken`."""
    while name in taken:
        name += "_"
    return name


def class_name(text: str) -> str:
    """Return the name of the class for the schema `text`."""
    return normalize("NFKC", ClassName(_words(text), "Schema"))


def module_name(text: str, fallback: str) -> str:
    """Return the name of the module or package for the class, operation or tag `text`."""
    plain = snake_case(_words(text))
    return normalize("NFKC", PythonIdentifier(plain if plain.isidentifier() else f"{fallback} {plain}", ""))


def attribute(name: str, taken: Collection[str] = ATTRIBUTES) -> str:
    """Return the name of the attribute for the property or parameter `name`."""
    plain = normalize("NFKC", snake_case(_words(name)))
    return free(plain if plain.isidentifier() else f"field_{plain}", taken)


def members(values: list[str]) -> dict[str, str]:
    """Return the names of the members of an enum, with their values."""
    found: dict[str, str] = {}
    for index, value in enumerate(dict.fromkeys(values)):
        name = normalize("NFKC", snake_case(_words(value).upper()).upper())
        if not value[:1].isalpha() or not name.isidentifier():
            name = f"VALUE_{name or index}"
        found[free(name, found)] = value
    return found


def _words(text: str) -> str:
    """Return `text` as Python normalizes names, with spaces for the characters that a name cannot have."""
    return "".join(
        character if character.isidentifier() or character.isdecimal() else " " for character in normalize("NFKC", text)
    )
