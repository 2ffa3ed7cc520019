"""Compare the limits, the defaults and the access of a schema."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from .differences import became, differ, short

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .differences import Change, Handler, Object, Where

AT_LEAST = ("minLength", "minItems", "minProperties")


AT_MOST = ("maxLength", "maxItems", "maxProperties")


def _number(value: Any) -> float | None:
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def _bound(schema: Object, plain: str, exclusive: str, sign: int) -> tuple[float, bool] | None:
    """Return the tightest bound as a number and whether it is excluded; a greater tuple is tighter."""
    value, other = _number(schema.get(plain)), schema.get(exclusive)
    bounds: list[tuple[float, bool]] = []
    if value is not None:
        bounds.append((sign * value, other is True))
    beyond = _number(other)
    if beyond is not None:
        bounds.append((sign * beyond, True))
    return max(bounds, default=None)


def _between(where: Where, old: Object, new: Object, plain: str, exclusive: str, sign: int) -> Iterator[Change]:
    before, after = (_bound(side, plain, exclusive, sign) for side in (old, new))

    def said(bound: tuple[float, bool] | None) -> str:
        return "none" if bound is None else f"{sign * bound[0]}{' (exclusive)' if bound[1] else ''}"

    if before == after:
        yield where.change("written differently", f"{plain} is written differently")
    elif after is None:
        yield where.change("limit looser", f"{plain} {said(before)} removed", old.get(plain))
    else:
        tighter = before is None or after > before
        text = f"{plain} {said(after)}, was {said(before)}: {'tighter' if tighter else 'looser'}"
        kind = "limit tighter" if tighter else "limit looser"
        yield where.change(kind, text, old.get(plain), new.get(plain))


def lower(where: Where, old: Object, new: Object) -> Iterator[Change]:
    """Compare the lower limits of a number."""
    return _between(where, old, new, "minimum", "exclusiveMinimum", 1)


def upper(where: Where, old: Object, new: Object) -> Iterator[Change]:
    """Compare the upper limits of a number."""
    return _between(where, old, new, "maximum", "exclusiveMaximum", -1)


def limit(key: str) -> Handler:
    """Return the handler of a limit of lengths or counts."""

    def handler(where: Where, old: Object, new: Object) -> Iterator[Change]:
        before, after = old.get(key), new.get(key)
        if any(value is not None and _number(value) is None for value in (before, after)):
            return
        least, sign = (0, 1) if key in AT_LEAST else (math.inf, -1)
        was, now = (sign * (least if value is None else value) for value in (before, after))
        if was == now:
            yield where.change("written differently", became(key, old, new), before, after)
        elif after is None:
            yield where.change("limit looser", f"{key} {before} removed", before)
        else:
            word = "tighter" if now > was else "looser"
            said = "none" if before is None else before
            yield where.change(f"limit {word}", f"{key} {after}, was {said}: {word}", before, after)

    return handler


def multiple(where: Where, old: Object, new: Object) -> Iterator[Change]:
    """Compare multipleOf."""
    before, after = _number(old.get("multipleOf")), _number(new.get("multipleOf"))
    if before is None or (before and after and after % before == 0):
        kind = "limit tighter"
    elif after is None or (after and before % after == 0):
        kind = "limit looser"
    else:
        kind = "limit not comparable"
    yield where.change(kind, f"{became('multipleOf', old, new)}: {kind.removeprefix('limit ')}", before, after)


def pattern(where: Where, old: Object, new: Object) -> Iterator[Change]:
    """Compare the patterns."""
    before, after = old.get("pattern"), new.get("pattern")
    kind = "limit tighter" if before is None else "limit looser" if after is None else "limit not comparable"
    yield where.change(kind, became("pattern", old, new), before, after)


def unique(where: Where, old: Object, new: Object) -> Iterator[Change]:
    """Compare uniqueItems."""
    before, after = old.get("uniqueItems") is True, new.get("uniqueItems") is True
    kind = "written differently" if before is after else "limit tighter" if after else "limit looser"
    yield where.change(kind, became("uniqueItems", old, new), before, after)


def default(where: Where, old: Object, new: Object) -> Iterator[Change]:
    """Compare the defaults."""
    before, after = old.get("default"), new.get("default")
    if "default" not in old:
        yield where.change("default added", f"absent means {short(after)}", None, after)
    elif "default" not in new:
        yield where.change("default removed", f"absent no longer means {short(before)}", before)
    else:
        yield where.change("default changed", f"absent means {short(after)} instead of {short(before)}", before, after)


def access(where: Where, old: Object, new: Object) -> Iterator[Change]:
    """Compare readOnly and writeOnly."""
    for key in ("readOnly", "writeOnly"):
        before, after = old.get(key) is True, new.get(key) is True
        if before is not after:
            yield where.change(f"{key} {'added' if after else 'removed'}", became(key, old, new), before, after)
        elif differ(old, new, (key,)):
            yield where.change("written differently", became(key, old, new))
