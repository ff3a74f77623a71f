"""A person at Home Assistant's pages: a headless Chromium, driven by Playwright."""

from .chromium import chromium
from .look import Look, desktop, phone
from .page import Page, PageError, signed_in
from .person import Person
from .words import Words

__all__ = ["Look", "Page", "PageError", "Person", "Words", "chromium", "desktop", "phone", "signed_in"]
