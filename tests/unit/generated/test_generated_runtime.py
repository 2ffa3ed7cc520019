"""The runtime for forms that today's specification does not have: types of types, parameters, deprecation."""

import enum
import warnings
from datetime import UTC, datetime

import httpx
import pytest

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
    request = transport.new_request("GET", "http://127.0.0.1/a", "", None, [("X", "y")])

    assert str(request.url) == "http://127.0.0.1/a"
    assert request.headers.multi_items() == [("host", "127.0.0.1"), ("x", "y")]
    assert request.content == b""


def test_answers_that_the_specification_does_not_have():
    answer = Answer(299, httpx.Headers(), b"1")

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
