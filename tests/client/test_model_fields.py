"""Each form of annotation, each declared field, and fields whose annotation and decoder differ."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, make_dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

import pytest

from custom_components.powerwall_gateway.gateway.models import GridFault, Model
from custom_components.powerwall_gateway.gateway.models.base import plan_of
from custom_components.powerwall_gateway.gateway.models.fields import (
    epoch_ms,
    json_list,
    key,
    raw_json_list,
    redacted,
    secret,
    true_keys,
    warned,
)
from tests.client.example_payloads import MODELS


class Color(StrEnum):
    """An enum."""

    RED = "red"


@dataclass(frozen=True, kw_only=True)
class Item(Model):
    """A model."""

    size: int | None = None


@dataclass(frozen=True, kw_only=True)
class Everything(Model):
    """A field of each kind."""

    boolean: bool | None = None
    integer: int | None = None
    number: float | None = None
    text: str | None = None
    scalar: float | str | None = None
    timestamp: datetime | None = None
    duration: timedelta | None = None
    booleans: tuple[bool, ...] | None = None
    texts: tuple[str, ...] | None = None
    mapping: Mapping[str, str] | None = None
    color: Color | None = None
    item: Item | None = None
    items: tuple[Item, ...] | None = None
    renamed: float | None = key("another name")
    hidden: str | None = secret()
    redacted: str | None = redacted()
    raw_list: tuple[str, ...] | None = raw_json_list()
    in_text: tuple[Item, ...] | None = json_list("in_text", Item.read)
    true_keys: tuple[str, ...] | None = true_keys()
    epoch: datetime | None = epoch_ms()  # noqa: RUF009 - a field, like the others; the rule knows only their names


@pytest.fixture(autouse=True)
def nothing_warned() -> Iterator[None]:
    """Allow each test to log the same warning."""
    warned.clear()
    yield
    warned.clear()


def nested(levels: int) -> list[Any]:
    """Return a list of so many levels."""
    return [nested(levels - 1)] if levels else []


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("boolean", False, False),
        ("integer", 2**64 - 1, 2**64 - 1),
        ("integer", 5.0, 5),
        ("number", 5, 5.0),
        ("number", -0.5, -0.5),
        ("text", " a\n", "a"),
        ("text", "", ""),
        ("scalar", "a ", "a"),
        ("scalar", 7, 7.0),
        ("timestamp", "2021-12-13T00:24:46.192599545-07:00", datetime(2021, 12, 13, 7, 24, 46, 192599, UTC)),
        ("timestamp", "0001-01-01T00:00:00Z", None),
        ("duration", "1h2.5s", timedelta(hours=1, seconds=2.5)),
        ("booleans", [True, False], (True, False)),
        ("texts", ["a", 5, "b"], ("a", "b")),
        ("mapping", {"a": "b", "c": 5}, {"a": "b"}),
        ("color", "red", Color.RED),
        ("item", {"size": 5}, Item(size=5)),
        ("item", {}, Item()),
        ("items", [{"size": 5}, {}], (Item(size=5), Item())),
        ("items", [], ()),
        ("another name", 5, 5.0),
        ("hidden", "a", "a"),
        ("redacted", "serial TG1234567890AB ", "serial …"),
        ("raw_list", [{"a": [5]}, "a", nested(300)], ('{"a":[5]}', "a")),
        ("in_text", '[{"size": 5}]', (Item(size=5),)),
        ("in_text", " ", ()),
        ("true_keys", {"a": True, "b": False, "c": 1}, ("a",)),
        ("epoch", 1000, datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)),
        ("epoch", 0, None),
        ("epoch", 1e300, None),
    ],
)
def test_field_decodes_good_value(caplog: pytest.LogCaptureFixture, name: str, value: Any, expected: Any) -> None:
    field = "renamed" if name == "another name" else name
    decoded = getattr(Everything.from_dict({name: value}), field)
    assert decoded == expected
    assert not caplog.records


@pytest.mark.parametrize("name", [field.name for field in fields(Everything)])
@pytest.mark.parametrize("wire", [{}, None])
def test_field_decodes_null(caplog: pytest.LogCaptureFixture, name: str, wire: Any) -> None:
    key_ = "another name" if name == "renamed" else name
    assert getattr(Everything.from_dict({key_: None} if wire is None else wire), name) is None
    assert not caplog.records


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("boolean", 1, "boolean: expected true or false, got int"),
        ("integer", True, "integer: expected a whole number, got bool"),
        ("integer", 5.5, "integer: expected a whole number, got float"),
        ("number", "5", "number: expected a number, got str"),
        ("number", False, "number: expected a number, got bool"),
        ("text", 5, "text: expected a string, got int"),
        ("scalar", True, "scalar: expected a number or a string, got bool"),
        ("timestamp", "2021-12-13T00:24:46", "timestamp: expected a timestamp, got str"),
        ("timestamp", 5, "timestamp: expected a timestamp, got int"),
        ("duration", "5", "duration: expected a duration, got str"),
        ("duration", f"{'9' * 30}h", "duration: expected a duration, got str"),
        ("booleans", [True, 5], "booleans: expected a list of true or false, got list"),
        ("texts", "a", "texts: expected a list of strings, got str"),
        ("mapping", [], "mapping: expected an object of strings, got list"),
        ("color", "blue", "color: expected a known state, got 'blue'"),
        ("color", 5, "color: expected a known state, got int"),
        ("item", [], "item: expected an object, got list"),
        ("items", {}, "items: expected a list of objects, got dict"),
        ("another name", "5", "another name: expected a number, got str"),
        ("redacted", 5, "redacted: expected a string, got int"),
        ("raw_list", {}, "raw_list: expected a list, got dict"),
        ("in_text", "[", "in_text: expected a string with a JSON list of objects, got str"),
        ("in_text", "{}", "in_text: expected a string with a JSON list of objects, got str"),
        ("in_text", [{}], "in_text: expected a string with a JSON list of objects, got list"),
        ("true_keys", [], "true_keys: expected an object of true or false, got list"),
        ("epoch", "5", "epoch: expected milliseconds since 1970, got str"),
    ],
)
def test_wrong_value_costs_its_field(caplog: pytest.LogCaptureFixture, name: str, value: Any, message: str) -> None:
    for _ in range(2):
        decoded = Everything.from_dict({"hidden": "a", name: value})
        assert decoded == Everything(hidden="a")
    assert [record.getMessage() for record in caplog.records] == [f"Ignoring field {message}"]


@pytest.mark.parametrize(("name", "value"), [("items", [None, {"size": 5}]), ("in_text", '[null, {"size": 5}]')])
def test_wrong_item_is_left_out(caplog: pytest.LogCaptureFixture, name: str, value: Any) -> None:
    assert getattr(Everything.from_dict({name: value}), name) == (Item(size=5),)
    assert [record.getMessage() for record in caplog.records] == [
        f"Ignoring field {name}[]: expected an object, got NoneType"
    ]


def test_secret_is_not_shown() -> None:
    assert "TG1" not in repr(Everything(hidden="TG1"))


@pytest.mark.parametrize(
    ("annotation", "declared"),
    [
        (float, None),
        (list[float] | None, None),
        (set[str] | None, None),
        (Any, None),
        (Item | str | None, None),
        (tuple[Item, Item] | None, None),
        (tuple[int, ...] | None, None),
        (tuple[tuple[Item, ...], ...] | None, None),
        (StrEnum, None),
        (int | None, redacted()),
        (str | None, raw_json_list()),
        (tuple[bool, ...] | None, true_keys()),
        (float | None, epoch_ms()),
    ],
)
def test_annotation_without_its_decoder_is_refused(annotation: Any, declared: Any) -> None:
    model = make_dataclass("Wrong", [("wrong", annotation, declared)], bases=(Model,), frozen=True, kw_only=True)
    with pytest.raises(TypeError, match=r"^No decoder of Wrong\.wrong makes "):
        plan_of(model)


def test_times_of_a_response_are_not_compared() -> None:
    compared = {
        f"{model.__name__}.{field.name}"
        for model in MODELS
        for field in fields(model)
        if field.compare and field.type in {datetime | None, timedelta | None}
    }
    assert compared == {f"{GridFault.__name__}.timestamp"}
