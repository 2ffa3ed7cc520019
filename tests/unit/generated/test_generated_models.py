"""The promises that every generated model and enum keeps."""

import ast
import copy
import datetime as dt
import importlib
import inspect
import itertools
import json
import pickle
import subprocess
import sys

import attrs
import pytest

from target_delivery_api import models
from target_delivery_api.errors import ModelError
from target_delivery_api.model import Model, OpenStrEnum
from target_delivery_api.models import (
    Action,
    AuthenticatedState,
    Context,
    CustomerId,
    DeliveryRequest,
    DeliveryResponse,
    MboxRequest,
    Metric,
    MetricType,
    Notification,
    NotificationMbox,
    Option,
    OptionType,
    Order,
    PrefetchRequest,
    Property,
    RequestDetails,
    Screen,
    Trace,
    VisitorId,
)

CLASSES = [getattr(models, name) for name in models.__all__]
MODELS = [cls for cls in CLASSES if issubclass(cls, Model)]
ENUMS = [cls for cls in CLASSES if issubclass(cls, OpenStrEnum)]


def test_the_documented_calls_build_the_documented_json():
    prefetch = PrefetchRequest(mboxes=[MboxRequest(name="home"), MboxRequest(name="product1")])
    shown = Notification(
        id="1",
        type=MetricType.DISPLAY,
        timestamp=1621530726000,
        mbox=NotificationMbox(name="product1", state="state"),
        tokens=["token"],
    )

    assert DeliveryRequest(prefetch=prefetch).to_dict() == {
        "prefetch": {"mboxes": [{"name": "home"}, {"name": "product1"}]}
    }
    assert DeliveryRequest(notifications=[shown]).to_dict() == {
        "notifications": [
            {
                "id": "1",
                "type": "display",
                "timestamp": 1621530726000,
                "mbox": {"name": "product1", "state": "state"},
                "tokens": ["token"],
            }
        ]
    }


@pytest.mark.parametrize("cls", MODELS, ids=lambda cls: cls.__name__)
def test_every_model_is_a_keyword_only_attrs_class_with_slots(cls):
    assert attrs.has(cls)
    assert all(field.kw_only for field in attrs.fields(cls))
    assert [field.name for field in attrs.fields(cls)] == [*cls._JSON_NAMES.values(), "additional_properties"]
    assert "__dict__" not in dir(cls)


def field_docs(cls):
    """Return the docstring under each attribute of a class, by attribute."""
    (body,) = (node.body for node in ast.parse(inspect.getsource(cls)).body if isinstance(node, ast.ClassDef))
    return {
        node.target.id: " ".join(text.value.value.split())
        for node, text in itertools.pairwise(body)
        if isinstance(node, ast.AnnAssign) and isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant)
    }


@pytest.mark.parametrize("cls", MODELS, ids=lambda cls: cls.__name__)
def test_every_class_and_every_field_has_a_docstring(cls):
    docs = field_docs(cls)

    assert len(cls.__doc__) > 3
    for field in attrs.fields(cls):
        assert len(docs[field.name]) > 3, field.name
        assert docs[field.name].endswith("."), field.name


@pytest.mark.parametrize("cls", MODELS, ids=lambda cls: cls.__name__)
def test_a_model_has_no_public_names_but_fields_from_dict_and_to_dict(cls):
    public = {name for name in dir(cls) if not name.startswith("_")}

    assert public == {*(field.name for field in attrs.fields(cls)), "from_dict", "to_dict"}


def test_docstrings_give_limits_and_units():
    assert "At most 128 characters." in field_docs(VisitorId)["tnt_id"]
    assert "Exactly 33 characters." in field_docs(models.AnalyticsRequest)["supplemental_data_id"]
    assert "0 to 2147483647." in field_docs(Order)["experience_local_id"]
    assert "in milliseconds since 1970-01-01 UTC" in field_docs(Notification)["timestamp"]
    assert "At most 50 entries." in field_docs(RequestDetails)["parameters"]
    assert "in pixels" in field_docs(Screen)["width"]


def test_only_what_a_caller_must_know_is_required():
    required = {
        cls.__name__: {field.name for field in attrs.fields(cls) if field.default is attrs.NOTHING and field.init}
        for cls in MODELS
    }
    assert {name: fields for name, fields in required.items() if fields} == {
        "CustomerId": {"id", "integration_code", "authenticated_state"},
        "MobilePlatform": {"device_type", "platform_type"},
        "Notification": {"id", "type", "timestamp"},
        "Property": {"token"},
        "Trace": {"authorization_token"},
    }


def test_null_reads_as_absent():
    response = DeliveryResponse.from_dict({"status": None, "client": "demo", "notifications": None})

    assert response.status is None
    assert response.to_dict() == {"client": "demo"}


def test_unknown_names_are_kept_and_written():
    option = Option.from_dict({"type": "html", "content": "x", "priority": {"a": [1, None]}, "gone": None})

    assert option.additional_properties == {"priority": {"a": [1, None]}, "gone": None}
    assert option.to_dict() == {"type": "html", "content": "x", "priority": {"a": [1, None]}, "gone": None}


@pytest.mark.parametrize(
    ("cls", "name", "value"),
    [
        (DeliveryResponse, "status", "200"),
        (DeliveryResponse, "status", True),
        (DeliveryResponse, "status", 200.5),
        (DeliveryResponse, "client", 5),
        (DeliveryResponse, "id", "123"),
        (DeliveryResponse, "notifications", {}),
        (DeliveryResponse, "notifications", [{"id": "1"}, None]),
        (Option, "type", 7),
        (Option, "responseTokens", ["a"]),
        (Notification, "tokens", ["a", 1]),
        (RequestDetails, "parameters", {"a": 1}),
        (Order, "total", "12"),
        (Order, "total", True),
        (Order, "time", "yesterday"),
        (Order, "time", 12),
        (Context, "beacon", 1),
    ],
)
def test_an_optional_field_of_another_type_is_kept_as_it_came(cls, name, value):
    needed = {"id": "1", "type": "click", "timestamp": 1} if cls is Notification else {}
    data = {**needed, name: value}

    model = cls.from_dict(data)

    assert getattr(model, cls._JSON_NAMES[name]) is None
    assert model.additional_properties == {name: value}
    assert model.to_dict() == data


def test_a_field_that_is_set_wins_over_what_was_kept():
    response = DeliveryResponse.from_dict({"status": "ok"})
    response.status = 200

    assert response.to_dict() == {"status": 200}


@pytest.mark.parametrize(
    ("cls", "data", "message"),
    [
        (Notification, {"type": "click", "timestamp": 1}, "Notification.id must be a string, but it is absent."),
        (Notification, {"id": None, "type": "click", "timestamp": 1}, "Notification.id .* absent"),
        (Notification, {"id": "1", "type": ["s3cret"], "timestamp": 1}, "Notification.type .* it is a list"),
        (Notification, {"id": "1", "type": "click", "timestamp": "s3cret"}, "timestamp must be an integer"),
        (Notification, {"id": "1", "type": "click", "timestamp": False}, "it is true or false"),
        (Property, {"token": {"s3cret": 1}}, "Property.token must be a string, but it is an object."),
        (Trace, {"authorizationToken": 3.5}, "Trace.authorizationToken must be a string, but it is a number."),
        (Trace, ["s3cret"], "Trace must be read from a JSON object, but this is a list."),
        (VisitorId, None, "VisitorId must be read from a JSON object, but this is null."),
        (VisitorId, object(), "but this is a Python object"),
    ],
)
def test_what_cannot_be_read_says_where_and_never_shows_the_value(cls, data, message):
    with pytest.raises(ModelError, match=message) as caught:
        cls.from_dict(data)

    assert "s3cret" not in str(caught.value)


def test_an_error_deep_inside_names_the_class_it_is_in():
    data = {"id": {"customerIds": [{"id": "a", "integrationCode": "crm"}]}}

    with pytest.raises(ModelError, match=r"CustomerId\.authenticatedState must be a string, but it is absent"):
        DeliveryRequest.from_dict(data)


def test_reading_takes_any_mapping_and_does_not_change_it():
    data = {"id": {"tntId": "a.28_0", "more": 1}}
    before = json.dumps(data)

    read = DeliveryResponse.from_dict(pickle.loads(pickle.dumps(data)))

    assert DeliveryResponse.from_dict(data) == read
    assert json.dumps(data) == before


def test_maps_are_plain_dicts_of_their_own():
    parameters = {"a": "b"}
    details = RequestDetails.from_dict({"parameters": parameters})

    details.parameters["c"] = "d"
    written = details.to_dict()
    written["parameters"]["e"] = "f"

    assert parameters == {"a": "b"}
    assert details.parameters == {"a": "b", "c": "d"}


@pytest.mark.parametrize("content", ["text", 5, 1.5, True, [], ["a", {"b": None}], [{"type": "x"}], {"a": 1}])
@pytest.mark.parametrize("kind", ["html", "json", "carousel", None])
def test_content_is_kept_as_it_came(kind, content):
    data = {"content": content} if kind is None else {"type": kind, "content": content}

    option = Option.from_dict(data)

    assert option.content == content
    assert option.to_dict() == data


def test_content_of_actions_is_a_list_of_actions():
    data = {"type": "actions", "content": [{"type": "setHtml", "content": [1, {"a": None}], "since": 2}, {}]}

    option = Option.from_dict(data)

    assert [type(item) for item in option.content] == [Action, Action]
    assert option.content[0].content == [1, {"a": None}]
    assert option.to_dict() == data


@pytest.mark.parametrize("content", ["text", [{"type": "a"}, "b"], {"type": "a"}])
def test_content_of_actions_in_another_form_is_kept_as_it_came(content):
    data = {"type": "actions", "content": content}

    assert Option.from_dict(data).content == content
    assert Option.from_dict(data).to_dict() == data


def test_models_compare_by_what_they_hold():
    assert Metric(type=MetricType.CLICK) == Metric.from_dict({"type": "click"})
    assert Metric(type=MetricType.CLICK) != Metric(type=MetricType.DISPLAY)
    assert Metric() != Metric(additional_properties={"a": 1})
    assert Metric() != {}
    with pytest.raises(TypeError, match="unhashable"):
        hash(Metric())


def test_repr_shows_what_is_set():
    visitor = VisitorId(tnt_id="1", customer_ids=[])

    assert repr(visitor) == "VisitorId(tnt_id='1', customer_ids=[])"
    assert repr(VisitorId(additional_properties={"a": 1})) == "VisitorId(additional_properties={'a': 1})"


def test_models_copy_pickle_and_evolve():
    customer = CustomerId(
        id="1",
        integration_code="crm",
        authenticated_state=AuthenticatedState("sleeping"),
        additional_properties={"a": 1},
    )
    request = DeliveryRequest(id=VisitorId(customer_ids=[customer]))

    for copied in (copy.copy(request), copy.deepcopy(request), pickle.loads(pickle.dumps(request))):
        assert copied == request
        assert copied.to_dict() == request.to_dict()
    assert attrs.evolve(customer, id="2").to_dict() == {**customer.to_dict(), "id": "2"}


def test_absent_additional_properties_are_not_shared():
    first, second = VisitorId(), VisitorId.from_dict({})
    first.additional_properties["a"] = 1
    second.additional_properties["b"] = 1

    assert VisitorId().additional_properties == VisitorId.from_dict({}).additional_properties == {}


@pytest.mark.parametrize("enum", ENUMS, ids=lambda enum: enum.__name__)
def test_every_enum_is_open(enum):
    before = list(enum)
    unknown = enum("ne\N{LATIN SMALL LETTER U WITH DIAERESIS}")

    assert isinstance(unknown, enum)
    assert unknown == "ne\xfc" == str(unknown) == unknown.value == unknown.name == f"{unknown}"
    assert hash(unknown) == hash("ne\xfc")
    assert unknown == enum("ne\xfc")
    assert list(enum) == before
    assert unknown not in before
    assert repr(unknown) == f"<{enum.__name__}.ne\xfc: 'ne\xfc'>"
    assert json.dumps([unknown]) == json.dumps(["ne\xfc"])
    for other in (copy.copy(unknown), copy.deepcopy(unknown), pickle.loads(pickle.dumps(unknown))):
        assert other == unknown
        assert type(other) is enum


def test_known_members_stay_themselves():
    assert MetricType("click") is MetricType.CLICK
    assert Metric.from_dict({"type": "click"}).type is MetricType.CLICK
    assert copy.deepcopy(MetricType.CLICK) is MetricType.CLICK
    with pytest.raises(ValueError, match="5 is not a valid MetricType"):
        MetricType(5)


def test_a_caller_may_give_an_enum_as_plain_text():
    metric = Metric(type="click")

    assert metric.to_dict() == {"type": "click"}
    assert type(metric.to_dict()["type"]) is str
    assert type(Metric(type=MetricType.CLICK).to_dict()["type"]) is str


def test_an_unknown_enum_value_survives():
    option = Option.from_dict({"type": "carousel"})

    assert isinstance(option.type, OptionType)
    assert option.type == "carousel"
    assert option.to_dict() == {"type": "carousel"}
    assert type(option.to_dict()["type"]) is str


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2024-02-29T12:30:00Z", dt.datetime(2024, 2, 29, 12, 30, tzinfo=dt.UTC)),
        ("2024-02-29T12:30:00.250+05:30", dt.datetime(2024, 2, 29, 7, 0, 0, 250000, tzinfo=dt.UTC)),
    ],
)
def test_times_are_read(text, moment):
    assert Order.from_dict({"time": text}).time == moment


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (dt.datetime(2024, 2, 29, 12, 30, tzinfo=dt.UTC), "2024-02-29T12:30:00+00:00"),
        (
            dt.datetime(2024, 2, 29, 12, 30, 1, 5, tzinfo=dt.timezone(dt.timedelta(hours=-3, minutes=-30))),
            "2024-02-29T12:30:01.000005-03:30",
        ),
        # RFC 3339 does not allow seconds in an offset.
        (
            dt.datetime(1900, 1, 1, tzinfo=dt.timezone(dt.timedelta(hours=1, seconds=7))),
            "1899-12-31T22:59:53+00:00",
        ),
    ],
)
def test_times_are_written_with_an_offset(moment, text):
    assert Order(time=moment).to_dict() == {"time": text}


def test_a_time_without_an_offset_is_local_time():
    local = dt.datetime(2024, 2, 29, 12, 30)

    text = Order(time=local).to_dict()["time"]

    assert dt.datetime.fromisoformat(text) == local.astimezone()
    assert dt.datetime.fromisoformat(text).utcoffset() is not None


def test_the_models_package_lists_and_finds_its_names():
    assert sorted(models.__all__) == models.__all__
    assert set(models.__all__) <= set(dir(models))
    with pytest.raises(AttributeError, match="has no attribute 'NoSuchModel'"):
        models.NoSuchModel  # noqa: B018


def test_every_module_can_be_the_first_to_be_imported():
    """Models that hold each other import each other, and every order of imports must work."""
    modules = sorted({importlib.import_module(cls.__module__).__name__ for cls in CLASSES})
    code = """
import importlib, sys
for name in sys.argv[1:]:
    for loaded in [known for known in sys.modules if known.startswith("target_delivery_api")]:
        del sys.modules[loaded]
    importlib.import_module(name)
"""
    subprocess.run([sys.executable, "-c", code, *modules], check=True)


def test_importing_is_lazy():
    code = """
import sys
import target_delivery_api.models
assert not [name for name in sys.modules if name.startswith("target_delivery_api.models.")]
from target_delivery_api.models import Order, DeliveryResponse
Order.from_dict({"id": "1"}).to_dict()
DeliveryResponse.from_dict({"status": 200}).to_dict()
assert not {"dateutil", "httpx", "asyncio"} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_annotations_are_honest():
    assert Option.__annotations__["type"] == "OptionType | None"
    assert Option.__annotations__["content"] == "JsonValue | list[Action]"
    assert RequestDetails.__annotations__["parameters"] == "dict[str, str] | None"
    assert Notification.__annotations__["id"] == "str"
