"""What content an item of a request gets: the one seam where a decisioning engine goes."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from target_delivery.sandbox.artifact import Artifact, Rule


@dataclass(frozen=True, slots=True)
class Item:
    """One mbox, view or pageLoad that a request asks for."""

    part: Literal["execute", "prefetch"]
    kind: Literal["mbox", "view", "pageLoad"]
    name: str | None
    """Name of the mbox or view; of a pageLoad the global mbox; None asks for all views."""
    details: Mapping[str, Any]
    """The item as the request has it: index, parameters, address and so on."""


@dataclass(frozen=True, slots=True)
class Decision:
    """The rules whose content answers one item. A request for all views has a decision per view."""

    item: Item
    name: str | None
    """As the item's, or the name of the view."""
    rules: Sequence[Rule]


class Decider(Protocol):
    """Chooses rules."""

    def decide(self, artifact: Artifact, request: Mapping[str, Any]) -> Sequence[Decision]:
        """Return the decisions for a request in the order they are answered.

        Args:
            artifact: the rules to choose from.
            request: a valid DeliveryRequest as JSON, whose ``id`` has the visitor's tntId.
        """
        ...


def requested_items(artifact: Artifact, request: Mapping[str, Any]) -> Iterator[Item]:
    """Yield what a DeliveryRequest asks for, in its order."""
    parts: tuple[Literal["execute", "prefetch"], ...] = ("execute", "prefetch")
    for part in parts:
        asked = request.get(part, {})
        if "pageLoad" in asked:
            yield Item(part, "pageLoad", artifact.global_mbox, asked["pageLoad"])
        for mbox in asked.get("mboxes", ()):
            yield Item(part, "mbox", mbox.get("name"), mbox)
        for view in asked.get("views", ()) if part == "prefetch" else ():  # in execute it is an unknown field
            yield Item(part, "view", view.get("name"), view)


class FirstRule:
    """Chooses the first rule of the mbox or view, whatever its condition."""

    def decide(self, artifact: Artifact, request: Mapping[str, Any]) -> Sequence[Decision]:
        """Return one decision per item, and for a request for all views one per view."""
        decisions: list[Decision] = []
        for item in requested_items(artifact, request):
            rules = artifact.views if item.kind == "view" else artifact.mboxes
            if item.kind == "view" and item.name is None:
                decisions += [Decision(item, name, rules[name][:1]) for name in rules]
            else:
                decisions.append(Decision(item, item.name, rules.get(item.name or "", ())[:1]))
        return decisions
