"""Reading, checking and compiling a rule artifact: docs/on-device.md#artifact."""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NoReturn

from attrs import frozen

from target_delivery._printable import printable
from target_delivery.decisioning._json import as_list, as_object, as_text, check_depth
from target_delivery.decisioning.consequence import Consequence, TokenNames
from target_delivery.decisioning.context import Context, variable_of
from target_delivery.decisioning.errors import ArtifactError
from target_delivery.decisioning.jsonlogic.compiler import Compiler
from target_delivery.decisioning.jsonlogic.javascript import Budget, to_string
from target_delivery.decisioning.jsonlogic.node import Node
from target_delivery.decisioning.page import reads_hosts, warm_up
from target_delivery.decisioning.rules import Rule, RuleSet

if TYPE_CHECKING:
    from collections.abc import Iterable

    from target_delivery.decisioning._json import JsonObject, JsonValue

__all__ = ["Artifact", "compile_artifact", "decode_bin", "load_artifact", "read_artifact"]

SUPPORTED_MAJOR_VERSION = 1
_BIN_VERSION = 1
_BIN_HEADER = 40


_NO_RULES = RuleSet(())


@frozen
class Artifact:
    """A compiled rule artifact. Nothing changes it, so any number of threads may decide with it.

    Attributes:
        version: version of the artifact's format, ``1.x.y``.
        client: client code of the account.
        environment: name of the environment.
        meta: ``meta`` of the artifact.
        global_mbox: name of the mbox that page loads ask for.
        geo_targeting_enabled: whether rules need the visitor's place.
        mboxes: rules by name of the mbox.
        views: rules by name of the view.
        every_view: the rules of all views.
        decided_mboxes: names of the mboxes that are decided on the device; all other mboxes need the edge.
        decided_views: names of the views that are decided on the device; all other views need the edge.
        remote_views: names of the views that the artifact lists as needing the edge.
        warning: one sentence about the rules that can never apply; ``""`` when all can.
    """

    version: str
    client: str
    environment: str
    meta: Mapping[str, JsonValue]
    global_mbox: str
    geo_targeting_enabled: bool
    mboxes: Mapping[str, RuleSet]
    views: Mapping[str, RuleSet]
    every_view: RuleSet
    decided_mboxes: frozenset[str]
    decided_views: frozenset[str]
    remote_views: tuple[str, ...]
    warning: str

    def mbox(self, name: str) -> RuleSet:
        """Return the rules of an mbox."""
        return self.mboxes.get(name, _NO_RULES)

    def view(self, name: str) -> RuleSet:
        """Return the rules of a view, or of all views when name is empty."""
        return self.views.get(name, _NO_RULES) if name else self.every_view


def load_artifact(source: bytes | str | Mapping[str, Any], *, organization_id: str = "") -> Artifact:
    """Read, check and compile an artifact.

    Args:
        source: the content of ``rules.json`` or ``rules.bin``, or the parsed JSON of ``rules.json``.
        organization_id: the Experience Cloud organization id; only ``rules.bin`` needs it.

    Raises:
        ArtifactError: source is not an artifact, or its version is not supported.
    """
    return compile_artifact(read_artifact(source, organization_id=organization_id))


def read_artifact(source: bytes | str | Mapping[str, JsonValue], *, organization_id: str = "") -> JsonObject:
    """Read an artifact as JSON without compiling it. The arguments are those of load_artifact.

    Raises:
        ArtifactError: source is not a JSON object, or its ``rules.bin`` cannot be read.
    """
    if isinstance(source, Mapping):
        # Copy it: the caller may change the object later, and a compiled artifact must not change.
        return _parse(_dump(source))
    if isinstance(source, str):
        return _parse(source)
    content = bytes(source)
    if not content[:16].lstrip(b"\xef\xbb\xbf \t\r\n").startswith((b"{", b"[")) and b":" in content[:8]:
        content = decode_bin(content, organization_id)
    return _parse(content)


def decode_bin(content: bytes, organization_id: str) -> bytes:
    """Return the JSON text in a ``rules.bin`` (docs/on-device.md#rulesbin).

    Args:
        content: 8 bytes ``prefix:version``, a key of 32 bytes, and the JSON text, masked with the key.
        organization_id: the Experience Cloud organization id of the account.

    Raises:
        ArtifactError: content is not a ``rules.bin``, its version is not supported, or organization_id is empty.
    """
    _, colon, version = content[:8].decode("latin-1").partition(":")
    version = version.strip("\0 ")
    if len(content) < _BIN_HEADER or not colon:
        raise ArtifactError(f"the artifact is not a rules.bin: it does not begin with a header of {_BIN_HEADER} bytes")
    if not version.isdecimal() or int(version) != _BIN_VERSION:
        raise ArtifactError(
            f"the rules.bin has version {version!r}, but this SDK reads version {_BIN_VERSION}: upgrade the SDK"
        )
    if not organization_id:
        raise ArtifactError("a rules.bin can only be read with the organization id: pass organization_id")
    key = organization_id.encode("utf-8", "surrogatepass") + content[8:_BIN_HEADER]
    body = content[_BIN_HEADER:]
    mask = (key * (len(body) // len(key) + 1))[: len(body)]
    return (int.from_bytes(body) ^ int.from_bytes(mask)).to_bytes(len(body))


def _dump(source: Mapping[str, Any]) -> str:
    try:
        return json.dumps(dict(source), allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise ArtifactError(f"the artifact holds a value that is not JSON: {error}") from error


def _parse(content: bytes | str) -> JsonObject:
    try:
        parsed: JsonValue = json.loads(content, parse_constant=_refuse)
    except RecursionError as error:
        raise ArtifactError("the artifact nests too deep to be parsed") from error
    except ValueError as error:  # Bad JSON, or bytes that are not text.
        raise ArtifactError(f"the artifact is not JSON: {_reason(error)}") from error
    if not isinstance(parsed, dict):
        raise ArtifactError("the artifact is JSON, but not an object")
    return parsed


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not a JSON number")


def _reason(error: ValueError) -> str:
    """Say what is wrong and where, without quoting the content."""
    if isinstance(error, UnicodeDecodeError):
        return f"byte {error.start} is not UTF-8 (the organization_id of a rules.bin may be wrong)"
    return str(error)


def compile_artifact(source: JsonObject) -> Artifact:
    """Check and compile the JSON of an artifact, as read_artifact returns it.

    The artifact refers to source, so source must not be changed afterwards.

    Raises:
        ArtifactError: source is not an artifact, or its version is not supported.
    """
    version = source.get("version")
    if not isinstance(version, str) or not version:
        raise ArtifactError("the artifact has no version")
    if version.partition(".")[0] != str(SUPPORTED_MAJOR_VERSION):
        raise ArtifactError(
            f"the artifact has version {version[:20]!r}, but this SDK reads {SUPPORTED_MAJOR_VERSION}.x.y: "
            "upgrade the SDK"
        )
    rules = source.get("rules")
    if not isinstance(rules, dict):
        raise ArtifactError("the artifact has no object 'rules'")
    tokens = [token for token in as_list(source.get("responseTokens")) if isinstance(token, str)]
    reader = _Reader(TokenNames(tokens))
    mboxes = {name: RuleSet(found) for name, found in reader.section(rules, "mboxes")}
    views = {name: RuleSet(found) for name, found in reader.section(rules, "views")}
    if reader.needs_hosts:
        warm_up()
    meta = as_object(source.get("meta"))
    try:
        check_depth(meta)
    except ValueError as error:
        raise ArtifactError(f"'meta' of the artifact cannot be used: {error}") from error
    return Artifact(
        version=version,
        client=as_text(meta.get("clientCode")),
        environment=as_text(meta.get("environment")),
        meta=MappingProxyType(meta),
        global_mbox=as_text(source.get("globalMbox")) or "target-global-mbox",
        geo_targeting_enabled=source.get("geoTargetingEnabled") is True,
        mboxes=MappingProxyType(mboxes),
        views=MappingProxyType(views),
        every_view=RuleSet(rule for view in views.values() for rule in view.rules),
        decided_mboxes=frozenset(_names(source, "localMboxes")).difference(_names(source, "remoteMboxes")),
        decided_views=frozenset(_names(source, "localViews")).difference(_names(source, "remoteViews")),
        remote_views=tuple(_names(source, "remoteViews")),
        warning=reader.warning,
    )


def _names(source: JsonObject, key: str) -> Iterable[str]:
    return dict.fromkeys(name for name in as_list(source.get(key)) if isinstance(name, str))


class _Reader:
    """Compiles the rules of one artifact."""

    def __init__(self, token_names: TokenNames) -> None:
        self._token_names = token_names
        self._problems: list[str] = []
        self._compiler: Compiler[Context] = Compiler(variable_of)

    @property
    def needs_hosts(self) -> bool:
        """Whether a condition reads a part of a host name."""
        return self._compiler.reads_everything or reads_hosts(self._compiler.names)

    @property
    def warning(self) -> str:
        """One sentence about the rules that can never apply; ``""`` when all can."""
        if not self._problems:
            return ""
        count, shown = len(self._problems), "; ".join(self._problems[:5])
        subject = "1 rule of the artifact never applies" if count == 1 else f"{count} rules of the artifact never apply"
        return printable(f"{subject}: {shown}{f'; and {count - 5} more' if count > 5 else ''}")

    def section(self, rules: JsonObject, section: str) -> Iterable[tuple[str, list[Rule]]]:
        """Read ``rules.mboxes`` or ``rules.views``."""
        places = rules.get(section, {})
        if not isinstance(places, dict):
            raise ArtifactError(f"rules.{section} of the artifact is not an object")
        for name, listed in places.items():
            if not isinstance(listed, list):
                raise ArtifactError(f"rules.{section}[{name[:80]!r}] of the artifact is not an array")
            where = f"rules.{section}[{name[:80]!r}]"
            yield name, [self._rule(where, at, name, rule) for at, rule in enumerate(listed)]

    def _rule(self, where: str, at: int, name: str, rule: JsonValue) -> Rule:
        if not isinstance(rule, dict):
            raise ArtifactError(f"{where}[{at}] of the artifact is not an object")
        meta, consequence = rule.get("meta", {}), rule.get("consequence")
        if not isinstance(meta, dict) or not isinstance(consequence, dict):
            raise ArtifactError(f"{where}[{at}] of the artifact has no object 'meta' or 'consequence'")
        condition = rule.get("condition")
        problem, node = "", _NEVER
        try:
            node = self._compiler.condition(condition)
            prepared = Consequence(consequence, name, meta, self._token_names)
        except ValueError as error:
            problem, node = str(error), _NEVER
            self._problems.append(f"{where}[{at}]: {problem}")
            prepared = Consequence({}, name, {}, TokenNames(()))
        tokens = as_list(rule.get("propertyTokens"))
        return Rule(
            key=_text_of(rule.get("ruleKey")) or f"{where}[{at}]",
            activity_id=_text_of(meta.get("activity.id", rule.get("activityId"))),
            property_tokens=frozenset([token for token in tokens if isinstance(token, str)]) if tokens else _NONE,
            meta=meta,
            condition=condition,
            applies=node.test,
            parts=node.parts or (node,),
            consequence=prepared,
            problem=problem,
        )


def _text_of(value: JsonValue) -> str:
    """Return an id or key as JavaScript writes it; ``""`` for null, an object or an array."""
    if isinstance(value, str):
        return value
    if type(value) is int and abs(value) <= 2**53:
        return str(value)
    return "" if value is None or isinstance(value, (dict, list)) else to_string(value, _NO_STEPS)


def _never(_context: Context) -> bool:
    return False


_NEVER: Node[Context] = Node(_never, _never)
_NONE = frozenset[str]()
_NO_STEPS = Budget(0)
