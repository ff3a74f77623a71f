"""An end-to-end test that finds no error in the log must have been able to find one."""

from pathlib import Path

from tools.home_assistant import errors_about

LOG = """\
2026-11-22 13:37:13.569 WARNING (MainThread) [homeassistant.loader] We found a custom integration powerwall_gateway
2026-11-22 13:37:13.902 ERROR (MainThread) [haffmpeg.core] FFmpeg fails
Traceback (most recent call last):
  File "core.py", line 130, in open
2026-11-22 13:37:14.000 ERROR (MainThread) [homeassistant.helpers.entity] Update fails
Traceback (most recent call last):
  File "custom_components/powerwall_gateway/sensor.py", line 1, in native_value
2026-11-22 13:37:15.000 INFO (MainThread) [custom_components.powerwall_gateway] The gateway answers again
"""


def test_an_error_is_found_by_what_its_traceback_names(tmp_path: Path) -> None:
    log = tmp_path / "output.log"
    log.write_text(LOG, encoding="utf-8")
    (error,) = errors_about(log, "powerwall_gateway")
    assert "Update fails" in error
    assert error.endswith("native_value")
