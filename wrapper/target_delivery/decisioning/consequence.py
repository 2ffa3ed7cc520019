"""What a rule that applies puts into the answer (on-device.md section 4).

Everything that does not depend on the request is worked out when the artifact is compiled. Each answer gets copies: a
caller may do with an answer what it likes, the artifact stays as it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_delivery.decisioning._json import as_list, as_object, as_text, copier, list_copier, object_copier
from target_delivery.decisioning.macros import compile_macros

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from target_delivery.decisioning._json import JsonObject, JsonValue
    from target_delivery.decisioning.context import Context

    MakeOption = Callable[[Context], JsonObject]
    MakeContent = Callable[[Context], JsonValue]

__all__ = ["Consequence"]

_FROM_META = frozenset(
    {
        *(
            f"{subject}.{of}"
            for subject in ("activity", "experience", "location", "offer", "option")
            for of in ("id", "name")
        ),
        "activity.type",
    }
)
"""Response tokens whose values are the rule's meta."""

_FROM_GEO = {
    "geo.city": "city",
    "geo.country": "country",
    "geo.state": "region",
    "geo.latitude": "latitude",
    "geo.longitude": "longitude",
}
"""Response tokens whose values are the visitor's place, and what the context calls them."""


class Consequence:
    """The consequence of one rule, ready for each way to ask for it.

    Args:
        consequence: ``consequence`` of the rule.
        name: name of the mbox or view, for a consequence that has none.
        meta: ``meta`` of the rule.
        token_names: ``responseTokens`` of the artifact.

    Attributes:
        name: name of the mbox or view.
        display_tokens: the event tokens of its impression.

    Raises:
        ValueError: part of it nests too deep.

    """

    __slots__ = (
        "_base",
        "_clicks",
        "_execute_options",
        "_metrics",
        "_prefetch_options",
        "display_tokens",
        "name",
    )

    def __init__(
        self, consequence: JsonObject, name: str, meta: JsonObject, token_names: Iterable[str]
    ) -> None:
        self.name = as_text(consequence.get("name")) or name
        rest = {key: value for key, value in consequence.items() if key not in ("options", "metrics")}
        self._base = object_copier({**rest, "name": self.name})
        metrics = [metric for metric in as_list(consequence.get("metrics")) if isinstance(metric, dict)]
        self._metrics = [object_copier(metric) for metric in metrics]
        self._clicks = [object_copier(metric) for metric in metrics if metric.get("type") == "click"]
        options = _with_display_tokens(consequence, metrics)
        self.display_tokens = tuple(
            dict.fromkeys(token for option in options if (token := as_text(option.get("eventToken"))))
        )
        tokens = _Tokens(meta, token_names)
        self._prefetch_options = [_option(option, meta, tokens) for option in options]
        self._execute_options = [
            _option({key: value for key, value in option.items() if key != "eventToken"}, meta, tokens)
            for option in options
            if option.get("type") is not None or option.get("content") is not None
        ]

    def execute(self, context: Context) -> JsonObject:
        """Answer an execute item: only click metrics, no event tokens in options, no empty options."""
        result = self._base()
        result["options"] = [make(context) for make in self._execute_options]
        result["metrics"] = [make() for make in self._clicks]
        return result

    def prefetch(self, context: Context) -> JsonObject:
        """Answer a prefetched mbox or page load: options with event tokens, no metrics."""
        result = self._base()
        result["options"] = [make(context) for make in self._prefetch_options]
        return result

    def view(self, context: Context) -> JsonObject:
        """Answer a prefetched view: options with event tokens, and all metrics."""
        result = self.prefetch(context)
        result["metrics"] = [make() for make in self._metrics]
        return result


class _Tokens:
    """The response tokens of a rule: those that are known, and those that the visitor's place decides."""

    __slots__ = ("known", "of_geo")

    def __init__(self, meta: JsonObject, names: Iterable[str]) -> None:
        self.of_geo = tuple((name, _FROM_GEO[name]) for name in names if name in _FROM_GEO)
        self.known: JsonObject = {
            name: meta[name] for name in names if name in _FROM_META and meta.get(name) is not None
        }
        self.known["activity.decisioningMethod"] = "on-device"


def _with_display_tokens(consequence: JsonObject, metrics: list[JsonObject]) -> list[JsonObject]:
    """Give an option without an event token that of the display metric at its position."""
    displays = [metric.get("eventToken") for metric in metrics if metric.get("type") == "display"]
    options = [option for option in as_list(consequence.get("options")) if isinstance(option, dict)]
    return [
        {**option, "eventToken": displays[at]}
        if not option.get("eventToken") and at < len(displays) and displays[at]
        else option
        for at, option in enumerate(options)
    ]


def _option(option: JsonObject, meta: JsonObject, tokens: _Tokens) -> MakeOption:
    """Prepare an option: a copy of it, its content for the request, its response tokens."""
    content, make_content = _content(option, meta)
    base = {**option, "content": content} if make_content is None and "content" in option else option
    if make_content is not None:
        base = {key: value for key, value in option.items() if key != "content"}
    copy_base = object_copier(base)
    known, of_geo = {**as_object(option.get("responseTokens")), **tokens.known}, tokens.of_geo
    copy_known = object_copier(known)

    def make(context: Context) -> JsonObject:
        made = copy_base()
        if make_content is not None:
            made["content"] = make_content(context)
        made["responseTokens"] = response_tokens = copy_known()
        if of_geo and (geo := context.visit.geo):
            for name, key in of_geo:
                if key in geo:
                    response_tokens[name] = geo[key]
        return made

    return make


def _content(option: JsonObject, meta: JsonObject) -> tuple[JsonValue, MakeContent | None]:
    """Give content that is the same for every request, or a function that makes it.

    Macros are filled in in html and in the contents of actions, nowhere else.
    """
    content = option.get("content")
    if option.get("type") == "html" and isinstance(content, str):
        return _text(content, meta)
    if option.get("type") == "actions" and isinstance(content, list):
        return _actions(content, meta)
    if isinstance(content, (dict, list)):
        copy_content = copier(content)
        return None, lambda _: copy_content()
    return content, None


def _text(content: str, meta: JsonObject) -> tuple[JsonValue, MakeContent | None]:
    filled_in = compile_macros(content, meta)
    if isinstance(filled_in, str):
        return filled_in, None
    return None, lambda context: filled_in(context.item)


def _actions(actions: list[JsonValue], meta: JsonObject) -> tuple[JsonValue, MakeContent | None]:
    known: list[JsonValue] = []
    made: list[tuple[int, MakeContent]] = []
    for at, action in enumerate(actions):
        if isinstance(action, dict) and isinstance(text := action.get("content"), str):
            content, make = _text(text, meta)
            known.append({**action, "content": content})
            if make is not None:
                made.append((at, make))
        else:
            known.append(action)
    copy_known = list_copier(known)

    def make_actions(context: Context) -> JsonValue:
        result = copy_known()
        for at, make in made:
            as_object(result[at])["content"] = make(context)
        return result

    return None, make_actions
