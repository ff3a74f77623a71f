"""That every failure of the client has its sentence, with everything filled in that it names."""

from collections.abc import Iterator
import inspect
from itertools import combinations
from string import Formatter
from typing import Any

import pytest

from custom_components.powerwall_gateway.exceptions import _TEXTS, translated
from custom_components.powerwall_gateway.gateway import GatewayError, GatewayKeyError, KeyProblem, OperationRefusedError
from tests.repository.test_static import TEXTS

FIELDS: dict[str, Any] = {
    "charge": 19.9,
    "fingerprint": bytes(32),
    "firmware": "26.10.4",
    "least": 20.0,
    "mode": "backup",
    "problem": KeyProblem.UNKNOWN,
    "reserve": 30.0,
    "standing_mode": None,
    "standing_reserve": None,
}
"""What an error has to be made of."""


def family(kind: type[GatewayError]) -> Iterator[type[GatewayError]]:
    """Give a kind of error and all its children."""
    yield kind
    for child in kind.__subclasses__():
        yield from family(child)


def example(kind: type[GatewayError], **more: Any) -> GatewayError:
    """Make an error of a kind."""
    wanted = inspect.signature(kind).parameters.values()
    fields = {field.name: FIELDS[field.name] for field in wanted if field.name in FIELDS}
    return kind("it failed", **fields, **more)


def sentence(err: GatewayError) -> str:
    """Give what a person reads in English."""
    told = translated(err)
    assert told.translation_key
    text: str = TEXTS["exceptions"][told.translation_key]["message"]
    placeholders = told.translation_placeholders or {}
    assert {name for _, name, _, _ in Formatter().parse(text) if name} == set(placeholders)
    assert all(placeholders.values())
    return text.format(**placeholders)


@pytest.mark.parametrize("kind", family(GatewayError))
def test_every_failure_has_a_sentence(kind: type[GatewayError]) -> None:
    assert sentence(example(kind))


@pytest.mark.parametrize("problem", KeyProblem)
def test_every_problem_of_a_key_has_a_sentence(problem: KeyProblem) -> None:
    assert sentence(GatewayKeyError("it failed", problem=problem))


def test_what_is_stored_only_is_another_sentence() -> None:
    refused = example(OperationRefusedError, reason="Cannot Start Wizard")
    stored = example(OperationRefusedError, reason="Cannot Start Wizard", stored=True)
    assert sentence(refused) != sentence(stored)
    assert "Cannot Start Wizard" in sentence(refused)
    assert "Cannot Start Wizard" in sentence(stored)


def test_a_reason_is_never_made_of_english_text() -> None:
    for kind in family(GatewayError):
        told = translated(example(kind))
        assert "it failed" not in (told.translation_placeholders or {}).values(), kind


def test_no_sentence_hides_another() -> None:
    for (earlier, *_), (later, *_) in combinations(_TEXTS, 2):
        assert not issubclass(later, earlier), f"{later.__name__} is never told: {earlier.__name__} comes first"
