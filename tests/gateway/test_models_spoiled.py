"""Spoiled payloads: whatever stands in one field, the others are read as if nothing were.

A few dozen for each model here, ten thousand with `scripts/test --deep`.
"""

from dataclasses import fields
import logging
from typing import Any

from hypothesis import given, settings, strategies as st
import orjson
import pytest

from custom_components.powerwall_gateway.gateway.models import Payload
from custom_components.powerwall_gateway.gateway.models.payload import misfits

from .examples import JSON, MODELS, example, keys_of, spoiled

OWN_FORMS = [model for model in MODELS if model.tidy is not Payload.tidy]
"""Models whose payload has had several forms: there a key may decide how others are read."""


@pytest.fixture(autouse=True)
def silence() -> None:
    """Keep thousands of misfits out of the log."""
    logging.getLogger("custom_components.powerwall_gateway").setLevel(logging.CRITICAL)
    misfits.forget()


@pytest.mark.parametrize("model", MODELS)
def test_the_example_is_read(model: type[Payload]) -> None:
    read = model.from_dict(example(model))
    assert any(getattr(read, field.name) is not None for field in fields(model))


@pytest.mark.parametrize("model", [model for model in MODELS if model not in OWN_FORMS])
@given(data=st.data())
def test_good_fields_survive_bad_neighbours(model: type[Payload], data: st.DataObject) -> None:
    payload, keys = data.draw(spoiled(model))
    good = model.from_dict(example(model))
    read = model.from_dict(orjson.loads(orjson.dumps(payload)))
    for field in fields(model):
        if field.metadata["key"] not in keys:
            assert getattr(read, field.name) == getattr(good, field.name)


@pytest.mark.parametrize("model", MODELS)
@given(data=st.data())
def test_any_json_makes_a_model(model: type[Payload], data: st.DataObject) -> None:
    payload: dict[str, Any] = data.draw(st.dictionaries(st.sampled_from(keys_of(model)) | st.text(), JSON))
    read = model.from_dict(orjson.loads(orjson.dumps(payload)))
    assert isinstance(read, model)
    assert read == model.from_dict(payload)
    assert repr(read)
    for name in dir(read):  # the properties, too
        if not name.startswith("_"):
            getattr(read, name)


@given(payload=JSON | st.lists(JSON))
@settings(max_examples=100)
def test_what_is_no_object_is_not_read(payload: Any) -> None:
    for model in MODELS:
        assert (model.read(payload) is None) == (not isinstance(payload, dict))
