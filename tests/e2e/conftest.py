"""Fixtures for end-to-end tests."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.conftest import is_deep
from tools.child_process import free_port
from tools.hass_process import HomeAssistant

collect_ignore = [] if is_deep() else ["test_accelerated_day.py"]


@pytest.fixture
async def home(socket_enabled: None, tmp_path: Path) -> AsyncIterator[HomeAssistant]:
    """Start a fresh Home Assistant; it ends with the test, whatever became of that."""
    async with HomeAssistant(tmp_path, free_port()) as home:
        yield home
