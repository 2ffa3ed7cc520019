"""Reading any answer and writing it again gives the same JSON."""

import copy
import json
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from target_delivery_api.models import DeliveryRequest, DeliveryResponse, MetricType, OptionType, UnexpectedError

ANSWER = {
    "status": 200,
    "requestId": "0d5f0d6b",
    "client": "demo",
    "id": {
        "tntId": "5f.28_0",
        "customerIds": [{"id": "c1", "integrationCode": "crm", "authenticatedState": "authenticated"}],
    },
    "edgeHost": "mboxedge28.tt.omtrdc.net",
    "telemetryServerToken": "t",
    "execute": {
        "pageLoad": {
            "options": [
                {"type": "json", "content": {"color": "red", "sizes": [1, 2.5, None]}, "eventToken": "e1"},
                {"type": "html", "content": "<p>x</p>", "responseTokens": {"geo.city": "Basel", "n": [1, "2"]}},
            ],
            "metrics": [{"type": "click", "selector": "#a", "eventToken": "e2"}],
            "analytics": {"payload": {"pe": "tnt", "tnta": "1:0:0|2"}},
            "trace": {"campaigns": [{"id": 1}]},
        },
        "mboxes": [{"index": 0, "name": "cart", "options": [{"type": "redirect", "content": "https://x.test/"}]}],
    },
    "prefetch": {
        "mboxes": [{"index": 1, "name": "hero", "state": "s", "options": [{"type": "dynamic", "content": "d"}]}],
        "views": [
            {
                "id": 12,
                "name": "home",
                "key": "k",
                "state": "s",
                "options": [
                    {
                        "type": "actions",
                        "content": [
                            {"type": "setHtml", "selector": "#b", "cssSelector": "#b", "content": "<b>y</b>"},
                            {"type": "setStyle", "content": {"color": "blue"}},
                        ],
                    }
                ],
            }
        ],
        "metrics": [{"type": "display", "eventToken": "e3"}],
    },
    "notifications": [{"id": "n1", "trace": {"a": 1}}, {"id": "n2"}],
}

REQUEST = {
    "requestId": "r",
    "impressionId": "i",
    "id": {"tntId": "5f.28_0", "marketingCloudVisitorId": "0123"},
    "environmentId": 4,
    "property": {"token": "p"},
    "trace": {"authorizationToken": "secret", "usage": {"why": "test"}},
    "context": {
        "channel": "mobile",
        "mobilePlatform": {"deviceType": "phone", "platformType": "ios", "version": "17"},
        "application": {"id": "a", "name": "b", "version": "1"},
        "screen": {"width": 390.5, "height": 844, "colorDepth": 32, "pixelRatio": 3.0, "orientation": "portrait"},
        "window": {"width": 100, "height": 200},
        "browser": {"host": "x.test", "language": "de", "webGLRenderer": "g"},
        "address": {"url": "https://x.test/", "referringUrl": "https://y.test/"},
        "geo": {"ipAddress": "127.0.0.1", "latitude": 47.5, "longitude": 7.6, "countryCode": "CH", "zip": "4000"},
        "timeOffsetInMinutes": 60.0,
        "userAgent": "u",
        "clientHints": {"mobile": True, "browserUAWithMajorVersion": "m", "browserUAWithFullVersion": "f"},
        "beacon": False,
    },
    "experienceCloud": {"analytics": {"logging": "client_side"}, "audienceManager": {"locationHint": 9, "blob": "b"}},
    "execute": {
        "pageLoad": {"parameters": {"a": "1"}, "profileParameters": {"b": "2"}},
        "mboxes": [
            {
                "index": 0,
                "name": "cart",
                "order": {"id": "o", "total": 9.5, "purchasedProductIds": ["p1"], "time": "2024-02-29T12:30:00+00:00"},
                "product": {"id": "p", "categoryId": "c"},
            }
        ],
    },
    "prefetch": {"views": [{"name": "home", "key": "k"}, {}]},
    "notifications": [
        {
            "id": "n",
            "type": "click",
            "timestamp": 1700000000000,
            "tokens": ["t"],
            "mbox": {"name": "m", "state": "s"},
            "view": {"name": "v", "key": "k", "state": "s"},
            "pageLoad": {"state": "s"},
        }
    ],
    "telemetry": {
        "entries": [
            {
                "requestId": "r",
                "timestamp": 1700000000000,
                "mode": "edge",
                "execution": 12.34,
                "parsing": 0.5,
                "features": {"decisioningMethod": "server-side", "executeMboxCount": 1, "executePageLoad": True},
                "request": {"dns": 1.0, "tls": 2.0, "timeToFirstByte": 3, "download": 4, "responseSize": 512},
            }
        ]
    },
    "qaMode": {
        "token": "q",
        "listedActivitiesOnly": True,
        "evaluateAsTrueAudienceIds": [1, 2],
        "previewIndexes": [{"activityIndex": 1, "experienceIndex": 2}],
    },
    "preview": {"token": "v"},
}

SAMPLES = [(DeliveryResponse, ANSWER), (DeliveryRequest, REQUEST)]
REQUIRED = {"authorizationToken", "authenticatedState", "deviceType", "integrationCode", "platformType", "timestamp"}

texts = st.text(max_size=8)
scalars = st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False) | texts
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3), max_leaves=8
)


def objects(data, path=()):
    """Yield the path of every object in `data` that is read as a model."""
    if isinstance(data, list):
        for index, item in enumerate(data):
            yield from objects(item, (*path, index))
    elif isinstance(data, dict):
        yield path
        for key, value in data.items():
            if key not in ("content", "responseTokens", "trace", "parameters", "profileParameters", "usage"):
                yield from objects(value, (*path, key))


def at(data, path):
    for key in path:
        data = data[key]
    return data


def optional(data, key):
    """Whether `key` may be absent from the object it is in."""
    required_together = {"id", "type", "timestamp"} <= data.keys() or {"id", "integrationCode"} <= data.keys()
    return key not in REQUIRED and not (required_together and key in ("id", "type")) and data.keys() != {"token"}


@pytest.mark.parametrize(("cls", "sample"), SAMPLES)
def test_a_sample_with_every_form_in_it(cls, sample):
    before = copy.deepcopy(sample)

    assert cls.from_dict(sample).to_dict() == sample == before


@pytest.mark.parametrize(("cls", "sample"), SAMPLES)
@given(data=st.data())
def test_a_field_that_is_null_is_absent(cls, sample, data):
    changed = copy.deepcopy(sample)
    path = data.draw(st.sampled_from(list(objects(sample))))
    holder = at(changed, path)
    keys = [key for key in sorted(holder) if optional(holder, key)]
    if not keys:
        return
    key = data.draw(st.sampled_from(keys))
    holder[key] = None
    expected = copy.deepcopy(changed)
    del at(expected, path)[key]

    assert cls.from_dict(changed).to_dict() == expected


@pytest.mark.parametrize(("cls", "sample"), SAMPLES)
@given(data=st.data())
def test_unknown_fields_are_kept_at_every_level(cls, sample, data):
    changed = copy.deepcopy(sample)
    unknown = {f"new-{name}": value for name, value in data.draw(st.dictionaries(texts, values, min_size=1)).items()}
    for path in objects(sample):
        at(changed, path).update(unknown)

    assert cls.from_dict(changed).to_dict() == changed


@pytest.mark.parametrize(("cls", "sample"), SAMPLES)
@given(data=st.data())
def test_an_optional_field_may_hold_anything(cls, sample, data):
    changed = copy.deepcopy(sample)
    path = data.draw(st.sampled_from(list(objects(sample))))
    holder = at(changed, path)
    keys = [key for key in sorted(holder) if optional(holder, key) and not isinstance(holder[key], (dict, list))]
    if not keys:
        return
    key = data.draw(st.sampled_from(keys))
    holder[key] = value = data.draw(values)
    expected = copy.deepcopy(changed)
    if value is None:
        del at(expected, path)[key]
    if key == "time" and isinstance(value, str):
        return

    assert cls.from_dict(changed).to_dict() == expected


@given(content=values.filter(lambda value: value is not None), kind=texts)
def test_an_option_of_any_type_keeps_any_content(content, kind):
    data = copy.deepcopy(ANSWER)
    data["execute"]["mboxes"][0]["options"] = [{"type": kind, "content": content}]

    response = DeliveryResponse.from_dict(data)

    option = response.execute.mboxes[0].options[0]
    assert isinstance(option.type, OptionType)
    assert option.type == kind
    assert option.content == content
    assert response.to_dict() == data


@given(text=texts)
def test_an_enum_may_hold_any_text(text):
    data = copy.deepcopy(ANSWER)
    data["prefetch"]["metrics"][0]["type"] = text

    response = DeliveryResponse.from_dict(data)

    assert isinstance(response.prefetch.metrics[0].type, MetricType)
    assert response.to_dict() == data


def answers():
    """Return one answer for each kind of call, by the name of its file."""
    return {
        path.stem: json.loads(path.read_text(encoding="utf-8"))
        for path in sorted(Path(__file__).with_name("answers").glob("*.json"))
    }


@pytest.mark.parametrize("kind", answers())
class TestAnswers:
    """The same promises for every field of an answer to each kind of call."""

    @pytest.fixture
    def data(self, kind):
        return answers()[kind]

    @pytest.fixture
    def model(self, kind):
        return UnexpectedError if kind == "error" else DeliveryResponse

    def test_it_survives(self, data, model):
        read = model.from_dict(data)

        assert read.additional_properties == {}
        assert read.to_dict() == data

    def test_it_survives_with_each_field_null(self, data, model):
        for path in objects(data):
            for key in at(data, path):
                if not optional(at(data, path), key):
                    continue
                changed = copy.deepcopy(data)
                at(changed, path)[key] = None
                expected = copy.deepcopy(data)
                del at(expected, path)[key]
                assert model.from_dict(changed).to_dict() == expected

    def test_it_survives_with_unknown_fields_everywhere(self, data, model):
        for path in list(objects(data)):
            at(data, path)["unknown"] = {"a": [1, None]}

        assert model.from_dict(data).to_dict() == data

    def test_it_survives_with_unknown_types_and_any_content(self, data, model):
        for content in ([1, "a"], 5, "text", [{"a": 1}], True):
            changed = copy.deepcopy(data)
            for path in objects(data):
                if "content" in at(data, path):
                    at(changed, path).update(type="unknown", content=content)
            assert model.from_dict(changed).to_dict() == changed


def test_there_is_an_answer_of_each_kind():
    """Without the files, the tests above would silently test nothing."""
    assert list(answers()) == ["attributes", "error", "execute", "notifications", "prefetch"]
