"""The rule artifact: read, checked and compiled once when it arrives (on-device.md section 1)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias

from target_delivery.decisioning._json import as_list, as_object, as_scalar, as_text, check_depth
from target_delivery.decisioning.consequence import Consequence, TokenNames
from target_delivery.decisioning.context import Context, reads_hosts, variable_of, warm_up
from target_delivery.decisioning.errors import ArtifactError
from target_delivery.decisioning.jsonlogic.compiler import Compiler
from target_delivery.decisioning.jsonlogic.javascript import Budget, to_string
from target_delivery.decisioning.jsonlogic.node import Node
from target_delivery.decisioning.jsonlogic.operators import all_hold

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

    from target_delivery.decisioning._json import JsonObject, JsonValue

__all__ = ["Artifact", "Rule", "RuleSet", "compile_artifact", "decode_bin", "load_artifact", "read_artifact"]

SUPPORTED_MAJOR_VERSION = 1
_BIN_VERSION = 1
_BIN_HEADER = 40
_MOST_PROPERTIES = 64  # whose rules a place keeps apart


@dataclass(slots=True, eq=False)  # frozen would cost a tenth of the time that loading an artifact takes
class Rule:
    """One rule: an experience of an activity at one place. Nothing changes it.

    Attributes:
        key: ``ruleKey``: of the rules with one key at most one applies, where several can.
        activity_id: id of the activity, as text.
        property_tokens: the properties it is restricted to; empty: it is not.
        meta: ``meta``.
        condition: the JsonLogic condition as it was written.
        applies: the condition, compiled.
        parts: what has to hold for it, the cheapest first.
        consequence: what the rule puts into the answer.
        problem: why the rule can never apply; ``""``: it can.
    """

    key: str
    activity_id: str
    property_tokens: frozenset[str]
    meta: JsonObject
    condition: JsonValue
    applies: Callable[[Context], bool]
    parts: tuple[Node[Context], ...]
    consequence: Consequence
    problem: str = ""

    @property
    def audience_ids(self) -> list[JsonValue]:
        """The audiences that the condition stands for."""
        return [as_scalar(audience) for audience in as_list(self.meta.get("audience.ids"))]

    def of_meta(self, name: str) -> str | float | None:
        """Give an id or a name from the meta; None when it is not there."""
        return as_scalar(self.meta.get(name))


Test: TypeAlias = "Callable[[Context], bool]"
Group: TypeAlias = "tuple[Test | None, tuple[tuple[Rule, Test], ...]]"
"""Rules in a row: what all of them need, and for each what it needs in addition."""


def _grouped(rules: Iterable[Rule]) -> Iterator[Group]:
    members: list[Rule] = []
    common: set[Node[Context]] = set()
    for rule in rules:
        steady = {part for part in rule.parts if part.steady}
        shared = common & steady
        if members and not shared:
            yield _group(members, common)
            members = []
        common = shared if members else steady
        members.append(rule)
    if members:
        yield _group(members, common)


def _group(rules: Sequence[Rule], common: Collection[Node[Context]]) -> Group:
    if len(rules) == 1:
        return None, ((rules[0], rules[0].applies),)
    guard = all_hold([part.test for part in rules[0].parts if part in common])
    rests = [(rule, [part.test for part in rule.parts if part not in common]) for rule in rules]
    return guard, tuple((rule, all_hold(rest) if rest else _always) for rule, rest in rests)


class Selection:
    """The rules of one place that may apply in one property, in order.

    Attributes:
        rules: the rules.
        groups: the same, so that what several in a row have in common is tested once.
    """

    __slots__ = ("groups", "rules")

    def __init__(self, rules: Iterable[Rule]) -> None:
        self.rules: tuple[Rule, ...] = tuple(rules)
        self.groups: tuple[Group, ...] = tuple(_grouped(self.rules))


class RuleSet:
    """The rules of one place.

    Attributes:
        rules: all of them, in order.
    """

    __slots__ = ("_by_property", "_tokens", "_unrestricted", "rules")

    def __init__(self, rules: Iterable[Rule]) -> None:
        self.rules: tuple[Rule, ...] = tuple(rules)
        self._unrestricted = Selection(rule for rule in self.rules if not rule.property_tokens)
        self._tokens = {token for rule in self.rules for token in rule.property_tokens}
        self._by_property: dict[str, Selection] = {}  # a cache; a client asks for one property, or a few

    def for_property(self, token: str | None) -> Selection:
        """Give the rules that may apply in a property.

        Args:
            token: the token of the request's property; None when it has none.
        """
        if token is None or token not in self._tokens:
            return self._unrestricted
        found = self._by_property.get(token)
        if found is None:
            found = Selection(rule for rule in self.rules if not rule.property_tokens or token in rule.property_tokens)
            if len(self._by_property) < _MOST_PROPERTIES:
                self._by_property[token] = found
        return found


_NO_RULES = RuleSet(())


@dataclass(frozen=True, slots=True)
class Artifact:
    """A compiled rule artifact. Nothing changes it, so any number of threads may decide with it.

    Attributes:
        version: version of its format, ``1.x.y``.
        client: client code of the account.
        environment: name of the environment.
        meta: ``meta`` as it was written.
        global_mbox: name of the mbox that page loads ask for.
        geo_targeting_enabled: whether rules need to know where the visitor is.
        mboxes: rules by name of the mbox.
        views: rules by name of the view.
        every_view: the rules of all views.
        decided_mboxes: names of the mboxes that are decided on the device; all others need the edge.
        decided_views: names of the views that are decided on the device; all others need the edge.
        remote_views: names of views that need the edge.
        warning: one sentence on the rules that can never apply; ``""`` when all can.
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
        """Give the rules of an mbox."""
        return self.mboxes.get(name, _NO_RULES)

    def view(self, name: str) -> RuleSet:
        """Give the rules of a view, or of all views when name is empty."""
        return self.views.get(name, _NO_RULES) if name else self.every_view


def load_artifact(source: bytes | str | Mapping[str, Any], *, organization_id: str = "") -> Artifact:
    """Read, check and compile an artifact.

    Args:
        source: the content of ``rules.json`` or ``rules.bin``, or what ``rules.json`` holds.
        organization_id: the Experience Cloud organization id, which ``rules.bin`` is read with.

    Raises:
        ArtifactError: it is no artifact, or of a version that this SDK does not know.
    """
    return compile_artifact(read_artifact(source, organization_id=organization_id))


def read_artifact(source: bytes | str | Mapping[str, JsonValue], *, organization_id: str = "") -> JsonObject:
    """Read an artifact as JSON, and do not compile it; the arguments are those of load_artifact.

    Raises:
        ArtifactError: it is no JSON object.

    """
    if isinstance(source, Mapping):
        # A copy: the caller's object may change, a compiled artifact must not.
        return _parse(_dump(source))
    if isinstance(source, str):
        return _parse(source)
    content = bytes(source)
    if not content[:16].lstrip(b"\xef\xbb\xbf \t\r\n").startswith((b"{", b"[")) and b":" in content[:8]:
        content = decode_bin(content, organization_id)
    return _parse(content)


def decode_bin(content: bytes, organization_id: str) -> bytes:
    """Give the JSON in the content of a ``rules.bin``.

    Args:
        content: 8 bytes ``prefix:version``, 32 bytes of key, and the JSON, obscured by the key.
        organization_id: the Experience Cloud organization id of the account.

    Raises:
        ArtifactError: it is no such file, or of an unknown version.
    """
    _, colon, version = content[:8].decode("latin-1").partition(":")
    version = version.strip("\0 ")
    if len(content) < _BIN_HEADER or not colon:
        raise ArtifactError(f"the artifact is no rules.bin: it has no header of {_BIN_HEADER} bytes")
    if not version.isdecimal() or int(version) != _BIN_VERSION:
        raise ArtifactError(
            f"the rules.bin has version {version!r}, and this SDK reads version {_BIN_VERSION}: upgrade the SDK"
        )
    if not organization_id:
        raise ArtifactError("a rules.bin can be read with the organization id only: give organization_id")
    key = organization_id.encode("utf-8", "surrogatepass") + content[8:_BIN_HEADER]
    body = content[_BIN_HEADER:]
    mask = (key * (len(body) // len(key) + 1))[: len(body)]
    return (int.from_bytes(body) ^ int.from_bytes(mask)).to_bytes(len(body))


def _dump(source: Mapping[str, Any]) -> str:
    try:
        return json.dumps(dict(source), allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise ArtifactError(f"the artifact cannot be written as JSON: {error}") from error


def _parse(content: bytes | str) -> JsonObject:
    try:
        parsed: JsonValue = json.loads(content, parse_constant=_refuse)
    except RecursionError as error:
        raise ArtifactError("the artifact nests too deep to be read") from error
    except ValueError as error:  # bad JSON, or bytes that are no text
        raise ArtifactError(f"the artifact is no JSON: {_reason(error)}") from error
    if not isinstance(parsed, dict):
        raise ArtifactError("the artifact is JSON, but no object")
    return parsed


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON number")


def _reason(error: ValueError) -> str:
    """Say what is wrong and where, without a piece of the content."""
    if isinstance(error, UnicodeDecodeError):
        return f"byte {error.start} is no UTF-8 (for a rules.bin this can mean a wrong organization_id)"
    return str(error)


def compile_artifact(source: JsonObject) -> Artifact:
    """Check and compile what read_artifact gave, which from then on must not be changed.

    Raises:
        ArtifactError: it is no artifact, or of a version that this SDK does not know.

    """
    version = source.get("version")
    if not isinstance(version, str) or not version:
        raise ArtifactError("the artifact has no version")
    if version.partition(".")[0] != str(SUPPORTED_MAJOR_VERSION):
        raise ArtifactError(
            f"the artifact has version {version[:20]!r}, and this SDK reads {SUPPORTED_MAJOR_VERSION}.x.y: "
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
        raise ArtifactError(f"meta of the artifact cannot be used: {error}") from error
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
        """Whether conditions read parts of host names."""
        return self._compiler.reads_everything or reads_hosts(self._compiler.names)

    @property
    def warning(self) -> str:
        """One sentence on the rules that can never apply."""
        if not self._problems:
            return ""
        count, shown = len(self._problems), "; ".join(self._problems[:5])
        subject = "1 rule of the artifact never applies" if count == 1 else f"{count} rules of the artifact never apply"
        return f"{subject}: {shown}{f'; and {count - 5} more' if count > 5 else ''}"

    def section(self, rules: JsonObject, section: str) -> Iterable[tuple[str, list[Rule]]]:
        """Read ``rules.mboxes`` or ``rules.views``."""
        places = rules.get(section, {})
        if not isinstance(places, dict):
            raise ArtifactError(f"rules.{section} of the artifact is no object")
        for name, listed in places.items():
            if not isinstance(listed, list):
                raise ArtifactError(f"rules.{section}[{name[:80]!r}] of the artifact is no array")
            where = f"rules.{section}[{name[:80]!r}]"
            yield name, [self._rule(where, at, name, rule) for at, rule in enumerate(listed)]

    def _rule(self, where: str, at: int, name: str, rule: JsonValue) -> Rule:
        if not isinstance(rule, dict):
            raise ArtifactError(f"{where}[{at}] of the artifact is no object")
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
    """Spell an id or key as JavaScript does; ``""`` when there is none."""
    if isinstance(value, str):
        return value
    if type(value) is int and abs(value) <= 2**53:
        return str(value)
    return "" if value is None or isinstance(value, (dict, list)) else to_string(value, _NO_STEPS)


def _always(_context: Context) -> bool:
    return True


def _never(_context: Context) -> bool:
    return False


_NEVER: Node[Context] = Node(_never, _never)
_NONE = frozenset[str]()
_NO_STEPS = Budget(0)
