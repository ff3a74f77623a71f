"""The table of endpoints: every endpoint of the seed has a row, a simulated route, and a line in the docs."""

import ast
from itertools import pairwise
from pathlib import Path

from custom_components.powerwall_gateway.gateway import PowerwallGateway, endpoints
from custom_components.powerwall_gateway.gateway.endpoints import ENDPOINTS
from simulator import PROFILES
from tests.client.endpoint_calls import has_method
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


def test_endpoint_of_the_seed_has_one_row_and_a_route() -> None:
    rows: list[tuple[str, str]] = [(endpoint.method, endpoint.path) for endpoint in ENDPOINTS.values()]
    routes = PROFILES["1.15.0"].endpoints
    assert [each for each in SEED if rows.count(each) != 1] == []
    assert [(method, path) for method, path in SEED if method not in routes[path]] == []


def test_endpoint_page_is_up_to_date() -> None:
    assert api_table.PAGE.read_text() == api_table.page(), "run: .venv/bin/python -m tools.api_table"


def test_endpoint_page_has_no_empty_cell() -> None:
    for line in api_table.page().splitlines():
        if line.startswith("|"):
            assert all(cell.strip() for cell in line.strip("|").split("|"))


def test_endpoint_page_lists_only_existing_endpoints() -> None:
    assert set(api_table.SHOWN) <= set(ENDPOINTS)


def test_endpoint_rows_are_unique() -> None:
    assert len({(endpoint.method, endpoint.path) for endpoint in ENDPOINTS.values()}) == len(ENDPOINTS)


def test_endpoint_has_a_method_or_a_docstring_in_the_table() -> None:
    described = {name for name in ENDPOINTS if has_method(name) and getattr(PowerwallGateway, name.lower()).__doc__}
    assert ENDPOINTS.keys() - described <= EXPLAINED
