"""Report the changes between two specifications, and which of them break callers."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Literal

from attrs import field, frozen

from .compare import Change, printable
from .names import attribute, class_name
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
        *("number format equivalent", "discriminator of a class", "callback or link changed"),
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
    mentions: tuple[str, ...] = field(default=(), converter=_lines)
    """The lines of the wrapper with a text that is a name which is gone."""

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
        yield from _listed("Lines of the wrapper to look at: a name that is gone, as a text", self.mentions)

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
                "mentions": len(self.mentions),
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
            "mentions": self.mentions,
        }
        return json.dumps(document, indent=2, default=str)


def _listed(title: str, lines: Iterable[str]) -> list[str]:
    listed = [f"  {printable(line)}" for line in lines]
    return [f"{title}:", *listed] if listed else []


def _entry(change: Change) -> tuple[str, str]:
    """Return the section of CHANGELOG.md that a change belongs to, and its line there."""
    if change.kind == "deprecated added":
        return "Deprecated", f"- {_named(change)}."
    thing, _, ending = change.kind.removeprefix("required ").rpartition(" ")
    section = {"added": "Added", "removed": "Removed"}.get(ending, "Changed") if thing in _THINGS else "Changed"
    form = _THINGS.get(thing, "")
    if not form or section == "Changed":
        return section, f"- {_named(change)}: {_escaped(change.text)}."
    line = form.format(_named(change))
    renamed = change.text.partition("perhaps renamed to ")[2]
    if renamed and thing != "enum member":
        line += f", perhaps renamed to {_code(class_name(renamed) if thing == 'schema' else attribute(renamed))}"
    return section, f"- {line}{', which is required' if change.kind.startswith('required') else ''}."


# The kinds of things that are added and removed, and how CHANGELOG.md calls them if not by place and text.
_THINGS = {
    **dict.fromkeys(("schema", "class"), "Class {0}"),
    **dict.fromkeys(("property", "parameter", "enum member"), "{0}"),
    "operation": "Operation {0}",
    **dict.fromkeys(("body", "media type", "content", "header", "server"), ""),
    **dict.fromkeys(("success response", "error response", "last error response", "response of a new type"), ""),
}


def _named(change: Change) -> str:
    """Return the place in Python if it has a name there, or else by the names of the specification."""
    names = ", ".join(map(_code, printable(change.python).split(", ")))
    if change.typing == "argument":
        operation = change.place.rpartition(" parameter ")[0].rpartition(" ")[0]
        return f"Argument {names} of `build_request` for {_code(printable(operation))}"
    return names if change.python.partition(".")[0].rstrip("[]{}").isidentifier() else _code(printable(change.place))


def _code(text: str) -> str:
    return f"`` {text} ``" if "`" in text else f"`{text}`"


def _escaped(text: str) -> str:
    """Return text that Markdown shows as it is."""
    return re.sub(r"([\\`*_<>\[\]])", r"\\\1", text)
