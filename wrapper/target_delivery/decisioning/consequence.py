"""The part of an answer that a rule makes when it applies: docs/on-device.md#results.

Everything that does not depend on the request is prepared when the artifact is compiled. Each answer gets copies, so
that a caller can change an answer without changing the artifact.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_delivery.decisioning._json import as_list, as_object, as_text, object_copier
from target_delivery.decisioning.macros import compile_macros

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from target_delivery.decisioning._json import JsonObject, JsonValue
    from target_delivery.decisioning.context import Context

__all__ = ["Consequence", "TokenNames"]

_FROM_META = frozenset(
    {
        "activity.type",
        *(
            f"{subject}.{property_}"
            for subject in ("activity", "experience", "location", "offer", "option")
            for property_ in ("id", "name")
        ),
    }
)
"""Response tokens that the rule's ``meta`` has values for."""

_FROM_GEO = {
    "geo.city": "city",
    "geo.country": "country",
    "geo.state": "region",
    "geo.latitude": "latitude",
    "geo.longitude": "longitude",
}
"""Response tokens that the context has values for, and their names in its section ``geo``."""

_SCALARS = frozenset({str, int, float, bool})

_USUAL = frozenset({"name", "options", "metrics"})
"""Members that need no copying: each answer makes its own."""


class TokenNames:
    """The response tokens that an artifact asks for.

    Args:
        names: ``responseTokens`` of the artifact.

    Attributes:
        of_meta: names of the tokens that the rule's ``meta`` has values for.
        of_geo: names of the tokens that the context has values for, each with its name in the section ``geo``.
    """

    __slots__ = ("of_geo", "of_meta")

    def __init__(self, names: Iterable[str]) -> None:
        unique = list(dict.fromkeys(names))
        self.of_meta: tuple[str, ...] = tuple(name for name in unique if name in _FROM_META)
        self.of_geo: tuple[tuple[str, str], ...] = tuple(
            (name, _FROM_GEO[name]) for name in unique if name in _FROM_GEO
        )

    def known(self, meta: JsonObject) -> JsonObject:
        """Return the response tokens of a rule that do not depend on the request."""
        tokens: JsonObject = {name: meta[name] for name in self.of_meta if name in meta}
        if not _SCALARS.issuperset(map(type, tokens.values())):
            tokens = {name: value for name, value in tokens.items() if type(value) in _SCALARS}
        tokens["activity.decisioningMethod"] = "on-device"
        return tokens


class Consequence:
    """The consequence of one rule, prepared for execute, prefetch and views.

    Args:
        consequence: ``consequence`` of the rule.
        name: name of the mbox or view, used when the consequence has none.
        meta: ``meta`` of the rule.
        token_names: the response tokens that the artifact asks for.

    Attributes:
        name: name of the mbox or view.
        display_tokens: the event tokens that report an impression.

    Raises:
        ValueError: a part of the consequence nests too deep.
    """

    __slots__ = ("_base", "_metrics", "_options", "display_tokens", "name")

    def __init__(self, consequence: JsonObject, name: str, meta: JsonObject, token_names: TokenNames) -> None:
        self.name: str = as_text(consequence.get("name")) or name
        base: JsonObject = {"name": self.name}
        self._base: Callable[[], JsonObject] = base.copy
        if not consequence.keys() <= _USUAL:
            rest = {key: value for key, value in consequence.items() if key not in _USUAL}
            self._base = object_copier(rest | base)
        options = [option for option in as_list(consequence.get("options")) if isinstance(option, dict)]
        self._metrics: Sequence[tuple[JsonValue, Callable[[], JsonObject]]] = ()
        if given := as_list(consequence.get("metrics")):
            metrics = [metric for metric in given if isinstance(metric, dict)]
            self._metrics = [(metric.get("type"), object_copier(metric)) for metric in metrics]
            options = _with_display_tokens(options, metrics)
        tokens = token_names.known(meta) if options else {}
        self._options = [_Option(option, meta, tokens, token_names) for option in options]
        display_tokens = {as_text(option.get("eventToken")): None for option in options}
        self.display_tokens: tuple[str, ...] = tuple([token for token in display_tokens if token])

    def execute(self, context: Context) -> JsonObject:
        """Answer an execute item: only click metrics, no event tokens, no options without type and content."""
        result = self._base()
        options: list[JsonValue] = []
        for option in self._options:
            if not option.is_empty:
                made = option.make(context)
                made.pop("eventToken", None)
                options.append(made)
        result["options"] = options
        result["metrics"] = [copy() for kind, copy in self._metrics if kind == "click"]
        return result

    def prefetch(self, context: Context) -> JsonObject:
        """Answer a prefetched mbox or page load: options with event tokens, no metrics."""
        result = self._base()
        result["options"] = [option.make(context) for option in self._options]
        return result

    def view(self, context: Context) -> JsonObject:
        """Answer a prefetched view: options with event tokens, and all metrics."""
        result = self.prefetch(context)
        result["metrics"] = [copy() for _, copy in self._metrics]
        return result


class _Option:
    """One option of a consequence.

    Attributes:
        is_empty: whether it has neither type nor content, so that the visitor sees the page unchanged.
    """

    __slots__ = ("_copy", "_fillings", "_of_geo", "_tokens", "is_empty")

    def __init__(self, option: JsonObject, meta: JsonObject, tokens: JsonObject, token_names: TokenNames) -> None:
        self.is_empty: bool = option.get("type") is None and option.get("content") is None
        self._tokens = tokens
        if "responseTokens" in option:
            self._tokens = {**as_object(option["responseTokens"]), **tokens}
        self._of_geo = token_names.of_geo
        self._fillings: Sequence[Callable[[JsonObject, JsonObject], None]] = ()
        self._copy = object_copier(self._with_macros(option, meta))

    def make(self, context: Context) -> JsonObject:
        """Return the option for a request."""
        made = self._copy()
        made["responseTokens"] = tokens = self._tokens.copy()
        if geo := context.visit.geo:
            for name, key in self._of_geo:
                if key in geo:
                    tokens[name] = geo[key]
        for fill_in in self._fillings:
            fill_in(made, context.item)
        return made

    def _with_macros(self, option: JsonObject, meta: JsonObject) -> JsonObject:
        """Fill in the macros in html and in the content of actions; remember the macros that depend on the request."""
        content, kind = option.get("content"), option.get("type")
        if kind == "html" and isinstance(content, str) and "${" in content:
            return self._filled(option, meta)
        if kind != "actions" or not isinstance(content, list):
            return option
        filled = {
            at: self._filled(action, meta, at)
            for at, action in enumerate(content)
            if isinstance(action, dict) and "${" in as_text(action.get("content"))
        }
        if not filled:
            return option
        return {**option, "content": [filled.get(at, action) for at, action in enumerate(content)]}

    def _filled(self, holder: JsonObject, meta: JsonObject, at: int | None = None) -> JsonObject:
        """Fill in the macros in the content of an option, or of the action at a position."""
        content = compile_macros(as_text(holder.get("content")), meta)
        if isinstance(content, str):
            return {**holder, "content": content}

        def fill_in(option: JsonObject, item: JsonObject) -> None:
            target = option if at is None else as_object(as_list(option.get("content"))[at])
            target["content"] = content(item)

        self._fillings = [*self._fillings, fill_in]
        return holder


def _with_display_tokens(options: list[JsonObject], metrics: list[JsonObject]) -> list[JsonObject]:
    """Return the options; one without an event token gets that of the display metric at its position."""
    displays = [
        metric["eventToken"] for metric in metrics if metric.get("type") == "display" and "eventToken" in metric
    ]
    return [
        {**option, "eventToken": displays[at]} if at < len(displays) and not option.get("eventToken") else option
        for at, option in enumerate(options)
    ]
