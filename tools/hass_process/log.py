"""Read the log records of one integration."""

from dataclasses import dataclass
from pathlib import Path
import re

# Where a record begins; what follows up to the next one (a traceback) belongs to it. Since 2026.11 the zone is named.
RECORD = re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+(?:[+-]\d\d:\d\d)? (?P<level>[A-Z]+) ", re.MULTILINE)

_COMPLAINT = re.compile(r"\bdeprecated\b|\bbug report\b|\breport it to\b")


def is_complaint(message: str, name: str) -> bool:
    """Return whether Home Assistant warns an integration's authors, for example of a deprecation."""
    return name in message and _COMPLAINT.search(message) is not None


def log_of(folder: Path) -> Path:
    """Return the log file since the last start of the Home Assistant of a configuration folder."""
    return folder / "output.log"


@dataclass(frozen=True, slots=True)
class Record:
    """One record of the log."""

    level: str
    text: str
    """All of it, a traceback included."""

    @property
    def has_traceback(self) -> bool:
        """Return whether it has a traceback."""
        return "\nTraceback (most recent call last)" in self.text


def records(log: Path) -> list[Record]:
    """Return everything that was logged so far."""
    text = log.read_text(encoding="utf-8", errors="replace")
    heads = list(RECORD.finditer(text))
    ends = [head.start() for head in heads[1:]] + [len(text)]
    return [Record(head["level"], text[head.start() : end].rstrip()) for head, end in zip(heads, ends, strict=True)]


def errors_about(log: Path, name: str) -> list[str]:
    """Return the errors that mention the name anywhere, tracebacks included, and the warnings meant for its authors."""
    return [
        record.text
        for record in records(log)
        if (record.level in {"ERROR", "CRITICAL"} and name in record.text)
        or (record.level == "WARNING" and is_complaint(record.text, name))
    ]
