"""The quality flags of a window."""

from enum import IntFlag

__all__ = ["Quality"]


class Quality(IntFlag):
    """Flags of a window; 0 is good.

    `NOISY` is muscle noise, of models whose file has a threshold for it; it misses slow artifacts.
    `str` of a flag is what the command line prints: ``"flat+lead-off"``.

    Attributes
    ----------
    GOOD : int
        0: no flag.
    FLAT : int
        1: at least half of the window hardly moves (with the bundled models; less than 6 microvolts in each block
        of a quarter of a second).
    CLIPPED : int
        2: at least 100 ms at the highest and the lowest sample: an amplifier at its rails.
    LEAD_OFF : int
        4: at least 2 s in a row without movement, or a sample beyond 524 mV: an electrode that fell off.
    MISSING : int
        8: samples that were not measured.
    NOISY : int
        16: the bytes behind the front end jump more than an ECG's.

    Examples
    --------
    >>> import edgeecg
    >>> str(edgeecg.Quality(5))
    'flat+lead-off'

    References
    ----------
    docs/numerics.md, section 5.
    """

    GOOD = 0
    FLAT = 1
    CLIPPED = 2
    LEAD_OFF = 4
    MISSING = 8
    NOISY = 16

    def __str__(self) -> str:
        names = [flag.name.lower().replace("_", "-") for flag in Quality if flag.name and flag and flag in self]
        return "+".join(names) or "good"
