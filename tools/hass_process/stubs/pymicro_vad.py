"""Replace `pymicro_vad`, which has no wheel for Python 3.14."""


class MicroVad:
    """Refuses to be used."""

    def __init__(self) -> None:
        raise RuntimeError("Voice detection is not part of this Home Assistant: install pymicro-vad to use it")
