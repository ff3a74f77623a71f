"""Install a custom component of this repository that measures a Home Assistant."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tools.hass_process.configuration import REPOSITORY, as_yaml


@dataclass(frozen=True)
class Probe:
    """One such component and its URL."""

    source: Path
    domain: str
    imports_repository: bool = False
    """Set if it imports packages of this repository."""

    watches: bool = False
    """Set if it has an option with the integration to watch."""

    @property
    def url(self) -> str:
        """The path that it is read at."""
        return f"/api/{self.domain}"

    def put_into(self, folder: Path, watched: str = "") -> None:
        """Install it in a Home Assistant folder, unless it is there."""
        components = folder / "custom_components"
        components.mkdir(parents=True, exist_ok=True)
        link = components / self.domain
        if link.exists():
            return
        (components / "__init__.py").touch()  # else the repository's, where it is on the path, hides this one
        link.symlink_to(self.source, target_is_directory=True)
        options = f"  watch: {watched}\n" if self.watches and watched else ""
        text = f"{as_yaml(time_zone='UTC')}\n{self.domain}:\n{options}"
        (folder / "configuration.yaml").write_text(text, encoding="utf-8")

    def path(self, folder: Path) -> Sequence[Path]:
        """Return the Python path of its Home Assistant, with its folder first."""
        return (folder.resolve(), REPOSITORY) if self.imports_repository else ()
