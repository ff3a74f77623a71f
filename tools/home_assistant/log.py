"""What Home Assistant's log says about one integration."""

from pathlib import Path
import re

# Where a record begins; what follows up to the next one (a traceback) belongs to it. Since 2026.11 the zone is named.
RECORD = re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+(?:[+-]\d\d:\d\d)? (?P<level>[A-Z]+) ", re.MULTILINE)

_COMPLAINT = re.compile(r"\bdeprecated\b|\bbug report\b|\breport it to\b")


def is_complaint(message: str, name: str) -> bool:
    """Tell whether Home Assistant warns an integration's authors, of a use of what will go for instance."""
    return name in message and _COMPLAINT.search(message) is not None


def errors_about(log: Path, name: str) -> list[str]:
    """Give the errors that mention the name anywhere, tracebacks included, and the warnings meant for its authors."""
    text = log.read_text(encoding="utf-8", errors="replace")
    records = list(RECORD.finditer(text))
    ends = [record.start() for record in records[1:]] + [len(text)]
    said = [(record["level"], text[record.start() : end].rstrip()) for record, end in zip(records, ends, strict=True)]
    return [
        message
        for level, message in said
        if (level in {"ERROR", "CRITICAL"} and name in message) or (level == "WARNING" and is_complaint(message, name))
    ]
