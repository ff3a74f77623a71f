"""Find the endpoint of a firmware for the path of a request."""

from collections.abc import Mapping
from dataclasses import dataclass
import re
from urllib.parse import unquote

from simulator.gateway.profile import Endpoint

_ARGUMENT = re.compile(r"\{(\w+)\}")

type Verbs = Mapping[str, Endpoint]


@dataclass(frozen=True)
class Route:
    """A path that exists."""

    verbs: Verbs
    arguments: Mapping[str, str]
    """The value of each `{name}` in the path, decoded."""


class Routes:
    """Find endpoints by path. A `{name}` in a firmware's table stands for any text without a slash."""

    def __init__(self, endpoints: Mapping[str, Verbs]) -> None:
        self._exact = {path: Route(verbs, {}) for path, verbs in endpoints.items() if "{" not in path}
        self._patterns = [(_pattern(path), verbs) for path, verbs in endpoints.items() if "{" in path]

    def find(self, path: str) -> Route | None:
        """Find a path below /api/, still encoded: `%2F` in it is part of an argument."""
        if exact := self._exact.get(unquote(path)):
            return exact
        for pattern, verbs in self._patterns:
            if match := pattern.fullmatch(path):
                return Route(verbs, {name: unquote(value) for name, value in match.groupdict().items()})
        return None


def _pattern(path: str) -> re.Pattern[str]:
    """Return a pattern for a path such as `networks/{name}/enable`."""
    literal, *rest = _ARGUMENT.split(path)
    text = re.escape(literal)
    for name, following in zip(rest[::2], rest[1::2], strict=True):
        text += f"(?P<{name}>[^/]+){re.escape(following)}"
    return re.compile(text)
