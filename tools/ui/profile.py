"""The screen, color scheme and language of a browser."""

from dataclasses import dataclass
from typing import override


@dataclass(frozen=True, slots=True)
class Profile:
    """A screen, its colours, and a language."""

    width: int
    height: int
    dark: bool
    language: str
    scale: int = 1
    """Pixels of the screen for each pixel of the page."""

    @override
    def __str__(self) -> str:
        screen = "desktop" if self.width > self.height else "phone"
        return f"{screen}-{'dark' if self.dark else 'light'}-{self.language}"


def desktop(language: str, *, dark: bool = False, scale: int = 1) -> Profile:
    """Return a desktop window."""
    return Profile(1280, 800, dark, language, scale)


def phone(language: str, *, dark: bool = False, scale: int = 1) -> Profile:
    """Return a phone in portrait orientation."""
    return Profile(390, 844, dark, language, scale)
