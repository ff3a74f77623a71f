"""The configuration folder of a Home Assistant that runs this repository's integration."""

from pathlib import Path

from tools.hass_process import storage

REPOSITORY = Path(__file__).resolve().parents[2]
INTEGRATION = REPOSITORY / "custom_components" / "powerwall_gateway"
STUBS = Path(__file__).resolve().parent / "stubs"

# `default_config` would pull in a dozen integrations that need the internet or libraries without a wheel.
_YAML = """\
# Written once by tools/hass_process; yours to change where the folder is kept (scripts/develop --config DIR).
homeassistant:
  name: Home
  country: US
  unit_system: metric
  time_zone: {time_zone}
  language: {language}

frontend:
api:
websocket_api:
config:
recorder:
history:
logbook:
energy:
diagnostics:
repairs:

logger:
  default: warning
  logs:
    custom_components.powerwall_gateway: info
    # There is no camera here, so these two may miss what they need for one.
    haffmpeg: fatal
    homeassistant.components.camera.img_util: fatal
"""


def as_yaml(time_zone: str, language: str = "en") -> str:
    """Return the text of `configuration.yaml`."""
    return _YAML.format(time_zone=time_zone, language=language)


def write(folder: Path, port: int, time_zone: str, language: str) -> None:
    """Prepare the folder for a start. Existing files stay."""
    folder.mkdir(parents=True, exist_ok=True)
    configuration = folder / "configuration.yaml"
    if not configuration.exists():
        configuration.write_text(as_yaml(time_zone, language), encoding="utf-8")
    storage.seed(folder, port)
    link_integration(folder)


def link_integration(folder: Path) -> None:
    """Link the integration, so that a change in the repository is there at the next restart."""
    link = folder / "custom_components" / INTEGRATION.name
    link.parent.mkdir(exist_ok=True)
    if link.is_symlink():
        link.unlink()
    link.symlink_to(INTEGRATION, target_is_directory=True)
