"""A recording and the file it comes from, whatever the format."""

import dataclasses
import re
from collections.abc import Callable

import numpy as np

from ..errors import InputError

__all__ = ["MISSING", "Lead", "Recording", "Source", "choose_lead", "normal_unit"]

MISSING = -(2**31)  # an int32 sample that was not measured: EE_MISSING of the C core
UNITS_PER_MV = {"nV": 1e6, "uV": 1e3, "mV": 1.0, "V": 1e-3}
SPELLINGS = {"nv": "nV", "uv": "uV", "µv": "uV", "μv": "uV", "mv": "mV", "v": "V"}
SPELLINGS |= {"nanovolt": "nV", "microvolt": "uV", "millivolt": "mV", "volt": "V"}


def normal_unit(text: str | None) -> str | None:
    """ "mV", "uV", "V" or "nV" for the ways people spell them; None for what is no voltage."""
    text = (text or "").strip().lower()
    return SPELLINGS.get(text) or SPELLINGS.get(text.removesuffix("s"))


@dataclasses.dataclass(frozen=True)
class Recording:
    """One lead: samples and what is needed to read them as a voltage.

    samples: (n,) floats in `unit` (NaN where missing), or integers with `gain` (int32 `MISSING` where missing).
    fs: Hz, or None where the file does not tell. unit: "mV", "uV" or "V", or None. gain: ADC units per mV, or None.
    """

    samples: np.ndarray
    fs: float | None
    unit: str | None = None
    gain: float | None = None
    lead: str | None = None
    name: str = ""

    def millivolts(self) -> np.ndarray:
        """(n,) float64 mV, NaN where missing: for plots."""
        x = self.samples.astype(np.float64)
        if self.samples.dtype.kind in "iu":
            x[self.samples == MISSING] = np.nan
        return x / (self.gain if self.gain is not None else UNITS_PER_MV[self.unit or "mV"])

    @property
    def seconds(self) -> float:
        """Length in seconds."""
        return len(self.samples) / self.fs


def whole_numbers(samples: np.ndarray, name: str) -> np.ndarray:
    """Floats that are ADC units as int32, NaN as MISSING."""
    missing = np.isnan(samples)
    values = np.where(missing, 0.0, samples)
    if not np.all(np.isfinite(values)) or np.any(values != np.floor(values)) or np.any(np.abs(values) >= 2.0**31):
        raise InputError(
            f"{name}: a gain needs samples that are whole numbers of 32 bits (ADC units), and these are not"
        )
    return np.where(missing, MISSING, values).astype(np.int32)


@dataclasses.dataclass(frozen=True)
class Lead:
    """What a file's header says of one lead."""

    name: str
    unit: str | None = None  # as the header writes it
    gain: float | None = None  # ADC units per mV
    fs: float | None = None  # Hz

    def __post_init__(self):
        if self.fs is not None and not 0 < self.fs < np.inf:  # a header that says 0 does not know
            object.__setattr__(self, "fs", None)


@dataclasses.dataclass(frozen=True)
class Source:
    """An opened file: its header, and `load(index)`, which reads the samples of one lead."""

    name: str
    format: str
    length: int  # samples of a lead
    leads: tuple[Lead, ...]
    load: Callable[[int], np.ndarray]

    def recording(self, lead: str | int | None = None, fs=None, unit=None, gain=None) -> Recording:
        """One lead, by name or by index counted from 0; without one the first voltage, one called ECG before others.

        fs (Hz), unit and gain (ADC units per mV) are what the user knows better than the file.
        """
        index = choose_lead(self.leads, lead, self.name)
        chosen = self.leads[index]
        if unit is not None and gain is None and chosen.gain is not None:
            raise InputError(
                f"{self.name}: the samples are ADC units, {chosen.gain:g} per mV by the header: override the gain, "
                "not the unit"
            )
        known = normal_unit(unit or chosen.unit)
        if known is None and gain is None and (unit or chosen.unit):
            raise InputError(
                f"{self.name}: lead {chosen.name!r} is in {unit or chosen.unit!r}, which is no voltage: give the unit "
                "or the gain"
            )
        gain = chosen.gain if gain is None else float(gain)
        samples = self.load(index)
        if gain is not None and samples.dtype.kind == "f":
            samples = whole_numbers(samples, self.name)
        elif gain is None and known == "nV":
            samples, known = samples / 1e3, "uV"
        rate = chosen.fs if fs is None else float(fs)
        return Recording(samples, rate, known, gain, chosen.name, self.name)


def choose_lead(leads: tuple[Lead, ...], wanted: str | int | None, where: str) -> int:
    """Index of the lead that the user named."""
    names = [lead.name for lead in leads]
    if not leads:
        raise InputError(f"{where}: the file has no lead")
    if wanted is None:
        voltages = [i for i, lead in enumerate(leads) if not lead.unit or normal_unit(lead.unit)]
        # a polysomnograph's EEG comes first
        called = [i for i in voltages if re.search(r"(?<![a-z])e[ck]g(?![a-z])", names[i].lower())]
        return (called or voltages or [0])[0]
    text = str(wanted).strip()
    for same in (str.__eq__, lambda a, b: a.lower() == b.lower()):
        found = [i for i, name in enumerate(names) if same(name, text)]
        if len(found) == 1:
            return found[0]
        if found:
            raise InputError(f"{where}: {len(found)} leads are called {text!r}: choose by index, one of {found}")
    if text.isdecimal() and int(text) < len(leads):
        return int(text)
    raise InputError(f"{where}: there is no lead {text!r}; there are {', '.join(names)} (or an index from 0)")
