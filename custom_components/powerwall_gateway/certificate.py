"""The certificate that is trusted: how it is shown, and the repair that asks about another one."""

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback

from . import issues
from .const import CONF_FINGERPRINT


def readable(fingerprint: str | None) -> str:
    """Write a SHA-256 in hex as browsers do; a dash where there is none."""
    return bytes.fromhex(fingerprint).hex(":").upper() if fingerprint else "-"


@callback
def async_show_certificate(hass: HomeAssistant, entry: ConfigEntry, found: bytes | None) -> None:
    """Show that a gateway came with another certificate than the trusted one; None takes that away."""
    if found is None:
        issues.async_show(hass, issues.CERTIFICATE_CHANGED, entry.entry_id, shown=False)
        return
    issues.async_show(
        hass,
        issues.CERTIFICATE_CHANGED,
        entry.entry_id,
        shown=True,
        old=readable(entry.data[CONF_FINGERPRINT]),
        new=readable(found.hex()),
    )


@callback
def async_trust(hass: HomeAssistant, entry: ConfigEntry, shown: str) -> None:
    """Trust the certificate that the owner was shown, and no other, from now on."""
    fingerprint = bytes.fromhex(shown.replace(":", "")).hex()
    hass.config_entries.async_update_entry(entry, data={**entry.data, CONF_FINGERPRINT: fingerprint})
    hass.config_entries.async_schedule_reload(entry.entry_id)
