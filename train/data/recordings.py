"""A recording of a corpus in one form for all formats: its leads, its patient, and facts from tables."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from edgeecg.io import MISSING, Lead


@dataclass(frozen=True)
class Recording:
    """One lead. `signal` is float in mV (`gain` None) or integer with `gain` ADC units per mV; `fs` in Hz."""

    record: str
    patient: str
    lead: str
    fs: float
    signal: np.ndarray
    gain: float | None = None
    label: str = ""

    def millivolts(self) -> np.ndarray:
        """(n,) float64; samples that were not measured are 0."""
        mv = np.asarray(self.signal, np.float64) / (self.gain or 1.0)
        if self.signal.dtype == np.int32:
            mv[self.signal == MISSING] = 0.0
        return np.nan_to_num(mv)


@dataclass(frozen=True)
class Record:
    """A recording whose samples are read when they are asked for.

    `load(i)` gives the samples of `leads[i]`: integers with the lead's gain, or floats in mV where it has none.
    `facts`: what the corpus says of it, by name ("superclass", "rhythm" ...).
    """

    name: str
    patient: str
    leads: tuple[Lead, ...]
    load: Callable[[int], np.ndarray]
    label: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)

    def recording(self, number: int) -> Recording:
        lead = self.leads[number]
        return Recording(self.name, self.patient, lead.name, lead.fs, self.load(number), lead.gain, self.label)

    def recordings(self) -> Iterator[Recording]:
        return (self.recording(number) for number in range(len(self.leads)))
