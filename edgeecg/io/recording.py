"""A recording and the file it comes from, whatever the format."""

import dataclasses
import datetime
from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ..errors import InputError
from ._leads import choose_lead
from ._units import UNITS_PER_MV, normal_unit

__all__ = ["MISSING", "Lead", "Recording", "Source"]

MISSING: Final = -(2**31)  # an int32 sample that was not measured: EE_MISSING of the C core
LOWEST_GAIN, HIGHEST_GAIN = 0.25, 2.0**24  # ADC units per mV that the core takes
Samples = npt.NDArray[Any]


@dataclasses.dataclass(frozen=True)
class Recording:
    """One lead: samples and what is needed to read them as a voltage.

    Attributes
    ----------
    samples : ndarray, shape (n,)
        Floats in `unit` (NaN where missing), or integers with `gain` (int32 `MISSING` where missing).
    fs : float or None
        Sampling rate in Hz; None where the file does not tell.
    unit : str or None
        "mV", "uV" or "V"; None where nothing tells.
    gain : float or None
        ADC units per mV of integer samples.
    lead : str or None
        The lead's name.
    name : str
        Where the recording comes from.
    start : datetime.datetime or None
        When the first sample was taken, with a time zone where the file tells it.
    offset : float
        What a sample of 0 stands for, in ADC units: the part of a header's baseline that is no whole unit.
    identity : mapping of str to str
        What the header says of the person; empty unless it was asked for.
    """

    samples: Samples
    fs: float | None
    unit: str | None = None
    gain: float | None = None
    lead: str | None = None
    name: str = ""
    start: datetime.datetime | None = None
    offset: float = 0.0
    identity: Mapping[str, str] = dataclasses.field(default_factory=dict, repr=False)

    def millivolts(self) -> npt.NDArray[np.float64]:
        """The samples as a voltage, for plots.

        Returns
        -------
        ndarray, shape (n,), float64
            mV, NaN where missing.

        Raises
        ------
        InputError
            Where the samples are integers and neither unit nor gain is known.
        """
        self.require_scale()
        x = self.samples.astype(np.float64)
        if self.samples.dtype.kind in "iu":
            x[self.samples == MISSING] = np.nan
        return (x + self.offset) / (self.gain if self.gain is not None else UNITS_PER_MV[self.unit or "mV"])

    def require_scale(self) -> None:
        """Refuse integers of which nothing says how many are a millivolt.

        Raises
        ------
        InputError
            Where the samples are integers and neither unit nor gain is known.
        """
        if self.gain is None and self.unit is None and self.samples.dtype.kind in "iu":
            raise InputError(f"{self.name or 'the recording'}: {needs_gain(self.lead)}")

    @property
    def seconds(self) -> float:
        """Length in seconds."""
        if self.fs is None:
            raise InputError(f"{self.name}: the sampling rate is not known: give it with fs= (--fs)")
        return len(self.samples) / self.fs

    def __repr__(self) -> str:
        """One line: what it is, never the samples."""
        rate = f"{self.fs:g} Hz" if self.fs else "rate unknown"
        scale = f"{self.gain:g} ADC units per mV" if self.gain is not None else self.unit or "unit unknown"
        since = f", from {self.start.isoformat(sep=' ')}" if self.start else ""
        return f"<Recording {self.name}, lead {self.lead}: {len(self.samples)} samples, {rate}, {scale}{since}>"


def needs_gain(lead: str | None) -> str:
    """The end of the sentence about integers of which nothing says what they are."""
    return (
        f"lead {lead!r} holds integers, and nothing says how many are a millivolt: give gain= (--gain), or unit='uV' "
        "(--unit uV) if they are microvolts"
    )


def whole_numbers(samples: Samples, name: str) -> npt.NDArray[np.int32]:
    """Floats that are ADC units as int32, NaN as MISSING."""
    missing = np.isnan(samples)
    values = np.where(missing, 0.0, samples)
    if not np.all(np.isfinite(values)) or np.any(values != np.floor(values)) or np.any(np.abs(values) >= 2.0**31):
        raise InputError(
            f"{name}: a gain needs samples that are whole numbers of 32 bits (ADC units), and these are not"
        )
    return np.where(missing, MISSING, values).astype(np.int32)


def usable(
    samples: Samples, unit: str | None, gain: float | None, offset: float
) -> tuple[Samples, str | None, float | None]:
    """Samples, unit and gain in a form that `edgeecg.embed` takes: nanovolts and gains out of its range are turned."""
    if samples.dtype.kind == "f":
        return (samples / 1e3, "uV", gain) if unit == "nV" and gain is None else (samples, unit, gain)
    if gain is None and unit in ("mV", "nV", "V"):
        gain = UNITS_PER_MV[unit]
    if gain is None or LOWEST_GAIN <= gain <= HIGHEST_GAIN:
        return samples, unit, gain
    volts = np.where(samples == MISSING, np.nan, (samples + offset) / gain)
    return volts, "mV", None


@dataclasses.dataclass(frozen=True)
class Lead:
    """What a file says of one lead.

    Attributes
    ----------
    name : str
        As the file calls it, or its index.
    unit : str or None
        As the header writes it; None where it says nothing.
    gain : float or None
        ADC units per mV, of integers whose unit is a voltage.
    fs : float or None
        Hz.
    steps : float or None
        ADC units per `unit` by the header, of integers whose unit is unknown: a unit that the user gives keeps them.
    offset : float
        `Recording.offset`, in ADC units.
    constant : bool
        Whether the values were seen to be constant or labels, which are no signal.
    kind : str or None
        What else the file says of it: "ECG" of a channel that is called A2.
    """

    name: str
    unit: str | None = None
    gain: float | None = None
    fs: float | None = None
    steps: float | None = None
    offset: float = 0.0
    constant: bool = False
    kind: str | None = None

    def __post_init__(self) -> None:
        if self.fs is not None and not 0 < self.fs < np.inf:  # a header that says 0 does not know
            object.__setattr__(self, "fs", None)
        if self.gain is not None and not 0 < self.gain < np.inf:
            object.__setattr__(self, "gain", None)

    def steps_per_unit(self) -> float | None:
        """ADC units per unit of the header, whatever the unit."""
        known = normal_unit(self.unit)
        return self.gain / UNITS_PER_MV[known or "mV"] if self.gain is not None else self.steps


@dataclasses.dataclass(frozen=True)
class Source:
    """An opened file: its header, and `load(index)`, which reads the samples of one lead.

    Attributes
    ----------
    name : str
        The file, for sentences.
    format : str
        "WFDB", "EDF", "text" and the like.
    length : int
        Samples of the longest lead.
    leads : tuple of Lead
    load : callable
        From an index to samples (n,): float64 in the lead's unit, NaN where missing; or integers, `MISSING` where
        missing, with the header's baseline taken out.
    start : datetime.datetime or None
        When the recording begins.
    identity : mapping of str to str
        What the header says of the person; empty unless it was asked for.
    no_rate : str or None
        Why the file does not tell its sampling rate, where there is a reason.
    """

    name: str
    format: str
    length: int
    leads: tuple[Lead, ...]
    load: Callable[[int], Samples]
    start: datetime.datetime | None = None
    identity: Mapping[str, str] = dataclasses.field(default_factory=dict, repr=False)
    no_rate: str | None = None

    def recording(
        self,
        lead: str | int | None = None,
        fs: float | None = None,
        unit: str | None = None,
        gain: float | None = None,
    ) -> Recording:
        """One lead.

        Parameters
        ----------
        lead : str, int or None
            Name, or index from 0; without one the lead that is the ECG by its name, or the only signal.
        fs : float, optional
            Sampling rate in Hz, where the file does not tell or is wrong.
        unit : str, optional
            "mV", "uV", "V" or "nV": the physical unit of the lead. A scale in the header stays.
        gain : float, optional
            ADC units per mV, instead of the header's scale.

        Returns
        -------
        Recording

        Raises
        ------
        InputError
            Where no lead is chosen by name, or the lead is no voltage and no unit is given.
        """
        index, known, scale = self.chosen(lead, fs, unit, gain)
        chosen = self.leads[index]
        samples, offset = self.load(index), chosen.offset
        if scale is not None and samples.dtype.kind == "f":
            samples, offset = whole_numbers(samples, self.name), 0.0
        samples, known, scale = usable(samples, known, scale, offset)
        return Recording(
            samples,
            chosen.fs if fs is None else float(fs),
            known,
            scale,
            chosen.name,
            self.name,
            self.start,
            offset if scale is not None else 0.0,
            self.identity,
        )

    def chosen(
        self,
        lead: str | int | None = None,
        fs: float | None = None,
        unit: str | None = None,
        gain: float | None = None,
    ) -> tuple[int, str | None, float | None]:
        """What `recording` decides before it reads samples: index of the lead, its unit, and ADC units per mV.

        Raises
        ------
        InputError
            As `recording`.
        """
        index = choose_lead(self.leads, lead, self.name)
        chosen = self.leads[index]
        known = self._given_unit(unit) or normal_unit(chosen.unit)
        if known is None and gain is None and chosen.unit:
            raise InputError(
                f"{self.name}: lead {chosen.name!r} is in {chosen.unit!r}, which is no voltage: give its unit with "
                "unit= (--unit) or its gain with gain= (--gain)"
            )
        if fs is None and chosen.fs is None and self.no_rate is not None:
            raise InputError(self.no_rate)
        return index, known, self._scale(chosen, known, gain)

    def _scale(self, lead: Lead, known: str | None, gain: float | None) -> float | None:
        """ADC units per mV: the user's, or the header's steps in the unit that is known."""
        if gain is not None:
            return float(gain)
        steps = lead.steps_per_unit()
        if steps is None or (lead.gain is not None and normal_unit(lead.unit) is None):
            return lead.gain
        if known is None:
            raise InputError(
                f"{self.name}: lead {lead.name!r} has a scale but no unit in the header: give the unit with unit= "
                "(--unit)"
            )
        return steps * UNITS_PER_MV[known]

    def _given_unit(self, unit: str | None) -> str | None:
        known = normal_unit(unit)
        if unit is not None and known is None:
            raise InputError(f'{self.name}: unit is "mV", "uV", "V" or "nV", not {unit!r}')
        return known
