"""The faults of a sandbox, and whether the requests that they hit are counted."""

import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import httpx
import pytest

from target_delivery.sandbox import (
    Fault,
    Latency,
    NotJson,
    OmitNotifications,
    ReceivedRequest,
    RefusedConnection,
    Reset,
    Sandbox,
    Status,
    TruncatedBody,
)
from tests.integration.sandbox.exchanges import (
    QUERY,
    URL,
    Post,
    connect,
    display_token,
    dumps,
    mboxes,
    notification,
    poster,
    prefetched,
)

HOME = ("1001", "0")
HOME_REQUEST = dumps({"context": {"channel": "web"}, "impressionId": "i", "execute": mboxes("home")})


def raw_exchange(edge: Sandbox, body: bytes = HOME_REQUEST) -> tuple[bytes, bool]:
    """Send a request on a connection of its own. Return the bytes of the answer, and whether there was a reset."""
    host, _, port = edge.server_domain.rpartition(":")
    head = f"POST {URL}?imsOrgId=S@AdobeOrg&sessionId=s HTTP/1.1\r\nHost: [::1]\r\nContent-Length: {len(body)}\r\n\r\n"
    received = bytearray()
    with socket.create_connection((host, int(port)), timeout=5) as connection:
        connection.sendall(head.encode() + body)
        try:
            while chunk := connection.recv(65536):
                received += chunk
        except ConnectionResetError:
            return bytes(received), True
    return bytes(received), False


def body_of(message: bytes) -> tuple[int, bytes]:
    """Return the Content-Length, and the part of the body that arrived."""
    head, _, body = message.partition(b"\r\n\r\n")
    (length,) = [line.split(b":")[1] for line in head.lower().split(b"\r\n") if line.startswith(b"content-length")]
    return int(length), body


@pytest.mark.parametrize(("fault", "impressions"), [(Status(503), 0), (Status(504, processed=True), 1)])
def test_a_status_comes_with_an_unexpected_error_and_once(
    edge: Sandbox, post: Post, fault: Status, impressions: int
) -> None:
    edge.faults.add(fault)
    answer = post(execute=mboxes("home"), impressionId="i")
    assert answer.status_code == fault.code
    assert answer.json()["status"] == fault.code
    assert "retry-after" not in answer.headers
    assert edge.ledger.impressions.total() == impressions
    assert post(execute=mboxes("home"), impressionId="i").status_code == 200
    assert edge.ledger.impressions.total() == 1


def test_a_status_can_have_a_retry_after_header(edge: Sandbox, post: Post) -> None:
    edge.faults.add(Status(429, retry_after=2))
    answer = post()
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "2")
    assert answer.json() == {"status": 429, "message": "Too Many Requests"}


def test_a_status_without_a_standard_name_has_a_general_message(edge: Sandbox, post: Post) -> None:
    edge.faults.add(Status(599))
    assert post().json() == {"status": 599, "message": "Error"}


@pytest.mark.parametrize(("after_bytes", "expected"), [(None, None), (0, 0), (10, 10), (100_000, -1)])
def test_a_truncated_body_ends_short_of_its_length_and_was_counted(
    edge: Sandbox, after_bytes: int | None, expected: int | None
) -> None:
    edge.faults.add(TruncatedBody(after_bytes))
    message, reset = raw_exchange(edge)
    assert not reset
    assert message.startswith(b"HTTP/1.1 200 OK\r\n")
    length, body = body_of(message)
    assert len(body) == {None: length // 2, -1: length - 1}.get(expected, expected)
    assert edge.ledger.impressions == {HOME: 1}


@pytest.mark.parametrize(("after_bytes", "expected"), [(None, None), (10, 10), (100_000, -1)])
def test_a_reset_in_mid_body_comes_after_counting(edge: Sandbox, after_bytes: int | None, expected: int | None) -> None:
    edge.faults.add(Reset(after_bytes))
    message, reset = raw_exchange(edge)
    assert reset
    length, body = body_of(message)
    assert len(body) == {None: length // 2, -1: length - 1}.get(expected, expected)
    assert edge.ledger.impressions == {HOME: 1}


@pytest.mark.parametrize(
    ("fault", "impressions"),
    [(Reset(0), 1), (Reset(processed=False), 0), (Reset(10, processed=False), 0), (RefusedConnection(), 0)],
)
def test_a_reset_before_the_first_byte(edge: Sandbox, fault: Fault, impressions: int) -> None:
    edge.faults.add(fault)
    assert raw_exchange(edge) == (b"", True)
    assert edge.ledger.impressions.total() == impressions
    assert edge.ledger.requests == impressions
    assert len(edge.requests) == 1


def test_a_reset_reaches_an_http_client_as_a_broken_connection(edge: Sandbox, post: Post) -> None:
    edge.faults.add(Reset())
    with pytest.raises(httpx.ReadError):
        post(execute=mboxes("home"), impressionId="i")
    edge.faults.add(TruncatedBody())
    with pytest.raises(httpx.RemoteProtocolError):
        post(execute=mboxes("home"), impressionId="i")
    assert post(execute=mboxes("home"), impressionId="i").status_code == 200
    assert edge.ledger.impressions == {HOME: 1}
    assert edge.ledger.duplicates == 2


def test_a_large_answer_is_reset_no_later_than_it_should(edge: Sandbox) -> None:
    edge.faults.add(Reset())
    body = {"context": {"channel": "web"}, "execute": mboxes(*["product1"] * 2000)}
    message, reset = raw_exchange(edge, dumps(body))
    assert reset
    length, received = body_of(message)
    assert length > 1_000_000
    assert 0 < len(received) <= length // 2


@pytest.mark.parametrize(("fault", "impressions"), [(NotJson(), 0), (NotJson(processed=True), 1)])
def test_a_page_in_place_of_json(edge: Sandbox, post: Post, fault: NotJson, impressions: int) -> None:
    edge.faults.add(fault)
    answer = post(execute=mboxes("home"))
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/html")
    assert answer.text == fault.content
    assert edge.ledger.impressions.total() == impressions


def test_omitted_notifications_are_not_counted_until_they_are_sent_again(edge: Sandbox, post: Post) -> None:
    token = display_token(prefetched(post))
    shown = [notification(id_, [token]) for id_ in ("a", "b")]
    edge.faults.add(OmitNotifications(frozenset({"a"})))
    assert post(notifications=shown).json()["notifications"] == [{"id": "b"}]
    assert (edge.ledger.impressions.total(), edge.ledger.notifications) == (1, ["b"])
    assert post(notifications=shown[:1]).json()["notifications"] == [{"id": "a"}]
    assert (edge.ledger.impressions.total(), edge.ledger.notifications) == (2, ["b", "a"])


def test_notifications_that_were_counted_and_omitted_are_not_counted_twice(edge: Sandbox, post: Post) -> None:
    shown = notification("a", [display_token(prefetched(post))], impressionId="i")
    edge.faults.add(OmitNotifications(processed=True))
    assert post(notifications=[shown]).json()["notifications"] == []
    assert edge.ledger.impressions.total() == 1
    assert post(notifications=[shown]).json()["notifications"] == [{"id": "a"}]
    assert edge.ledger.impressions.total() == 1


@pytest.mark.parametrize(("processed", "impressions"), [(False, 0), (True, 1)])
def test_latency_is_before_or_after_counting(edge: Sandbox, processed: bool, impressions: int) -> None:
    edge.faults.add(Latency(60_000, processed=processed))
    with connect(edge) as client, pytest.raises(httpx.ReadTimeout):
        client.post(URL, params=QUERY, content=HOME_REQUEST, timeout=0.2)
    assert edge.ledger.impressions.total() == impressions


def test_latencies_add_to_each_other_and_to_other_faults(edge: Sandbox, post: Post) -> None:
    for fault in (Latency(30), Status(503), Latency(40, processed=True), Status(429)):
        edge.faults.add(fault)
    started = time.perf_counter()
    assert post().status_code == 503
    assert time.perf_counter() - started > 0.07
    # The second status was kept for the next request.
    assert post().status_code == 429
    assert post().status_code == 200


def test_a_fault_strikes_as_often_as_asked_and_where_it_matches(edge: Sandbox, post: Post) -> None:
    def asks_for_home(request: ReceivedRequest) -> bool:
        return "execute" in request.json

    armed = edge.faults.add(Status(500), times=2, match=asks_for_home)
    statuses = [post().status_code] + [post(execute={}).status_code for _ in range(3)]
    assert statuses == [200, 500, 500, 200]
    assert armed.struck == 2


def test_a_fault_can_be_removed_cleared_and_used_in_a_with_statement(edge: Sandbox, post: Post) -> None:
    with edge.faults.add(Status(500), times=None):
        assert [post().status_code, post().status_code] == [500, 500]
    assert post().status_code == 200
    armed = edge.faults.add(Status(500))
    armed.remove()
    armed.remove()
    edge.faults.add(Status(500))
    edge.faults.clear()
    assert post().status_code == 200


def test_a_fault_of_a_probability_strikes_in_the_same_places_for_the_same_seed() -> None:
    def statuses(seed: int) -> list[int]:
        with Sandbox(fault_seed=seed) as edge, connect(edge) as client:
            edge.faults.add(Status(503), times=None, probability=0.2)
            return [poster(client)().status_code for _ in range(100)]

    first = statuses(1)
    assert 5 < first.count(503) < 40
    assert statuses(1) == first
    assert statuses(2) != first


def test_faults_spare_the_ledger(edge: Sandbox, client: httpx.Client) -> None:
    edge.faults.add(Status(500))
    assert client.get("/ledger").status_code == 200


def test_a_closed_port_refuses_connections_and_opens_again(edge: Sandbox, client: httpx.Client) -> None:
    post = poster(client)
    domain = edge.server_domain
    assert post().status_code == 200
    for _ in range(3):
        with edge.faults.add(RefusedConnection(), times=None):
            # The idle connection of the client's pool was closed as well.
            with pytest.raises(httpx.ConnectError) as refused:
                post()
            assert "refused" in str(refused.value)
        assert edge.server_domain == domain
        assert post().status_code == 200
    assert edge.ledger.requests == 4


def test_the_port_of_a_sandbox_that_refuses_stays_taken(edge: Sandbox) -> None:
    port = int(edge.server_domain.rpartition(":")[2])
    edge.faults.add(RefusedConnection(), times=None)
    with socket.socket() as other, pytest.raises(OSError, match="Address already in use"):
        other.bind(("127.0.0.1", port))


def test_two_refusals_end_with_the_later_one(edge: Sandbox, post: Post) -> None:
    with edge.faults.add(RefusedConnection(), times=None):
        with edge.faults.add(RefusedConnection(), times=None):
            pass
        with pytest.raises(httpx.ConnectError):
            post()
    assert post().status_code == 200


def test_a_sandbox_can_start_with_its_port_closed() -> None:
    edge = Sandbox()
    armed = edge.faults.add(RefusedConnection(), times=None)
    with edge, connect(edge) as client:
        with pytest.raises(httpx.ConnectError):
            poster(client)()
        armed.remove()
        assert poster(client)().status_code == 200


def test_the_port_can_be_closed_on_the_thread_of_the_sandbox(edge: Sandbox, post: Post) -> None:
    def close_port(request: ReceivedRequest) -> bool:
        edge.faults.add(RefusedConnection(), times=None)
        return False

    edge.faults.add(Status(500), match=close_port)
    assert post().status_code == 200
    edge.faults.clear()
    with connect(edge) as client:
        assert poster(client)().status_code == 200


@contextmanager
def request_under_way(edge: Sandbox, latency: float = 60_000) -> Iterator[socket.socket]:
    """Send a request that is answered after ``latency`` milliseconds, and yield its connection."""
    arrived = threading.Event()

    def arrive(request: ReceivedRequest) -> bool:
        arrived.set()
        return True

    edge.faults.add(Latency(latency), match=arrive)
    host, _, port = edge.server_domain.rpartition(":")
    with socket.create_connection((host, int(port)), timeout=5) as connection:
        head = f"POST {URL}?imsOrgId=S@AdobeOrg&sessionId=s HTTP/1.1\r\nHost: [::1]\r\nContent-Length: 2\r\n\r\n{{}}"
        connection.sendall(head.encode())
        assert arrived.wait(5)
        yield connection


def test_a_request_under_way_is_answered_though_the_port_closes(edge: Sandbox) -> None:
    with request_under_way(edge, 300) as connection, edge.faults.add(RefusedConnection(), times=None):
        answer = b""
        while chunk := connection.recv(4096):
            answer += chunk
        assert answer.startswith(b"HTTP/1.1 400")


def test_stop_cuts_requests_under_way_and_processes_none_of_them(caplog: pytest.LogCaptureFixture) -> None:
    edge = Sandbox().start()
    with request_under_way(edge) as connection:
        started = time.perf_counter()
        edge.stop()
        assert time.perf_counter() - started < 0.5
        with suppress(ConnectionResetError):
            assert connection.recv(1) == b""
    assert (edge.ledger.requests, edge.ledger.rejected) == (0, 0)
    assert caplog.records == []


def test_a_client_that_goes_away_does_no_harm(caplog: pytest.LogCaptureFixture) -> None:
    with Sandbox() as edge:
        host, _, port = edge.server_domain.rpartition(":")
        for message in (
            b"POST ",
            f"POST {URL} HTTP/1.1\r\nHost: [::1]\r\nContent-Length: 9\r\n\r\n{{".encode(),
        ):
            connection = socket.create_connection((host, int(port)))
            connection.sendall(message)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.close()
        with connect(edge) as client:
            assert poster(client)().status_code == 200
    assert caplog.records == []


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        (lambda: Latency(-1), "a latency of -1 ms is negative"),
        (lambda: Status(200), "status 200 is not an error"),
        (lambda: Status(503, retry_after=-1), "retry_after -1 s is negative"),
        (lambda: Reset(-1), "after_bytes -1 is negative"),
        (lambda: TruncatedBody(-1), "after_bytes -1 is negative"),
    ],
)
def test_impossible_faults_are_refused(fault: Callable[[], Fault], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        fault()


def test_impossible_limits_are_refused() -> None:
    faults = Sandbox().faults
    with pytest.raises(ValueError, match="times 0 is not positive"):
        faults.add(Status(500), times=0)
    with pytest.raises(ValueError, match=r"probability 1\.1 is not between 0 and 1"):
        faults.add(Status(500), probability=1.1)
