"""The promise of the project's source document: each of its endpoints has a row, a route and a line in the docs."""

import ast
from itertools import pairwise
from pathlib import Path

import pytest

from custom_components.powerwall_gateway.gateway import PowerwallGateway, endpoints
from custom_components.powerwall_gateway.gateway.endpoints import ENDPOINTS
from simulator import PROFILES
from tools import api_table

SEED = [
    (method, path)
    for line in (Path(__file__).parent / "seed_endpoints.txt").read_text().splitlines()
    if not line.startswith("#")
    for method, path in [line.split()]
]

EXPLAINED = {
    ast.unparse(row.target)
    for row, after in pairwise(ast.parse(Path(endpoints.__file__).read_text()).body)
    if isinstance(row, ast.AnnAssign) and isinstance(after, ast.Expr)
}
"""Rows with a docstring below them."""


@pytest.mark.parametrize(("method", "path"), SEED)
def test_each_endpoint_of_the_seed_has_one_row(method: str, path: str) -> None:
    rows = [name for name, endpoint in ENDPOINTS.items() if (endpoint.method, endpoint.path) == (method, path)]
    assert len(rows) == 1


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


def test_no_two_rows_are_the_same_request() -> None:
    assert len({(endpoint.method, endpoint.path) for endpoint in ENDPOINTS.values()}) == len(ENDPOINTS)


@pytest.mark.parametrize("name", sorted(ENDPOINTS))
def test_each_endpoint_has_a_method_or_a_docstring_in_the_table(name: str) -> None:
    assert (getattr(getattr(PowerwallGateway, name.lower(), None), "__doc__", None) or "").strip() or name in EXPLAINED
