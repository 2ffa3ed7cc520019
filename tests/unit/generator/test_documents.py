"""Reading one document: what YAML, JSON and text files mean, and how much is read."""

import json
import os
import socket
import threading
import time
from contextlib import suppress

import httpx
import pytest
from hypothesis import given, strategies as st

from generator import bundle, documents
from generator.documents import Documents
from generator.errors import SpecificationError

# With many of the characters that YAML takes for the end of a line, or that mean something in it.
TEXT = st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from("\x85\u2028\u2029\ufeff\n :#'\"-"))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)


@pytest.fixture
def content(tmp_path):
    """Return a function that reads a file with the given content."""

    def read(raw, name="a.yaml"):
        (tmp_path / name).write_bytes(raw if isinstance(raw, bytes) else raw.encode())
        return documents.read(tmp_path / name)

    return read


@pytest.fixture
def answers():
    """Return a function that serves raw answers on loopback, one for each connection, and returns the URL."""
    listeners = []

    def start(*raw, hold=0):
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)

        def serve():
            for answer in raw:
                connection, _ = listener.accept()
                with connection, suppress(OSError):  # of a client that has heard enough
                    connection.recv(65536)
                    connection.sendall(answer)
                    time.sleep(hold)

        thread = threading.Thread(target=serve)
        thread.start()
        listeners.append(thread)
        return f"http://127.0.0.1:{listener.getsockname()[1]}"

    yield start
    for one in listeners[::-1]:
        one.join(5) if isinstance(one, threading.Thread) else one.close()


def answer(body, head="200 OK", **headers):
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {head}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n{lines}\r\n".encode() + body


class TestYaml:
    @pytest.mark.parametrize(
        ("yaml", "expected"),
        [
            *(("2024-02-29", "2024-02-29"), ("2024-02-29 10:00:00", "2024-02-29 10:00:00"), ("on", "on"), ("No", "No")),
            *(("0123", "0123"), ("0o17", "0o17"), ("0x1F", "0x1F"), ("1_000", "1_000"), ("1:20", "1:20")),
            *(("'200'", "200"), ("200", 200), ("-1.5e3", -1500.0), ("true", True), ("~", None), ("", None), ("=", "=")),
            *(('"\\ud83d\\ude00"', "\N{GRINNING FACE}"), ("!!str 5", "5")),
        ],
    )
    def test_a_value_is_what_json_has_or_a_text(self, content, yaml, expected):
        value = content(f"a: {yaml}\n")["a"]

        assert value == expected
        assert type(value) is type(expected)

    def test_keys_are_texts_as_they_are_written(self, content):
        keys = ["200", "007", "1.0", "true", "null", "on", "2024-01-01", "~"]

        assert list(content("".join(f"{key}: x\n" for key in keys))) == keys

    def test_aliases_and_merges(self, content):
        text = "base: &b {a: 1, b: 2}\none: {<<: *b, b: 3}\ntwo: {<<: [*b, {c: 4}]}\nthree: *b\n"

        assert content(text) == {
            "base": {"a": 1, "b": 2},
            "one": {"a": 1, "b": 3},
            "two": {"a": 1, "b": 2, "c": 4},
            "three": {"a": 1, "b": 2},
        }

    @pytest.mark.parametrize(
        "text", ["a: {<<: 5}", "? [a]\n: b", "a: !x b", "a: 1\n---\nb: 2", f"a: {'9' * 5000}", "a: .inf"]
    )
    def test_what_json_cannot_have(self, content, text):
        with pytest.raises(SpecificationError, match=r"a\.yaml"):
            content(text)

    @given(JSON)
    def test_what_is_written_is_read_again(self, value):
        text = bundle.dump({"a": value})

        assert Documents(None)._parsed(text, "a") == {"a": value}


class TestJson:
    @pytest.mark.parametrize("name", ["a.json", "a.yaml"])
    @pytest.mark.parametrize(
        "raw",
        [
            b'{"a": "\\ud83d\\ude00 \\u00e9"}',
            '\N{ZERO WIDTH NO-BREAK SPACE}{"a": "\N{GRINNING FACE} é"}'.encode(),
            '{"a": "\N{GRINNING FACE} é"}'.encode("utf-16"),
            '{\r\n\t"a":\t"\N{GRINNING FACE} é"\r\n}'.encode(),
        ],
    )
    def test_escapes_marks_and_blanks(self, content, raw, name):
        assert content(raw, name) == {"a": "\N{GRINNING FACE} é"}

    def test_a_name_may_say_json_of_yaml(self, content):
        assert content("a: 1\n", "a.json") == {"a": 1}

    def test_yaml_may_look_like_json(self, content):
        assert content("{a: 1, b: [x],}\n") == {"a": 1, "b": ["x"]}

    @given(JSON)
    def test_any(self, value):
        assert Documents(None)._parsed(json.dumps({"a": value}), "a.json") == {"a": value}


class TestBounds:
    def test_a_large_file(self, content, monkeypatch):
        monkeypatch.setattr(documents, "MOST_BYTES", 100)

        with pytest.raises(SpecificationError, match="more than 100 bytes"):
            content("a: " + "x" * 100)

    def test_a_directory_and_a_device(self, tmp_path):
        for path in (tmp_path, "/dev/zero"):
            with pytest.raises(SpecificationError, match="it is no file"):
                Documents(None).get(f"file://{path}")

    def test_many_documents(self, tmp_path, monkeypatch):
        monkeypatch.setattr(documents, "MOST_DOCUMENTS", 1)
        (tmp_path / "a.yaml").write_text("openapi: 3.0.3\ninfo: {$ref: b.yaml}\n")
        (tmp_path / "b.yaml").write_text("title: a")

        with pytest.raises(SpecificationError, match="more than 1 documents"):
            bundle.bundle(str(tmp_path / "a.yaml"))

    @pytest.mark.parametrize(
        ("raw", "message"),
        [
            (answer(b"", "404 Not Found"), "the server answered 404 Not Found"),
            (answer(b"", "204 No Content"), "the server answered 204 No Content"),
            (answer(b"", "304 Not Modified"), "the server answered 304 Not Modified"),
            (answer(b"x", Content_Encoding="gzip"), r"the server compressed it \(gzip\) unasked"),
            (answer(b"x" * 6_000_000), "more than 5,000,000 bytes"),
            (answer(b"<!doctype HTML>"), "is an HTML page"),
            (b"nonsense\r\n\r\n", "cannot be read: "),
            (answer(b"", "302 Found", Location="file:///etc/passwd"), "cannot be read: "),
        ],
    )
    def test_answers_of_a_server(self, answers, raw, message):
        with httpx.Client() as client, pytest.raises(SpecificationError, match=message):
            Documents(client).get(f"{answers(raw)}/api.yaml")

    def test_redirects(self, answers):
        url = answers(*[answer(b"", "302 Found", Location="/again")] * 11)

        with httpx.Client() as client, pytest.raises(SpecificationError, match="more than 10 redirects"):
            Documents(client).get(f"{url}/api.yaml")

    def test_a_redirect_from_https(self):
        hop = httpx.MockTransport(lambda request: httpx.Response(302, headers={"Location": "http://h/api.yaml"}))

        with httpx.Client(transport=hop) as client, pytest.raises(SpecificationError, match="from https to http://h/"):
            Documents(client).get("https://h/api.yaml")

    def test_an_answer_that_never_begins(self, answers, monkeypatch):
        monkeypatch.setattr(documents, "LONGEST", 0.2)

        with httpx.Client() as client, pytest.raises(SpecificationError, match="took more than 0 seconds"):
            Documents(client).get(f"{answers(b'HTTP/1.1 100 Continue', hold=1)}/api.yaml")

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("HTTP_PROXY", "foo://proxy"),
            ("ALL_PROXY", "socks5://127.0.0.1:1"),
            ("NO_PROXY", "[::1]"),
            ("SSL_CERT_FILE", "/no/such/file"),
        ],
    )
    def test_an_environment_that_cannot_be_used(self, monkeypatch, name, value):
        monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
        monkeypatch.setenv(name, value)

        with pytest.raises(SpecificationError, match=f"http://h/a.yaml cannot be read: the environment.*{name}"):
            bundle.bundle("http://h/a.yaml")

    @pytest.mark.parametrize("raw", [answer(b"", "404 Not Found"), answer(b"a: ["), answer(b"a: 1")])
    def test_a_password_is_not_shown(self, answers, raw):
        with pytest.raises(SpecificationError) as refused:
            bundle.bundle(answers(raw).replace("://", "://user:secret@") + "/api.yaml")

        assert "http://127.0.0.1:" in str(refused.value)
        assert "secret" not in str(refused.value)

    def test_a_slow_download(self, answers, monkeypatch):
        monkeypatch.setattr(documents, "LONGEST", 0)

        with httpx.Client() as client, pytest.raises(SpecificationError, match="took more than 0 seconds"):
            Documents(client).get(f"{answers(answer(b'a: 1'))}/api.yaml")


class TestFolder:
    @pytest.fixture
    def files(self, tmp_path):
        def write(*names, text="openapi: 3.0.3\ninfo: {}\n"):
            for name in names:
                (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
                (tmp_path / name).write_text(text)
            return tmp_path

        return write

    def test_the_nearest_root_counts(self, files):
        files("b/c/api.yaml", ".hidden/api.yaml", "node_modules/api.json")
        files("a.yaml", "b/part.yaml", text="openapi: 3.0.3\nOrder: {description: info}\n")
        files("broken.yaml", text="openapi: [info\n")

        assert documents.root_in(files("b/api.yml")).relative_to(files()) == documents.Path("b/api.yml")

    def test_none(self, files):
        with pytest.raises(SpecificationError, match="has no OpenAPI document"):
            bundle.bundle(str(files("a.txt", "b/.c/a.yaml")))

    def test_a_root_in_utf_16(self, files):
        (files() / "api.yaml").write_bytes("openapi: 3.0.3\ninfo: {title: é}\n".encode("utf-16"))

        assert documents.root_in(files()).name == "api.yaml"

    def test_a_root_that_is_broken(self, files):
        with pytest.raises(SpecificationError, match=r"b/api\.yaml is neither YAML nor JSON: line 3"):
            bundle.bundle(str(files("b/api.yaml", text="openapi: 3.0.3\ninfo: {a\n")))

    def test_a_pipe_is_not_waited_for(self, files):
        os.mkfifo(files("b/api.yaml") / "a.yaml")

        assert documents.root_in(files()).name == "api.yaml"

    def test_several(self, files):
        with pytest.raises(SpecificationError, match=r"has 2 OpenAPI documents: a/x\.yaml, b/x\.json\. Name one"):
            bundle.bundle(str(files("b/x.json", "a/x.yaml", "a/b/y.yaml")))
