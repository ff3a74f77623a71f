"""The check for deprecated code finds it in Home Assistant and in Python."""

import logging
import warnings

import pytest

from custom_components.powerwall_gateway.const import DOMAIN
from homeassistant.core import HomeAssistant
from homeassistant.helpers.deprecation import deprecated_function
from homeassistant.helpers.frame import report_usage
from homeassistant.loader import async_get_integration
from tests.deprecations import DeprecationLog


def goes(module: str, kind: type[Warning]) -> None:
    """Warn as if a module used something deprecated."""
    warnings.warn_explicit("this goes", kind, "here.py", 1, module)


@deprecated_function("another")
def old() -> None:
    """Be a deprecated function."""


async def test_deprecation_of_the_integration_is_found(
    hass: HomeAssistant, enable_custom_integrations: None, deprecation_log: DeprecationLog
) -> None:
    await async_get_integration(hass, DOMAIN)
    report_usage("does what will not work any more", integration_domain=DOMAIN)
    (complaint,) = deprecation_log.taken()
    assert "does what will not work any more" in complaint


def test_deprecation_in_a_test_is_found(deprecation_log: DeprecationLog) -> None:
    old()
    (complaint,) = deprecation_log.taken()
    assert complaint.startswith("The deprecated function old was called")


def test_deprecation_of_another_integration_is_ignored(deprecation_log: DeprecationLog) -> None:
    logging.getLogger("homeassistant.helpers.frame").warning("Detected that integration 'sun' calls old things, please")
    assert deprecation_log.taken() == []


@pytest.mark.parametrize("kind", [DeprecationWarning, PendingDeprecationWarning, FutureWarning])
@pytest.mark.parametrize("module", ["custom_components.powerwall_gateway.gateway.auth", "tests.here", "tools.there"])
def test_deprecation_warning_of_our_code_is_an_error(module: str, kind: type[Warning]) -> None:
    with pytest.raises(kind, match="this goes"):
        goes(module, kind)


def test_deprecation_warning_of_other_code_is_no_error() -> None:
    with warnings.catch_warnings(record=True):  # kept and looked at by no one, were it not an error
        goes("aiohttp.client", DeprecationWarning)
