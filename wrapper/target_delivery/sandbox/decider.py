"""The choice of the rules that answer each item of a request."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Literal, Protocol

from attrs import frozen

from target_delivery._core.clock import SYSTEM_CLOCK, Clock
from target_delivery.decisioning import Rule
from target_delivery.decisioning.context import Context
from target_delivery.decisioning.engine import applying, property_of, start
from target_delivery.sandbox.artifact import Artifact


@frozen
class Item:
    """One mbox, view or pageLoad of a request."""

    part: Literal["execute", "prefetch"]
    kind: Literal["mbox", "view", "pageLoad"]
    name: str | None
    """Name of the mbox or view. A pageLoad has the name of the global mbox. None stands for all views."""
    details: dict[str, Any]
    """The item as in the request, with its index, parameters and address. A pageLoad has a name, too."""


@frozen
class Decision:
    """The rules whose content makes one answer to an item. An item for all views has an answer for each view."""

    item: Item
    name: str | None
    """Name of the item. If the item stands for all views: the name of one of them."""
    rules: Sequence[Rule]


class Decider(Protocol):
    """Chooses the rules that answer a request."""

    def decide(self, artifact: Artifact, request: dict[str, Any]) -> Sequence[Decision]:
        """Return the decisions for a request, in the order of the answers.

        Args:
            artifact: the rules to choose from.
            request: a valid DeliveryRequest as JSON, whose ``id`` says who the visitor is.
        """
        ...


def requested_items(artifact: Artifact, request: Mapping[str, Any]) -> Iterator[Item]:
    """Yield the items of a DeliveryRequest, in their order."""
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
    """Chooses rules with the engine of on-device decisioning.

    Args:
        client: client code. It is part of the hash that allocates visitors to experiences.
        clock: tells the time that rules see.
    """

    def __init__(self, client: str, *, clock: Clock = SYSTEM_CLOCK) -> None:
        self._client = client
        self._clock = clock

    def decide(self, artifact: Artifact, request: dict[str, Any]) -> Sequence[Decision]:
        """Return the decisions for a request. Each item gets as many answers as on-device decisioning gives."""
        visit, _ = start(request, self._client, "", int(self._clock.now() * 1000))
        token = property_of(request)
        decisions: list[Decision] = []
        for item in requested_items(artifact, request):
            compiled, name = artifact.compiled, item.name or ""
            candidates = compiled.view(name) if item.kind == "view" else compiled.mbox(name)
            # A rule whose condition cannot be evaluated does not apply; `target-delivery decide --explain` shows why.
            rules = applying(candidates.for_property(token), Context(visit, item.details), lambda rule, error: None)
            decisions += _decisions(item, rules, global_mbox=name == compiled.global_mbox)
        return decisions


def _decisions(item: Item, rules: Iterator[Rule], *, global_mbox: bool) -> list[Decision]:
    """Group the rules that apply into answers."""
    if item.kind == "pageLoad":
        return [Decision(item, item.name, list(rules))]
    if item.kind == "mbox":
        chosen = rules if global_mbox else islice(rules, 1)
        return [Decision(item, item.name, [rule]) for rule in chosen] or [Decision(item, item.name, [])]
    by_view: dict[str, list[Rule]] = {}
    for rule in rules:
        by_view.setdefault(rule.consequence.name, []).append(rule)
    return [Decision(item, name, its_rules) for name, its_rules in by_view.items()]
