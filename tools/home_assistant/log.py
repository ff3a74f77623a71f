"""What Home Assistant's log says about one integration."""

from pathlib import Path
import re

# Where a record begins; what follows up to the next one (a traceback) belongs to it. Since 2026.11 the zone is named.
RECORD = re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+(?:[+-]\d\d:\d\d)? (?P<level>[A-Z]+) ", re.MULTILINE)


def errors_about(log: Path, name: str) -> list[str]:
    """Give the records of errors that mention the name anywhere, their tracebacks included."""
    text = log.read_text(encoding="utf-8", errors="replace")
    records = list(RECORD.finditer(text))
    ends = [record.start() for record in records[1:]] + [len(text)]
    return [
        text[record.start() : end].rstrip()
        for record, end in zip(records, ends, strict=True)
        if record["level"] in {"ERROR", "CRITICAL"} and name in text[record.start() : end]
    ]
