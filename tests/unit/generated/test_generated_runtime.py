"""The runtime for forms that today's specification does not have: types of types, parameters, deprecation."""

import enum
import warnings
from datetime import UTC, datetime

import pytest
from hypothesis import given, strategies as st

from target_delivery_api import deprecation, model, parameters, reading, transport
from target_delivery_api.errors import ModelError
from target_delivery_api.models import ChannelType, Geo
from target_delivery_api.types import Answer

TIME = datetime(2024, 2, 29, tzinfo=UTC)


@pytest.mark.parametrize(
    ("read", "good", "bad"),
    [
        (reading.as_str, ["a"], [1, None]),
        (reading.as_bool, [True], [1, "true"]),
        (reading.as_int, [1], [True, 1.0, "1"]),
        (reading.as_float, [1, 1.5], [True, "1"]),
        (reading.as_list, [[1]], [{}, "a"]),
        (reading.as_object, [{"a": 1}], [[], None]),
    ],
)
def test_reading(read, good, bad):
    assert [read(value) for value in good] == good
    for value in bad:
        with pytest.raises(reading.Unfit):
            read(value)


def test_reading_times():
    assert reading.as_datetime("2024-02-29T00:00:00Z") == TIME
    with pytest.raises(reading.Unfit):
        reading.as_datetime("soon")


def test_writing():
    value = {"a": [Geo(city="x"), ChannelType.WEB], "b": (TIME, None), "c": {"d": 1.5}}
    written = reading.write_json(value)

    assert written == {"a": [{"city": "x"}, "web"], "b": ["2024-02-29T00:00:00+00:00", None], "c": {"d": 1.5}}
    assert type(written["a"][1]) is str


def test_text_of_parameters():
    values = [True, False, 1, 1.5, "a b", TIME, ChannelType.WEB]
    assert list(map(parameters.text, values)) == [
        *("true", "false", "1", "1.5", "a b", "2024-02-29T00:00:00+00:00", "web")
    ]
    with pytest.raises(ModelError, match="must be a finite number, but this is inf"):
        parameters.text(float("inf"))


def test_segments_of_a_path():
    assert parameters.segment("id", "a/b..") == "a%2Fb.."
    assert parameters.segment("id", "...") == "..."
    for value in ("", ".", ".."):
        with pytest.raises(ModelError, match="The parameter id is a part of the path"):
            parameters.segment("id", value)


def test_headers():
    assert parameters.header_text("X", [1, True]) == "1,true"
    assert parameters.header_text("X", "a\tb") == "a\tb"
    for value in ("a\nb", "a\rb", "a\x00", "a\x7f"):
        with pytest.raises(ModelError, match="The header X must not contain control characters"):
            parameters.header_text("X", value)
    assert parameters.with_headers({"X-A": "1"}, [("x-a", "2"), ("b", "3")]) == [("X-A", "1"), ("b", "3")]
    assert parameters.with_headers({}, {"b": "3"}) == [("b", "3")]


def test_a_request_without_a_body():
    request = transport.new_request("GET", "http://127.0.0.1/a", "", None, [("X", "y"), ("Content-Type", "z")])

    assert request.url == "http://127.0.0.1/a"
    assert request.headers == [("X", "y")]
    assert request.content == b""


@pytest.mark.parametrize("method", ["", "GET ", "G\r\nT", "GÉT", "GET / HTTP/1.1"])
def test_a_method_that_cannot_be_sent(method):
    with pytest.raises(ModelError, match="The HTTP method must be a word"):
        transport.new_request(method, "http://127.0.0.1/a", "", None, {})


@pytest.mark.parametrize(
    "url",
    [
        *("", "/a", "127.0.0.1", "//a/b", "ftp://a/b", "http://", "http:///a", "http://:80/", "https://a:/b"),
        *("http://a b/", "http://a/b c", "http://a/\r\nX: y", "http://a\n", "http://a/\x00", "http://a\\b/"),
        *("http://b.test@a/", "http://u:p@a/", "http://a/?b", "http://a/#b", "http://a:b/", "http://a:800000/"),
        *("http://bücher.test/", "http://a/ü", "http://[::1/", "http://::1/", "http://a\t/", "http://a%2f/"),
    ],
)
def test_a_url_that_cannot_be_sent(url):
    with pytest.raises(ModelError, match="The URL must be http or https"):
        transport.new_request("GET", url, "", None, {})


@pytest.mark.parametrize(
    "url",
    ["http://a", "HTTPS://A.test:443/", "http://[::1]:8080/a%20b", "http://xn--a.test/a;b=c,d", "http://a_b.test/"],
)
def test_a_url_that_can_be_sent_stays_as_it_is(url):
    assert transport.new_request("GET", url, "a=b", None, {}).url == f"{url}?a=b"


@pytest.mark.parametrize("query", ["a b", "a#b", "a\r\nb", "ü", "a\x00"])
def test_a_query_that_cannot_be_sent(query):
    with pytest.raises(ModelError, match="The query must be percent-encoded"):
        transport.new_request("GET", "http://a/", query, None, {})


@pytest.mark.parametrize("name", ["", "a b", "a:", "a\r\nb", "ä", "a\n", ":a"])
def test_a_name_of_a_header_that_cannot_be_sent(name):
    with pytest.raises(ModelError, match="The name of a header must be a word, but this is"):
        transport.new_request("GET", "http://a/", "", None, {name: "b"})


@pytest.mark.parametrize(
    "value", ["SECRET\r\nX: y", "SECRET\n", "\rSECRET", "SECRET\x00", "\x7f", "\ud800", " a", "a\t"]
)
def test_a_value_of_a_header_that_cannot_be_sent(value):
    with pytest.raises(ModelError, match="The header X must not contain control characters") as caught:
        transport.new_request("GET", "http://a/", "", None, {"X": value})
    assert "SECRET" not in str(caught.value)


@given(st.text(), st.text(), st.text(), st.text())
def test_nothing_injects_a_line(url, query, name, value):
    try:
        request = transport.new_request("GET", url, query, None, {name: value})
    except ModelError:
        return
    assert not set(request.url) & set("\r\n ")
    assert not [text for pair in request.headers for text in pair if set(text) & set("\r\n")]


@pytest.mark.parametrize("value", ["", "a\tb c", "Zürich \N{GRINNING FACE}", "\x80"])
def test_a_value_of_a_header_that_can_be_sent_stays_as_it_is(value):
    assert transport.new_request("GET", "http://a/", "", None, {"X": value}).headers == [("X", value)]


def test_answers_that_the_specification_does_not_have():
    answer = Answer(299, {}, b"1")

    assert str(transport.unexpected(answer)) == "The specification has no answer with status 299."
    assert str(transport.misfit(answer, "a list")) == (
        "The answer with status 299 must be a list, but it is something else."
    )


def test_null_that_the_specification_tells_apart_is_kept():
    class Nullable(Geo):
        _NULLABLE = frozenset({"city"})

    assert Nullable.from_dict({"city": None, "zip": None}).additional_properties == {"city": None}
    assert Geo.from_dict({"city": None}).additional_properties == {}


def test_deprecated():
    class Old(model.Model):
        def __init__(self, a):
            self.a = a

    class Kind(enum.Enum):
        A = "a"

    def call(a):
        """Say something."""
        return a

    mark = deprecation.deprecated("It is old.")
    marked = mark(call)
    assert mark(Old) is Old
    assert mark(Kind) is Kind
    assert (marked.__deprecated__, marked.__doc__, Old.__deprecated__) == ("It is old.", "Say something.", "It is old.")
    with pytest.warns(DeprecationWarning, match="It is old") as caught:
        assert (marked(1), Old(a=2).a) == (1, 2)
    assert {warning.filename for warning in caught} == {__file__}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Old.__new__(Old)
        assert Kind("a") is Kind.A
