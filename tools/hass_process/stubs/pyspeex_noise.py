"""Replace `pyspeex_noise`, which has no wheel for Python 3.14."""


class AudioProcessor:
    """Refuses to be used."""

    def __init__(self, auto_gain: float, noise_suppression: int) -> None:
        raise RuntimeError(
            f"Noise suppression ({auto_gain}, {noise_suppression}) is not part of this Home Assistant: "
            "install pyspeex-noise to use it"
        )
