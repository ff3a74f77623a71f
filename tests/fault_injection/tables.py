"""The impact of every fault and scenario as tables."""

from collections.abc import Iterator, Sequence

from tests.fault_injection.scenario_runner import ScenarioImpact

type Row = tuple[str, str, Sequence[str]]


def of_endpoints(rows: list[tuple[str, str, dict[str, str]]]) -> Iterator[str]:
    """Yield a table for each firmware: a line for each fault, a column for each endpoint."""
    yield "Entities hidden · requests in three polls · log records · polls until all is back"
    for firmware in sorted({firmware for firmware, _, _ in rows}):
        of_firmware = [(fault, cells) for row_firmware, fault, cells in rows if row_firmware == firmware]
        paths = sorted({path for _, cells in of_firmware for path in cells})
        yield f"\nfirmware {firmware}"
        for number, path in enumerate(paths, start=1):
            yield f"  {number:2} {path}"
        yield f"{'':22}" + "".join(f"{number:>10}" for number in range(1, len(paths) + 1))
        for fault, cells in of_firmware:
            yield f"{fault:22}" + "".join(f"{cells.get(path, 'EMPTY'):>10}" for path in paths)


def of_one_response(rows: list[tuple[str, str, str]]) -> Iterator[str]:
    """Yield the table of single faults: a line for each fault, a column for each firmware."""
    cells = {(fault, firmware): cell for fault, firmware, cell in rows}
    firmwares = sorted({firmware for _, firmware, _ in rows})
    yield "\nA single fault, at the endpoint with the largest impact"
    yield f"{'':22}" + "".join(f"{firmware:>10}" for firmware in firmwares)
    for fault in dict.fromkeys(fault for fault, _, _ in rows):
        yield f"{fault:22}" + "".join(f"{cells.get((fault, firmware), 'EMPTY'):>10}" for firmware in firmwares)


def of_the_whole(rows: list[Row]) -> Iterator[str]:
    """Yield the table of scenarios: a line for each, by group."""
    widths = [
        max(len(title), *(len(cells[at]) for _, _, cells in rows)) for at, title in enumerate(ScenarioImpact.TITLES)
    ]
    yield "\nSeconds, entities, polls, requests and log records"
    for group in dict.fromkeys(group for group, _, _ in rows):
        yield f"\n{group:32}" + _in_columns(ScenarioImpact.TITLES, widths)
        for _, name, cells in (row for row in rows if row[0] == group):
            yield f"{name:32}" + _in_columns(cells, widths)


def _in_columns(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(f"{cell or 'EMPTY':>{width}}" for cell, width in zip(cells, widths, strict=True))
