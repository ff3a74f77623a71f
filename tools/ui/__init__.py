"""Home Assistant's frontend in a headless Chromium, driven by Playwright."""

from tools.ui.chromium import chromium
from tools.ui.page import Page, PageError, signed_in_page
from tools.ui.page_objects import Frontend
from tools.ui.profile import Profile, desktop, phone
from tools.ui.texts import Texts

__all__ = ["Frontend", "Page", "PageError", "Profile", "Texts", "chromium", "desktop", "phone", "signed_in_page"]
