"""Edge clusters that only a visitor's cookie names delay nobody else's notifications."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import Iterator
from statistics import median
from typing import Any

import httpx
import pytest

from target_delivery import DeliveryRequest, MboxRequest, PrefetchRequest, TargetClient
from target_delivery.outbox import MemoryStore, NotificationOutbox
from target_delivery.sandbox import Sandbox
from tests.integration.outbox.world import Make, eventually, notification, options
from tests.virtual import VirtualTime

COUNT = 100
DEAD = [str(number) for number in range(100, 164)]


class Network:
    """A name service: the edge's clusters that work are the sandbox, the others accept and never answer."""

    def __init__(self, edge: Sandbox, dead: int) -> None:
        self._edge = httpx.URL(edge.url)
        self._dead = dead
        self.hosts: list[str] = []
        self.confirmed: dict[str, float] = {}

    def lead(self, request: httpx.Request) -> None:
        host = request.url.host
        self.hosts.append(host)
        works = host in ("sandbox.tt.omtrdc.net", "mboxedge35.tt.omtrdc.net", "mboxedge28.tt.omtrdc.net")
        request.url = request.url.copy_with(host="127.0.0.1", port=self._edge.port if works else self._dead)

    def note(self, request: httpx.Request) -> None:
        for one in json.loads(request.content)["notifications"]:
            self.confirmed[one["id"]] = time.monotonic()


class Transport(httpx.HTTPTransport):
    def __init__(self, network: Network) -> None:
        super().__init__()
        self._network = network

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self._network.lead(request)
        response = super().handle_request(request)
        self._network.note(request)
        return response


class AsyncTransport(httpx.AsyncHTTPTransport):
    def __init__(self, network: Network) -> None:
        super().__init__()
        self._network = network

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self._network.lead(request)
        response = await super().handle_async_request(request)
        self._network.note(request)
        return response


@pytest.fixture
def network(edge: Sandbox) -> Iterator[Network]:
    with socket.create_server(("127.0.0.1", 0), backlog=1000) as silent:
        yield Network(edge, silent.getsockname()[1])


@pytest.fixture
def client(network: Network, kind: str) -> Iterator[dict[str, Any]]:
    """Return options of a client whose clusters are those of the network."""
    http_client: Any = (
        httpx.Client(transport=Transport(network))
        if kind == "threads"
        else httpx.AsyncClient(transport=AsyncTransport(network))
    )
    yield {"http_client": http_client, "server_domain": None, "secure": False, "timeout": 1000, "retries": 0}
    if kind == "threads":
        http_client.close()
    else:
        asyncio.run(http_client.aclose())


def given(id_: str, cluster: str | None, visitor: str) -> Any:
    """Return the options of a call whose cookies name an edge cluster."""
    found = options(notification(id_), visitor=visitor)
    found["request"].id = None
    if cluster is not None:
        found["cookies"] = {"mboxEdgeCluster": cluster}
    return found


def delays(outbox: Any, network: Network, name: str, cluster: str | None) -> list[float]:
    """Send notifications of as many visitors, forty a second. Return the seconds until each was confirmed."""
    sent: dict[str, float] = {}
    for number in range(COUNT):
        id_ = f"{name}{number}"
        sent[id_] = time.monotonic()
        outbox.send_notifications(given(id_, cluster, f"{name}{number}"))
        time.sleep(max(0.0, 0.025 - (time.monotonic() - sent[id_])))
    deadline = time.monotonic() + 20
    while not sent.keys() <= network.confirmed.keys() and time.monotonic() < deadline:
        time.sleep(0.01)
    return [network.confirmed.get(id_, deadline) - at for id_, at in sent.items()]


@pytest.mark.parametrize("cluster", [None, "35"], ids=["without", "of-a-cookie"])
def test_one_visitor_cannot_delay_everybody_else(
    edge: Sandbox, make: Make, network: Network, client: dict[str, Any], cluster: str | None
) -> None:
    """One visitor names 64 clusters that never answer. The others wait hardly longer than without that visitor."""
    alone = median(delays(make(client=client), network, "alone", cluster))
    outbox = make(client=client)
    for number in DEAD:
        outbox.send_notifications(given(f"dead{number}", number, "attacker"))
    beside = median(delays(outbox, network, "beside", cluster))
    assert beside <= 2 * alone, f"{beside:.3f} s, and {alone:.3f} s without the other visitor"
    eventually(lambda: outbox.stats().stored == len(DEAD))  # they keep waiting for their clusters


def test_a_cluster_is_known_when_the_edge_has_named_it(make: Make, network: Network, client: dict[str, Any]) -> None:
    """One call at a time goes to a cluster that is not known, and as many as the settings allow to one that is."""
    store = MemoryStore()
    outbox = make(store, client=client, linger=0.0)
    outbox.send_notifications(given("first", "28", "first"))
    assert outbox.flush(10) == 0
    # The sandbox answers at both clusters, and says that it is cluster 35.
    outbox.send_notifications(given("none", "99", "none"))
    outbox.send_notifications(given("second", "35", "second"))
    eventually(lambda: outbox.stats().stored == 1)
    assert network.hosts[0] == "mboxedge28.tt.omtrdc.net"
    assert "mboxedge35.tt.omtrdc.net" in network.hosts
    assert store.next_due({"?"}) is None, "only the item of the cluster that nobody knows is left"
    assert outbox.stats().stored == 1


def test_a_cookie_cannot_make_any_number_of_routes(make: Make, network: Network, client: dict[str, Any]) -> None:
    store = MemoryStore()
    outbox = make(store, client=client, linger=60.0, clock=VirtualTime().clock)
    outbox.send_all(given("n", str(1000 + number), f"visitor{number}") for number in range(200))
    routes = {route for (route,) in store._sqlite.execute("SELECT route FROM item")}  # type: ignore[union-attr]  # open
    assert routes == {"?"}


def test_a_cluster_that_answered_another_call_of_the_client_is_known_to_the_outbox() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        ids = [{"id": one["id"]} for one in json.loads(request.content).get("notifications", ())]
        return httpx.Response(200, json={"status": 200, "edgeHost": "mboxedge35.tt.omtrdc.net", "notifications": ids})

    options_of_client: Any = {
        "client": "demo",
        "organization_id": "demo@AdobeOrg",
        "http_client": httpx.Client(transport=httpx.MockTransport(answer)),
    }
    with TargetClient.create(options_of_client) as client:
        outbox = NotificationOutbox(client, store=MemoryStore())
        engine = outbox._process().engine
        assert not client.knows_cluster("35")
        assert not engine._clusters.know("35")
        request = DeliveryRequest(prefetch=PrefetchRequest(mboxes=[MboxRequest(name="home")]))
        client.get_offers({"request": request})
        assert client.knows_cluster("35")
        assert engine._clusters.know("35")
        assert not engine._clusters.know("36")
        outbox.close()
