"""An edge of your own: the Delivery API on loopback, for tests and demos without an Adobe account.

::

    with Sandbox() as edge, TargetClient.create(edge.client_options()) as client:
        client.get_offers({"request": ...})
        assert edge.ledger.impressions.total() == 1

It validates requests as the specification says, decides with the engine of on-device decisioning, checks the event
tokens and states that come back, counts impressions and clicks in a ledger, and produces faults on demand. It also
serves the artifact and locates visitors, so that clients of every decisioning method can be tested with it.
"""

from importlib import import_module

_NEEDED = ("jsonschema", "mmh3", "publicsuffixlist", "rich", "starlette", "uvicorn")

try:
    for _package in _NEEDED:  # the modules below import some of them only later; report a missing one now
        import_module(_package)
    from target_delivery.sandbox.artifact import Artifact, demo_artifact
    from target_delivery.sandbox.decider import Decider, Decision, EngineDecider, Item, requested_items
    from target_delivery.sandbox.faults import (
        ArmedFault,
        Fault,
        Faults,
        Latency,
        NotJson,
        OmitNotifications,
        RefusedConnection,
        Reset,
        Status,
        TruncatedBody,
    )
    from target_delivery.sandbox.ledger import Counts, Ledger
    from target_delivery.sandbox.requests import Exchange, ReceivedRequest
    from target_delivery.sandbox.sandbox import Sandbox
except ModuleNotFoundError as _error:
    _missing = (_error.name or "").partition(".")[0]
    if _missing not in _NEEDED:
        raise
    raise ImportError(
        f'target_delivery.sandbox needs the extra "sandbox" ({_missing} is not installed): '
        'pip install "target-delivery[sandbox]"',
        name=_missing,
    ) from _error

__all__ = [
    "ArmedFault",
    "Artifact",
    "Counts",
    "Decider",
    "Decision",
    "EngineDecider",
    "Exchange",
    "Fault",
    "Faults",
    "Item",
    "Latency",
    "Ledger",
    "NotJson",
    "OmitNotifications",
    "ReceivedRequest",
    "RefusedConnection",
    "Reset",
    "Sandbox",
    "Status",
    "TruncatedBody",
    "demo_artifact",
    "requested_items",
]
