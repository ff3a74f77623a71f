"""What others wrote, in texts that Home Assistant's pages read as Markdown: descriptions of forms and of repairs."""

import re
from typing import Final

_SIGNS: Final = re.compile(r"[!-/:-@\[-`{-~]")


def literal(text: str) -> str:
    """Have a text shown as it is: no link, picture or tag comes out of it.

    A gateway says what it likes, and a stranger may answer for it.
    """
    return _SIGNS.sub(r"\\\g<0>", text)
