"""One interface for both kinds of client, the wires that they send over, and a fake wire for them."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable, Coroutine
from contextvars import copy_context
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Protocol, TypeVar

import httpx
import pytest
from attrs import evolve, frozen

from target_delivery import AsyncTargetClient, AttributesProvider, TargetClient, TargetDeliveryResponse
from tests.tls import CERTIFICATE, client_context

OPTIONS = {"client": "demo", "organization_id": "demo@AdobeOrg"}
T = TypeVar("T")
Answering = Callable[[httpx.Request], httpx.Response]


@frozen
class WireKind:
    """One of the ways in which a client sends its requests."""

    name: str
    kind: str
    """The kind of client that sends in this way: ``threads`` or ``asyncio``."""
    given: str = ""
    """The library of the caller's own HTTP client; empty for the SDK's own connections."""
    hidden: tuple[str, ...] = ()
    """Modules that the SDK must not find, because it would prefer them."""
    needs: tuple[str, ...] = ()
    """Modules without which this wire cannot be tested."""
    only_httpx: bool = False
    """Whether a TargetClient sends all requests with httpx, as it does through a proxy."""

    def __str__(self) -> str:
        return self.name

    def prepare(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Let the clients that are made from now on use this wire, and trust the certificate of the tests."""
        monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
        for module in self.hidden:
            # None marks a module that cannot be imported.
            monkeypatch.setitem(sys.modules, module, None)
        if self.only_httpx:
            from target_delivery._http.httpx_wire import HttpxWire
            from target_delivery._http.settings import read_settings

            def new_wire(_: object, *, trust_env: bool) -> HttpxWire:
                return HttpxWire(evolve(read_settings(trust_env=trust_env), http2=False))

            monkeypatch.setattr("target_delivery.client.new_wire", new_wire)

    def new_http_client(self, **options: Any) -> Any:
        """Return an HTTP client for the option http_client; None if the SDK makes the connections."""
        if not self.given:
            return None
        library = import_module(self.given)
        cls = library.Client if self.kind == "threads" else library.AsyncClient
        return cls(**{"verify": client_context(), **options})

    def new_driver(self, options: Any) -> TargetClient | AsyncDriver:
        """Return a client."""
        return TargetClient.create(options) if self.kind == "threads" else AsyncDriver(options)


THREADS, ASYNCIO = WireKind("threads", "threads"), WireKind("asyncio", "asyncio")
"""The wires that clients choose by themselves, from what is installed."""
OWN_WIRES = [
    WireKind("threads-sockets", "threads"),
    WireKind("threads-httpx", "threads", only_httpx=True),
    WireKind("asyncio-aiohttp", "asyncio", needs=("aiohttp", "target_delivery._http.aiohttp_wire")),
    WireKind("asyncio-httpx", "asyncio", hidden=("aiohttp",)),
]
GIVEN_WIRES = [
    WireKind(f"{kind}-given-{library}", kind, given=library, needs=(library,))
    for kind in ("threads", "asyncio")
    for library in ("httpx", "httpx2")
]


def is_installed(module: str) -> bool:
    return find_spec(module) is not None


def every_wire(
    but: Callable[[WireKind], bool] = lambda wire: False, among: list[WireKind] | None = None, slow: bool = False
) -> pytest.MarkDecorator:
    """Run a test with every wire, instead of once with threads and once in asyncio.

    Clients of httpx2 are tried among the slow tests, which `nox -s chaos` runs.

    Args:
        but: returns whether a wire cannot keep the promise under test. The caller says why.
        among: the wires; all of them if it is None.
        slow: whether clients of httpx, too, are tried among the slow tests.
    """
    wires = [one for one in among or OWN_WIRES + GIVEN_WIRES if not but(one) and all(map(is_installed, one.needs))]
    late = ("httpx", "httpx2") if slow else ("httpx2",)
    return pytest.mark.parametrize(
        "wire_kind",
        [pytest.param(one, marks=pytest.mark.slow if one.given in late else ()) for one in wires],
        indirect=True,
        ids=str,
    )


def is_asyncio(wire: WireKind) -> bool:
    return wire.kind == "asyncio"


def is_threads(wire: WireKind) -> bool:
    return wire.kind == "threads"


class Driver(Protocol):
    """A client of either kind, with blocking calls."""

    def get_offers(self, options: Any) -> TargetDeliveryResponse: ...
    def send_notifications(self, options: Any) -> TargetDeliveryResponse: ...
    def get_attributes(self, names: Any, options: Any = None) -> AttributesProvider: ...
    def wait_until_ready(self, timeout: float | None = None) -> bool: ...
    def close(self) -> None: ...


class AsyncDriver:
    """An AsyncTargetClient that runs in its own event loop."""

    def __init__(self, options: Any) -> None:
        self._runner = asyncio.Runner()
        try:
            self.client: AsyncTargetClient = AsyncTargetClient.create(options)
        except BaseException:
            self._runner.close()
            raise

    def get_offers(self, options: Any) -> TargetDeliveryResponse:
        return self.run(self.client.get_offers(options))

    def send_notifications(self, options: Any) -> TargetDeliveryResponse:
        return self.run(self.client.send_notifications(options))

    def get_attributes(self, names: Any, options: Any = None) -> AttributesProvider:
        return self.run(self.client.get_attributes(names, options))

    def wait_until_ready(self, timeout: float | None = None) -> bool:
        return self.run(self.client.wait_until_ready(timeout))

    def close(self) -> None:
        self.run(self.client.close())

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine in the event loop of the client, and in the context of the caller."""
        return self._runner.run(work, context=copy_context())

    def end(self, http_client: Any = None) -> None:
        """Close the client, then an HTTP client of the caller's own, then the event loop."""
        self.close()
        if http_client is not None:
            self.run(http_client.aclose())
        self._runner.close()


class Wire:
    """A fake wire: keeps every request, and answers with the function `answer`."""

    def __init__(self, kind: str) -> None:
        self.sent: list[httpx.Request] = []
        self.answer: Answering = lambda _: httpx.Response(200, json={"status": 200})
        self.http_client: httpx.Client | httpx.AsyncClient = (
            httpx.Client(transport=httpx.MockTransport(self._handle))
            if kind == "threads"
            else httpx.AsyncClient(transport=httpx.MockTransport(self._handle))
        )

    def _handle(self, request: httpx.Request) -> httpx.Response:
        self.sent.append(request)
        return self.answer(request)

    @property
    def body(self) -> Any:
        """The JSON of the last request."""
        return json.loads(self.sent[-1].content)
