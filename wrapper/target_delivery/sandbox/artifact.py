"""The rule artifact that the sandbox serves content from."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, cast

Rule = Mapping[str, Any]
"""One rule of an artifact: ``meta``, ``condition``, ``consequence`` and so on."""


@dataclass(frozen=True, slots=True)
class Artifact:
    """A rule artifact, with the parts the edge needs at hand."""

    document: Mapping[str, Any]
    """The artifact as it was given."""
    global_mbox: str
    response_tokens: frozenset[str]
    mboxes: Mapping[str, Sequence[Rule]]
    views: Mapping[str, Sequence[Rule]]

    @classmethod
    def load(cls, source: Mapping[str, Any] | Path) -> "Artifact":
        """Read an artifact from a mapping or a JSON file.

        Raises:
            OSError: the file cannot be read.
            ValueError: the file is not JSON, or is no rule artifact of version 1.
        """
        if isinstance(source, Mapping):
            return cls._from_document(source, "the artifact")
        try:
            document = json.loads(source.read_bytes())
        except ValueError as error:
            raise ValueError(f"{source} is no rule artifact: it is not JSON ({error})") from error
        return cls._from_document(document, str(source))

    @classmethod
    def _from_document(cls, document: object, origin: str) -> "Artifact":
        top = _mapping(document, origin)
        version = top.get("version")
        if not isinstance(version, str) or version.split(".")[0] != "1":
            raise ValueError(f"{origin} has version {version!r}; the sandbox reads artifacts of version 1.x.y")
        rules = _mapping(top.get("rules"), f"rules of {origin}")
        return cls(
            document=top,
            global_mbox=str(top.get("globalMbox", "target-global-mbox")),
            response_tokens=frozenset(top.get("responseTokens", ())),
            mboxes=_rules_by_name(rules.get("mboxes", {}), f"rules.mboxes of {origin}"),
            views=_rules_by_name(rules.get("views", {}), f"rules.views of {origin}"),
        )


def demo_artifact() -> dict[str, Any]:
    """Return a fresh copy of the artifact a sandbox serves when it is given none.

    It has the mboxes ``home``, ``product1``, ``checkout-flags`` (JSON) and ``target-global-mbox``, and the
    view ``basket``; each belongs to an activity of its own.
    """
    text = files("target_delivery.sandbox").joinpath("demo_artifact.json").read_text("utf-8")
    return cast("dict[str, Any]", json.loads(text))


def _mapping(value: object, where: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise ValueError(f"{where} must be a JSON object, not {type(value).__name__}")
    return cast("Mapping[str, Any]", value)


def _rules_by_name(value: object, where: str) -> Mapping[str, Sequence[Rule]]:
    """Check once what rendering relies on, so that a broken artifact fails at start and not in a request."""
    by_name = _mapping(value, where)
    for name, rules in by_name.items():
        if not isinstance(rules, list):
            raise ValueError(f"{where}[{name!r}] must be a list of rules, not {type(rules).__name__}")
        for position, rule in enumerate(cast("list[object]", rules)):
            place = f"{where}[{name!r}][{position}]"
            meta = _mapping(_mapping(rule, place).get("meta"), f"meta of {place}")
            if "activity.id" not in meta or "experience.id" not in meta:
                raise ValueError(f"meta of {place} must name activity.id and experience.id")
            _mapping(_mapping(rule, place).get("consequence"), f"consequence of {place}")
    return by_name
