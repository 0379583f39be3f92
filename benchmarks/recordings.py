"""Whole recordings: what a day of ECG costs, and whether an hour costs the same in a minute and in a week."""

from dataclasses import dataclass

import numpy as np

from edgeecg.constants import RATE

HOUR = 3600.0


@dataclass(frozen=True)
class Recording:
    """A recording in memory and how it is embedded: `hours` of ECG at `fs` Hz, a window every `hop` seconds."""

    label: str
    hours: float
    fs: float = RATE
    hop: float = 10.0
    dtype: str = "float32"
    threads: int = 1

    @property
    def windows(self) -> int:
        return int((self.hours * HOUR - 10) / self.hop) + 1

    def call(self, encoder):
        """A call that embeds it whole."""
        x = self.signal()
        return lambda: encoder.embed(x, fs=self.fs, hop=self.hop, threads=self.threads)

    def signal(self) -> np.ndarray:
        """An hour (or less) of synthetic ECG, repeated."""
        from benchmarks.nets import ecg

        n = round(self.hours * HOUR * self.fs)
        hour = ecg(min(n, round(HOUR * self.fs)), seed=1, fs=self.fs).astype(self.dtype)
        return np.resize(hour, n)


RECORDINGS = {
    "day": Recording("24 h at 128 Hz, hop 10 s", 24),
    "day-hop-1": Recording("24 h at 128 Hz, hop 1 s", 24, hop=1.0),
    "day-360": Recording("24 h at 360 Hz, float64, hop 10 s", 24, fs=360.0, dtype="float64"),
    "day-2-threads": Recording("24 h at 128 Hz, hop 10 s, 2 threads", 24, threads=2),
    "minute": Recording("1 min", 1 / 60),
    "ten-minutes": Recording("10 min", 1 / 6),
    "hour-long": Recording("1 h", 1),
    "week": Recording("7 days", 168),
}
LENGTHS = ("minute", "ten-minutes", "hour-long", "day", "week")
