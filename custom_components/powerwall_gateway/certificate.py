"""The certificate that is trusted: how it is shown, and the repair that asks about another one."""

from homeassistant.config_entries import ConfigEntry
from homeassistant.const import CONF_HOST
from homeassistant.core import HomeAssistant, callback

from . import issues
from .const import CONF_FINGERPRINT, CONF_SCHEME
from .gateway import Identity, identify, open_session
from .hub import create_gateway


def readable(fingerprint: str | None) -> str:
    """Write a SHA-256 in hex as browsers do; a dash where there is none."""
    return bytes.fromhex(fingerprint).hex(":").upper() if fingerprint else "-"


def stored(shown: str) -> str:
    """Return a SHA-256 in hex as it is stored, from how it is shown."""
    return bytes.fromhex(shown.replace(":", "")).hex()


async def async_identify(entry: ConfigEntry, shown: str) -> Identity:
    """Read who has the certificate that the owner was shown, without a login. Raises `GatewayError`."""
    async with open_session() as session:
        data = {CONF_HOST: entry.data[CONF_HOST], CONF_SCHEME: entry.data[CONF_SCHEME], CONF_FINGERPRINT: stored(shown)}
        return await identify(create_gateway(session, data))


@callback
def async_show_certificate(hass: HomeAssistant, entry: ConfigEntry, found: bytes | None) -> None:
    """Show that a gateway came with another certificate than the trusted one; None takes that away."""
    if found is None:
        issues.async_set_issue(hass, issues.CERTIFICATE_CHANGED, entry.entry_id, active=False)
        return
    issues.async_set_issue(
        hass,
        issues.CERTIFICATE_CHANGED,
        entry.entry_id,
        active=True,
        old=readable(entry.data[CONF_FINGERPRINT]),
        new=readable(found.hex()),
    )


@callback
def async_trust(hass: HomeAssistant, entry: ConfigEntry, shown: str) -> None:
    """Trust the certificate that the owner was shown, and no other, from now on."""
    hass.config_entries.async_update_entry(entry, data={**entry.data, CONF_FINGERPRINT: stored(shown)})
    hass.config_entries.async_schedule_reload(entry.entry_id)
