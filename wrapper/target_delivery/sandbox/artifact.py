"""The rule artifact that the sandbox decides with, and that it serves."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any, cast

from attrs import frozen

from target_delivery.decisioning import Artifact as CompiledArtifact, Rule, load_artifact


@frozen
class Artifact:
    """A rule artifact, as the sandbox serves it and as it decides with it."""

    document: Mapping[str, Any]
    """The artifact as JSON."""
    content: bytes
    """The artifact as clients download it."""
    compiled: CompiledArtifact
    """The artifact as the engine uses it."""

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
            raise ValueError(f"{source} is not a rule artifact, because it is not JSON ({error})") from error
        return cls._from_document(document, str(source))

    @classmethod
    def _from_document(cls, document: object, origin: str) -> "Artifact":
        top = _mapping(document, origin)
        version = top.get("version")
        if not isinstance(version, str) or version.split(".")[0] != "1":
            raise ValueError(f"{origin} has version {version!r}; the sandbox reads artifacts of version 1.x.y")
        rules = _mapping(top.get("rules"), f"rules of {origin}")
        for section in ("mboxes", "views"):
            _check_rules(rules.get(section, {}), f"rules.{section} of {origin}")
        # A copy: if the caller changes the mapping later, the sandbox still serves the rules that it decides with.
        content = json.dumps(top, separators=(",", ":")).encode()
        return cls(json.loads(content), content, load_artifact(content))

    @property
    def etag(self) -> str:
        """The strong entity tag of the content, in its quotes."""
        return f'"{hashlib.sha256(self.content).hexdigest()[:32]}"'

    @property
    def global_mbox(self) -> str:
        """Name of the mbox that stands for page loads."""
        return self.compiled.global_mbox

    @property
    def mboxes(self) -> dict[str, Sequence[Rule]]:
        """Rules by name of the mbox."""
        return {name: rules.rules for name, rules in self.compiled.mboxes.items()}

    @property
    def views(self) -> dict[str, Sequence[Rule]]:
        """Rules by name of the view."""
        return {name: rules.rules for name, rules in self.compiled.views.items()}


def demo_artifact() -> dict[str, Any]:
    """Return a new copy of the artifact that a sandbox has by default.

    It has the mboxes ``home``, ``product1``, ``checkout-flags`` (JSON), ``newsletter`` and ``target-global-mbox``, and
    the view ``basket``; each belongs to an activity of its own. ``newsletter`` splits the visitors into two halves.
    The others show their first experience by default, so that tests can rely on it. Their second experience is for the
    parameter ``customer=returning`` (home), for iOS and Android (product1), and for pages below ``/business/``
    (checkout-flags).
    """
    text = files("target_delivery.sandbox").joinpath("demo_artifact.json").read_text("utf-8")
    return cast("dict[str, Any]", json.loads(text))


def _mapping(value: object, where: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise ValueError(f"{where} must be a JSON object, not {type(value).__name__}")
    return cast("Mapping[str, Any]", value)


def _check_rules(value: object, where: str) -> None:
    """Check the parts of rules that the ledger needs, so that a broken artifact fails at start, not in a request."""
    for name, rules in _mapping(value, where).items():
        if not isinstance(rules, list):
            raise ValueError(f"{where}[{name!r}] must be a list of rules, not {type(rules).__name__}")
        for position, rule in enumerate(cast("list[object]", rules)):
            place = f"{where}[{name!r}][{position}]"
            meta = _mapping(_mapping(rule, place).get("meta"), f"meta of {place}")
            if "activity.id" not in meta or "experience.id" not in meta:
                raise ValueError(f"meta of {place} must name activity.id and experience.id")
            _mapping(_mapping(rule, place).get("consequence"), f"consequence of {place}")
