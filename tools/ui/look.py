"""On what, and in which language, somebody looks at Home Assistant."""

from dataclasses import dataclass
from typing import override


@dataclass(frozen=True, slots=True)
class Look:
    """A screen, its colours, and a language."""

    width: int
    height: int
    dark: bool
    language: str

    @override
    def __str__(self) -> str:
        screen = "desktop" if self.width > self.height else "phone"
        return f"{screen}-{'dark' if self.dark else 'light'}-{self.language}"


def desktop(language: str, *, dark: bool = False) -> Look:
    """Give a window on a desktop."""
    return Look(1280, 800, dark, language)


def phone(language: str, *, dark: bool = False) -> Look:
    """Give a phone that is held upright."""
    return Look(390, 844, dark, language)
