"""Stands in for `pymicro_vad`: there is no voice to detect."""


class MicroVad:
    """Refuses to be used."""

    def __init__(self) -> None:
        raise RuntimeError("Voice detection is not part of this Home Assistant: install pymicro-vad to use it")
