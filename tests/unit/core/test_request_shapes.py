"""A request that was read from JSON of any shape is prepared or refused, and is never changed."""

from __future__ import annotations

import copy
from contextlib import suppress
from typing import Any

from hypothesis import given, settings, strategies as st

from target_delivery import DeliveryRequest, OptionError
from target_delivery_api.errors import ModelError
from tests.unit.core.shell import core
from tests.virtual import VirtualTime

CORE = core(VirtualTime(now=1_700_000_000.0))
NAMES = [
    "requestId", "impressionId", "id", "property", "preview", "qaMode", "experienceCloud", "execute", "prefetch",
    "notifications", "context",
]  # fmt: skip
INNER = [
    "id", "type", "timestamp", "tntId", "token", "mboxes", "views", "pageLoad", "parameters", "order", "product", "geo",
    "ipAddress", "tokens", "mbox", "state", "customerIds", "analytics", "audienceManager", "blob", "name", "index",
]  # fmt: skip
scalars = st.sampled_from(["", " ", "x", 5, 1.5, True, None, "display", "fe80::1%x"])
parts: st.SearchStrategy[Any] = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(INNER), inner, max_size=4),
    max_leaves=10,
)


@settings(max_examples=1000, deadline=None)
@given(st.dictionaries(st.sampled_from(NAMES), parts, max_size=4))
def test_json_of_any_shape_is_prepared_or_refused_and_never_changed(json: dict[str, Any]) -> None:
    before = copy.deepcopy(json)
    with suppress(ModelError):
        request = DeliveryRequest.from_dict({"execute": {"pageLoad": {}}, **json})
        with suppress(OptionError):
            CORE.get_offers({"request": request}, callbacks=False)
        with suppress(OptionError):
            CORE.prepare_notifications({"request": request})
    assert json == before
