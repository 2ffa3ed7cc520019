"""What content an item of a request gets."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Literal, Protocol

from target_delivery.decisioning import Rule
from target_delivery.decisioning.context import Context
from target_delivery.decisioning.engine import applying, property_of, start
from target_delivery.sandbox.artifact import Artifact


@dataclass(frozen=True, slots=True)
class Item:
    """One mbox, view or pageLoad that a request asks for."""

    part: Literal["execute", "prefetch"]
    kind: Literal["mbox", "view", "pageLoad"]
    name: str | None
    """Name of the mbox or view; of a pageLoad the global mbox; None asks for all views."""
    details: dict[str, Any]
    """The item as the request has it: index, parameters, address and so on; a pageLoad has its name, too."""


@dataclass(frozen=True, slots=True)
class Decision:
    """The rules whose content is one answer to an item. An item can have several, such as one per view."""

    item: Item
    name: str | None
    """As the item's, or the name of the view."""
    rules: Sequence[Rule]


class Decider(Protocol):
    """Chooses rules."""

    def decide(self, artifact: Artifact, request: dict[str, Any]) -> Sequence[Decision]:
        """Return the decisions for a request in the order they are answered.

        Args:
            artifact: the rules to choose from.
            request: a valid DeliveryRequest as JSON, whose ``id`` says who the visitor is.
        """
        ...


def requested_items(artifact: Artifact, request: Mapping[str, Any]) -> Iterator[Item]:
    """Yield what a DeliveryRequest asks for, in its order."""
    parts: tuple[Literal["execute", "prefetch"], ...] = ("execute", "prefetch")
    for part in parts:
        asked = request.get(part, {})
        if "pageLoad" in asked:
            name = artifact.global_mbox
            yield Item(part, "pageLoad", name, {**asked["pageLoad"], "name": name})
        for mbox in asked.get("mboxes", ()):
            yield Item(part, "mbox", mbox.get("name"), mbox)
        for view in asked.get("views", ()) if part == "prefetch" else ():  # in execute it is an unknown field
            yield Item(part, "view", view.get("name"), view)


class EngineDecider:
    """Chooses the rules that the engine of on-device decisioning chooses.

    Args:
        client: client code, which decides who sees what.
    """

    def __init__(self, client: str) -> None:
        self._client = client

    def decide(self, artifact: Artifact, request: dict[str, Any]) -> Sequence[Decision]:
        """Return the decisions for a request: those of an item are as many as a client on the device answers."""
        visit, _ = start(request, self._client, "", None)
        token = property_of(request)
        decisions: list[Decision] = []
        for item in requested_items(artifact, request):
            compiled, name = artifact.compiled, item.name or ""
            candidates = compiled.view(name) if item.kind == "view" else compiled.mbox(name)
            # A rule whose condition cannot be evaluated does not apply; `target-delivery decide --explain` tells why.
            rules = applying(candidates.for_property(token), Context(visit, item.details), lambda rule, error: None)
            decisions += _decisions(item, rules, global_mbox=name == compiled.global_mbox)
        return decisions


def _decisions(item: Item, rules: Iterator[Rule], *, global_mbox: bool) -> list[Decision]:
    """Divide the rules that apply into answers."""
    if item.kind == "pageLoad":
        return [Decision(item, item.name, list(rules))]
    if item.kind == "mbox":
        chosen = rules if global_mbox else islice(rules, 1)
        return [Decision(item, item.name, [rule]) for rule in chosen] or [Decision(item, item.name, [])]
    by_view: dict[str, list[Rule]] = {}
    for rule in rules:
        by_view.setdefault(rule.consequence.name, []).append(rule)
    return [Decision(item, name, its_rules) for name, its_rules in by_view.items()]
