"""Fuzz the models: a wrong value in one field never changes another field.

A hundred and fifty for each model and test here, ten thousand with `scripts/test --deep`.
"""

from dataclasses import fields
from random import Random
from typing import Any

from hypothesis import given, strategies as st
import orjson
import pytest

from custom_components.powerwall_gateway.gateway.models import Model
from tests.client.example_payloads import JSON, MODELS, example, random_json, spoil
from tests.fuzz.inputs import InputCounter

PAYLOADS = 10
"""Per hypothesis example: making an example takes longer than decoding a payload."""

OWN_FORMS = [model for model in MODELS if model.normalize is not Model.normalize]
"""Models with several forms of payload: there one key may decide how others are decoded."""


PROPERTIES = {model: [name for name in dir(model) if isinstance(getattr(model, name), property)] for model in MODELS}


@pytest.mark.parametrize("model", MODELS)
def test_example_is_decoded(model: type[Model]) -> None:
    read = model.from_dict(example(model))
    assert any(getattr(read, field.name) is not None for field in fields(model))


@pytest.mark.parametrize("model", [model for model in MODELS if model not in OWN_FORMS])
@given(random=st.randoms(use_true_random=False))
def test_good_fields_are_decoded_next_to_wrong_ones(counter: InputCounter, model: type[Model], random: Random) -> None:
    good_payload = example(model)
    good = model.from_dict(good_payload)
    for _ in range(PAYLOADS):
        payload, keys = spoil(good_payload, random)
        counter.inputs += 1
        read = model.from_dict(orjson.loads(orjson.dumps(payload)))
        for field, key in zip(fields(model), model.wire_keys(), strict=True):
            if key not in keys:
                assert getattr(read, field.name) == getattr(good, field.name), payload


@pytest.mark.parametrize("model", MODELS)
@given(random=st.randoms(use_true_random=False))
def test_any_json_is_decoded(counter: InputCounter, model: type[Model], random: Random) -> None:
    keys = model.wire_keys()
    for _ in range(PAYLOADS):
        payload = {key: random_json(random) for key in random.sample(keys, k=random.randint(1, len(keys)))}
        counter.inputs += 1
        read = model.from_dict(orjson.loads(orjson.dumps(payload)))
        assert isinstance(read, model), payload
        assert read == model.from_dict(payload), payload
    assert repr(read)
    for name in PROPERTIES[model]:
        getattr(read, name)


@given(payload=JSON | st.lists(JSON))
def test_value_other_than_object_is_none(payload: Any) -> None:
    for model in MODELS:
        assert (model.read(payload) is None) == (not isinstance(payload, dict))
