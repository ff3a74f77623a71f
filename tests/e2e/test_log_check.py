"""The check of the log finds errors and deprecations, so that a test that finds none is meaningful."""

from pathlib import Path

from tools.hass_process import errors_about

LOG = """\
2026-11-22 13:37:13.569 WARNING (MainThread) [homeassistant.loader] We found a custom integration powerwall_gateway
2026-11-22 13:37:13.902 ERROR (MainThread) [haffmpeg.core] FFmpeg fails
Traceback (most recent call last):
  File "core.py", line 130, in open
2026-11-22 13:37:14.000 ERROR (MainThread) [homeassistant.helpers.entity] Update fails
Traceback (most recent call last):
  File "custom_components/powerwall_gateway/sensor.py", line 1, in native_value
2026-11-22 13:37:14.500 WARNING (MainThread) [homeassistant.helpers.frame] Integration 'sun' is deprecated
2026-11-22 13:37:14.600 WARNING (MainThread) [homeassistant.const] The deprecated constant OLD was used from \
powerwall_gateway. Use NEW instead, please create a bug report at https://github.com
2026-11-22 13:37:15.000 INFO (MainThread) [custom_components.powerwall_gateway] The gateway responds again
"""


def test_log_check_finds_errors_by_traceback_and_warnings_by_integration(tmp_path: Path) -> None:
    log = tmp_path / "output.log"
    log.write_text(LOG, encoding="utf-8")
    error, complaint = errors_about(log, "powerwall_gateway")
    assert "Update fails" in error
    assert error.endswith("native_value")
    assert "constant OLD" in complaint
