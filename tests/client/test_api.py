"""The promise of the project's source document: each of its endpoints has a method, a route and a line in the docs."""

from pathlib import Path

import pytest

from custom_components.powerwall_gateway.gateway import PowerwallGateway
from custom_components.powerwall_gateway.gateway.endpoints import endpoints_of
from simulator import PROFILES
from tools import api_table

SEED = [
    (method, path)
    for line in (Path(__file__).parent / "seed_endpoints.txt").read_text().splitlines()
    if not line.startswith("#")
    for method, path in [line.split()]
]
ENDPOINTS = endpoints_of(PowerwallGateway)


@pytest.mark.parametrize(("method", "path"), SEED)
def test_each_endpoint_of_the_seed_has_one_method(method: str, path: str) -> None:
    asked_by = [name for name, endpoint in ENDPOINTS.items() if (endpoint.method, endpoint.path) == (method, path)]
    assert len(asked_by) == 1


@pytest.mark.parametrize(("method", "path"), SEED)
def test_each_endpoint_of_the_seed_has_a_route(method: str, path: str) -> None:
    assert method in PROFILES["1.15.0"].endpoints[path]


def test_the_page_in_the_docs_is_up_to_date() -> None:
    assert api_table.PAGE.read_text() == api_table.page(), "run: .venv/bin/python -m tools.api_table"


def test_no_cell_of_the_page_is_empty() -> None:
    for line in api_table.page().splitlines():
        if line.startswith("|"):
            assert all(cell.strip() for cell in line.strip("|").split("|"))


def test_what_is_shown_exists() -> None:
    assert set(api_table.SHOWN) <= set(ENDPOINTS)


@pytest.mark.parametrize("name", sorted(ENDPOINTS))
def test_each_method_is_explained(name: str) -> None:
    assert (getattr(PowerwallGateway, name).__doc__ or "").strip()
