"""Report the changes between two specifications, and which of them break callers."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Literal

from attrs import field, frozen
from openapi_python_client.strings import snake_case

from .compare import Change, printable
from .rules import WORST_FIRST, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Format = Literal["text", "markdown", "json"]
Step = Literal["major", "minor", "patch", "none"]

_TITLES: dict[Verdict, str] = {"breaks": "Breaks callers", "check": "Check", "safe": "Safe"}
_SECTIONS = ("Added", "Changed", "Deprecated", "Removed")
# Changes of these kinds are about the document, and no user of the package notices them.
_INTERNAL = frozenset(
    {
        *("API version", "information changed", "extension changed", "unused definition changed"),
        *("written differently", "name changed, not in Python", "tags changed"),
        *("schema without a class added", "schema without a class removed", "security scheme added"),
    }
)


def _lines(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(map(printable, values))


@frozen
class Report:
    """The changes from an old specification to a new one, and what a maintainer has to do by hand."""

    changes: tuple[Change, ...] = field(converter=tuple[Change, ...])
    wording: tuple[str, ...] = field(default=(), converter=_lines)
    """A line for each change of a description."""
    undescribed: tuple[str, ...] = field(default=(), converter=_lines)
    """The fields without a description."""
    unused: tuple[str, ...] = field(default=(), converter=_lines)
    """The descriptions of fields that are not in the new specification."""
    broken: tuple[str, ...] = field(default=(), converter=_lines)
    """The lines of the wrapper that the new package breaks."""

    @property
    def verdict(self) -> Verdict | None:
        """The worst verdict of all changes, or None if nothing changed."""
        found = {change.verdict for change in self.changes}
        return next((verdict for verdict in WORST_FIRST if verdict in found), None)

    @property
    def step(self) -> Step:
        """The step that the version of the SDK should take, by Semantic Versioning."""
        if self.verdict == "breaks":
            return "major"
        if self.verdict == "check" or any(change.adds for change in self.changes):
            return "minor"
        return "patch" if self.changes or self.wording else "none"

    def render(self, format: Format = "text", *, wording: bool = False) -> str:  # noqa: A002
        """Return the report.

        Args:
            format: text for a person, markdown for CHANGELOG.md, or json for a program.
            wording: whether the text lists the changed descriptions instead of counting them. JSON always lists them.

        """
        if format == "json":
            return self._json()
        return "\n".join(self._markdown() if format == "markdown" else self._text(wording))

    def _text(self, wording: bool) -> Iterator[str]:
        if not self.changes:
            yield "Nothing changed but wording." if self.wording else "Nothing changed."
        for verdict in WORST_FIRST:
            lines = [
                f"{change.place}: {change.text}" + (f" -- {change.reason}" if verdict != "safe" else "")
                for change in self.changes
                if change.verdict == verdict
            ]
            yield from _listed(_TITLES[verdict], lines)
        if self.changes or self.wording:
            yield f"Suggested step of the version: {self.step}."
        if self.wording and wording:
            yield from _listed("Wording that Adobe changed", self.wording)
        elif self.wording:
            many = "1 text" if len(self.wording) == 1 else f"{len(self.wording)} texts"
            yield f"Adobe changed the wording of {many}; --wording lists them."
        yield from _listed("Fields without a description of ours, for openapi/descriptions.yaml", self.undescribed)
        yield from _listed("Descriptions in openapi/descriptions.yaml of fields that are gone", self.unused)
        yield from _listed("Lines of the wrapper to change by hand", self.broken)

    def _markdown(self) -> Iterator[str]:
        found: dict[str, list[str]] = {section: [] for section in _SECTIONS}
        for change in self.changes:
            if not change.hidden and change.kind not in _INTERNAL:
                section, line = _entry(change)
                found[section].append(line)
        blocks = [f"### {section}\n\n" + "\n".join(sorted(set(lines))) for section, lines in found.items() if lines]
        yield "\n\n".join(blocks)

    def _json(self) -> str:
        """Return one object. Its members keep their names and meanings; later versions may add members.

        `changes` has the place by JSON names and by Python names, the kind (which rules.py explains), the direction,
        the verdict, whether the overlay hides the change, whether it adds something for callers, the text, the reason,
        and the old and the new value.
        """
        counts = {verdict: sum(change.verdict == verdict for change in self.changes) for verdict in WORST_FIRST}
        document: dict[str, Any] = {
            "verdict": self.verdict,
            "step": self.step,
            "counts": {
                **counts,
                "wording": len(self.wording),
                "undescribed": len(self.undescribed),
                "unused": len(self.unused),
                "broken": len(self.broken),
            },
            "changes": [
                {
                    "place": printable(change.place),
                    "python": printable(change.python),
                    "kind": change.kind,
                    "direction": change.direction,
                    "verdict": change.verdict,
                    "hidden": change.hidden,
                    "adds": change.adds,
                    "text": change.text,
                    "reason": change.reason,
                    "old": change.old,
                    "new": change.new,
                }
                for change in self.changes
            ],
            "wording": self.wording,
            "undescribed": self.undescribed,
            "unused": self.unused,
            "broken": self.broken,
        }
        return json.dumps(document, indent=2, default=str)


def _listed(title: str, lines: Iterable[str]) -> list[str]:
    listed = [f"  {printable(line)}" for line in lines]
    return [f"{title}:", *listed] if listed else []


def _entry(change: Change) -> tuple[str, str]:
    """Return the section of CHANGELOG.md that a change belongs to, and its line there."""
    name = f"`{printable(change.python)}`"
    if change.kind in ("enum member added", "enum member removed"):
        values = change.new if change.kind.endswith("added") else change.old
        members = ", ".join(f"`{change.python}.{snake_case(str(value)).upper()}`" for value in values)
        return ("Added", f"- {members}.") if change.kind.endswith("added") else ("Removed", f"- {members}.")
    if change.kind in ("schema added", "schema removed"):
        name = f"Class {name}"
    elif change.kind in ("property added", "required property added", "property removed"):
        pass
    elif change.kind.startswith(("parameter", "required parameter")):
        name = f"Argument {name} of `build_request`"
    elif change.kind in ("operation added", "operation removed"):
        name = f"Operation {name}"
    elif change.kind == "deprecated added":
        return "Deprecated", f"- {name}."
    else:
        return "Changed", f"- {_named(change)}: {change.text}."
    if change.kind.endswith("removed"):
        hint = change.text.partition("; ")[2]
        return "Removed", f"- {name}{f', {hint}' if hint else ''}."
    if change.kind.endswith("added"):
        required = ", which is required" if change.kind.startswith("required") else ""
        return "Added", f"- {name}{required}."
    return "Changed", f"- {name}: {change.text}."


def _named(change: Change) -> str:
    """Return the place in Python if it has a name there, or else by the names of the specification."""
    in_python = change.place.partition(".")[0] == change.python.partition(".")[0]
    return f"`{printable(change.python if in_python else change.place)}`"
