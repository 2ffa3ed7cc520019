"""The reader of answers of http1.py against h11, which httpx uses, on random answers."""

from __future__ import annotations

import io

import h11
from attrs import field, frozen
from hypothesis import example, given, settings, strategies as st

from target_delivery._http.http1 import _Malformed, _parts_of, _read_head


@frozen
class Read:
    """What a reader made of an answer, and of what follows it."""

    status: int
    headers: dict[str, str] = field(converter=lambda given: {**given, "transfer-encoding": "", "content-length": ""})
    """Without those that say where the body ends: h11 changes their text."""
    body: bytes
    rest: bytes


def by_http1(data: bytes) -> Read | None:
    reader = io.BufferedReader(io.BytesIO(data), 64)  # type: ignore[arg-type]  # a BytesIO can be read like a raw stream
    try:
        head = _read_head(reader)
        body = b"".join(_parts_of(head, reader))
    except _Malformed:
        return None
    return Read(head.status, head.headers, body, reader.read())


def by_h11(data: bytes) -> Read | None:
    connection = h11.Connection(h11.CLIENT)
    connection.send(h11.Request(method="GET", target="/", headers=[("host", "a")]))
    connection.send(h11.EndOfMessage())
    connection.receive_data(data)
    connection.receive_data(b"")
    response: h11.Response | None = None
    body = b""
    try:
        while not isinstance(event := connection.next_event(), h11.EndOfMessage):
            if isinstance(event, h11.Response):
                response = event
            elif isinstance(event, h11.Data):
                body += event.data
    except h11.RemoteProtocolError:
        return None
    assert response is not None
    headers: dict[str, str] = {}
    for raw_name, raw_value in response.headers:
        name, value = raw_name.decode(), raw_value.decode("iso-8859-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return Read(response.status_code, headers, body, connection.trailing_data[0])


line_ends = st.sampled_from([b"\r\n", b"\r\n", b"\r\n", b"\n", b"\r"])
status_lines = st.sampled_from([
    b"HTTP/1.1 200 OK", b"HTTP/1.1 200 ", b"HTTP/1.1 200", b"HTTP/1.0 200 OK", b"HTTP/1.1 204 No", b"HTTP/1.1 304 No",
    b"HTTP/1.1 503 \xff", b"HTTP/1.1 99 No", b"HTTP/2 200 OK", b"HTTP/1.1  200 OK", b"http/1.1 200 OK", b"",
])  # fmt: skip
lengths = st.sampled_from([b"0", b"5", b"05", b"5, 5", b"5,6", b"+5", b"-1", b"0x5", b"5_0", b" 5 ", b"", b"9" * 30])
headers = st.one_of(
    st.builds(b"Content-Length:%b".__mod__, lengths),
    st.builds(b"Transfer-Encoding: %b".__mod__, st.sampled_from([b"chunked", b"CHUNKED", b"gzip, chunked", b"x"])),
    st.sampled_from([
        b"X: a", b"x:b", b"Y :c", b": d", b"no colon", b" folded", b"\tfolded", b"X:\xe4", b"X: a\x00",
        b"Connection: close", b"Set-Cookie: a=1", b"X: ",
    ]),
)  # fmt: skip
chunks = st.builds(
    lambda size, extension, end, data, after: size + extension + end + data + after,
    st.sampled_from([b"5", b"05", b"a", b"0", b"-5", b"0x5", b"+5", b"5 ", b"", b"f" * 30]),
    st.sampled_from([b"", b";a=b", b" ;a", b" "]),
    line_ends,
    st.sampled_from([b"hello", b"hello worl", b"", b"hell"]),
    line_ends,
)
bodies = st.one_of(
    st.sampled_from([b"", b"hello", b"hello!", b"hell"]),
    st.builds(b"".join, st.lists(chunks, max_size=3)).map(lambda body: body + b"0\r\n\r\n"),
    st.sampled_from(
        [b"5\r\nhello\r\n0\r\nX: y\r\n\r\n", b"5\r\nhello\r\n0\r\n", b"5\r\nhello\r\n0\r\n\r\nHTTP/1.1 200"]
    ),
)
heads = st.builds(
    lambda first, lines, end, last: b"".join(one + end for one in (first, *lines)) + last,
    status_lines,
    st.lists(headers, max_size=4),
    line_ends,
    line_ends,
)
interim = st.sampled_from([b"", b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 Hints\r\nLink: a\r\n\r\n"])


@settings(max_examples=500)
@given(st.builds(lambda before, head, body: before + head + body, interim, heads, bodies))
@example(b"HTTP/1.1 200 OK\r\nX: a\rContent-Length: 5\r\n\r\nhello")
@example(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n")
def test_an_answer_is_read_as_h11_reads_it(data: bytes) -> None:
    assert by_http1(data) == by_h11(data)
