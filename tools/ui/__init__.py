"""A person at Home Assistant's pages: a headless Chromium, driven by Playwright."""

from tools.ui.chromium import chromium
from tools.ui.look import Look, desktop, phone
from tools.ui.page import Page, PageError, signed_in
from tools.ui.person import Person
from tools.ui.words import Words

__all__ = ["Look", "Page", "PageError", "Person", "Words", "chromium", "desktop", "phone", "signed_in"]
