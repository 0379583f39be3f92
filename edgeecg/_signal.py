"""A user's signal, checked: an array the engines read in place, and how its values become canonical samples."""

import math
import os
import sys
import warnings
from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .constants import (
    CANONICAL_PER_MV,
    FASTEST,
    LONGEST_HOP,
    MISSING,
    PLAUSIBLE_MV,
    RATE,
    RATE_MHZ,
    SLOWEST,
)
from .errors import AmplitudeWarning, InputError

__all__ = ["Conversion", "check_hop", "check_signal", "clock_factor", "conversion", "fs_millihertz", "gain_multiplier"]

Nan: TypeAlias = Literal["raise", "mask"]
"""The policies for missing samples."""
MV_PER_UNIT = {"mV": 1.0, "uV": 1e-3, "µV": 1e-3, "μV": 1e-3, "V": 1e3}
IN_PLACE = (np.dtype(np.int16), np.dtype(np.int32), np.dtype(np.float32), np.dtype(np.float64))


class Conversion(NamedTuple):
    """From a user's values to canonical integers (docs/numerics.md, section 1)."""

    scale: float
    """Floats: canonical units per unit."""
    mult: int
    """Integers: (x * mult + half) >> shift; 0: integers have no known unit."""
    shift: int


def conversion(unit: str, gain: float | None) -> Conversion:
    """How samples in `unit`, or of an ADC with `gain` units per millivolt, become canonical."""
    if not isinstance(unit, str) or unit not in MV_PER_UNIT:
        raise InputError(f'unit is "mV", "uV" or "V", not {unit!r}')
    if gain is not None:
        mult, shift = gain_multiplier(gain)
        return Conversion(CANONICAL_PER_MV / float(gain), mult, shift)
    scale = CANONICAL_PER_MV * MV_PER_UNIT[unit]
    return Conversion(scale, *(gain_multiplier(1000.0) if MV_PER_UNIT[unit] == 1e-3 else (0, 0)))


def gain_multiplier(gain: float) -> tuple[int, int]:
    """(mult, shift) of an ADC gain in units per millivolt, 0.25 to 2^24."""
    try:
        gain = float(gain)
    except (TypeError, ValueError):
        raise InputError(f"gain is the ADC's units per millivolt, a number, not {gain!r}") from None
    if not 0.25 <= gain <= 2**24:
        raise InputError(f"gain is the ADC's units per millivolt, from 0.25 to {2**24}, not {gain:g}")
    scale = CANONICAL_PER_MV / gain
    exponent = math.frexp(scale)[1] - 1
    return math.floor(math.ldexp(scale, 15 - exponent) + 0.5), 15 - exponent


def fs_millihertz(fs: float) -> int:
    """The sampling rate in millihertz; InputError outside 50 to 4000 Hz."""
    try:
        value = float(fs)
    except (TypeError, ValueError):
        raise InputError(f"fs is the sampling rate in Hz, a number, not {fs!r}") from None
    if not SLOWEST <= value <= FASTEST:
        raise InputError(f"fs is the sampling rate in Hz, from {SLOWEST:g} to {FASTEST:g}, not {value:g}")
    return round(value * 1000)


def clock_factor(fs: float) -> float:
    """How long a second of the resampler's clock is: it takes whole millihertz, and a rate may lie between two."""
    nominal = fs_millihertz(fs) / 1000
    return nominal / float(fs) if abs(nominal - float(fs)) > 1e-9 * nominal else 1.0


def check_hop(hop: float) -> int:
    """The distance of window starts in samples at 128 Hz."""
    try:
        value = float(hop)
    except (TypeError, ValueError):
        raise InputError(f"hop is the distance of windows in seconds, a number, not {hop!r}") from None
    if not 1 / RATE <= value <= LONGEST_HOP:
        raise InputError(f"hop is the distance of windows in seconds, from 1/{RATE} to {LONGEST_HOP:g}, not {value:g}")
    return round(value * RATE)


def resampled_length(n: int, fs_mhz: int) -> int:
    """Samples at 128 Hz that n samples give."""
    return -(-n * RATE_MHZ // fs_mhz)


def as_array(signal: Any) -> NDArray[Any]:
    """The values as an array; masked ones are missing: NaN, of integers MISSING."""
    masked = sys.modules.get("numpy.ma")  # who has a masked array has imported it; importing it here would cost 8 ms
    if masked is not None and isinstance(signal, masked.MaskedArray):
        integer = signal.dtype.kind in "iu"  # which stay what they are: ADC units or microvolts, never millivolts
        signal = signal.astype(np.int64 if integer else np.float64).filled(MISSING if integer else np.nan)
    try:
        return np.asarray(signal)
    except (TypeError, ValueError, RuntimeError) as error:  # RuntimeError: a torch tensor that asks for gradients
        raise InputError(f"the signal is not an array of numbers: {error}") from None


def as_samples(signal: Any) -> NDArray[Any]:
    """A 1-D array of a type that the engines read in place."""
    x = as_array(signal)
    if x.dtype.kind not in "iuf":
        raise InputError(f"the signal must hold real numbers, not {x.dtype.name}")
    if x.ndim != 1:
        raise InputError(f"the signal must have one dimension (one lead), not the shape {x.shape}")
    if x.size == 0:
        raise InputError("the signal is empty")
    if x.dtype in IN_PLACE and x.dtype.isnative and x.flags.aligned:
        return x
    if x.dtype.kind == "f":
        return x.astype(np.float32) if x.dtype.itemsize == 2 else _as_float64(x)
    if x.min() < -(2**31) or x.max() >= 2**31:
        raise InputError("the signal's integers do not fit 32 bits")
    return x.astype(np.int32)


def _as_float64(x: NDArray[Any]) -> NDArray[np.float64]:
    """Longer floats, rounded; a finite one beyond binary64 is its largest number, not an infinity."""
    with np.errstate(over="ignore"):
        short = x.astype(np.float64)
    beyond = np.isinf(short) & np.isfinite(x)
    short[beyond] = np.copysign(np.finfo(np.float64).max, short[beyond])
    return short


def check_nan(nan: str) -> bool:
    """Whether missing samples are held and flagged."""
    if nan not in ("raise", "mask"):
        raise InputError(f'nan is "raise" or "mask", not {nan!r}')
    return nan == "mask"


def check_threads(threads: object) -> int:
    """A number of threads, 1 to 1024."""
    if isinstance(threads, bool) or not isinstance(threads, (int, np.integer)) or not 1 <= threads <= 1024:
        raise InputError(f"threads is a whole number from 1 to 1024, not {threads!r}")
    return int(threads)


def check_samples(x: NDArray[Any], convert: Conversion, masked: bool) -> float:
    """Refuse NaN and infinity unless masked, and integers of unknown unit; returns the span in mV."""
    if x.dtype.kind == "i" and not convert.mult:
        raise InputError("integer samples need gain= (ADC units per millivolt), or unit='uV' if they are microvolts")
    bad, lowest, highest = scan(x)
    if bad >= 0 and not masked:
        fault = "not finite" if x.dtype.kind == "f" else "marked as missing"
        raise InputError(
            f'sample {bad} is {fault}; nan="mask", on the command line --nan mask, holds the value before it and flags '
            "the window"
        )
    return (highest - lowest) * convert.scale / CANONICAL_PER_MV


def is_plausible(span_mv: float) -> bool:
    """Whether a span (mV) is that of an ECG or of a flat line."""
    return span_mv <= 0 or PLAUSIBLE_MV[0] <= span_mv <= PLAUSIBLE_MV[1]


def callers_level() -> int:
    """The stacklevel of a warning that is to point at who called this package, seen from the caller of
    this function.
    """
    frame, level, package = sys._getframe(1), 1, os.path.dirname(__file__)
    while frame.f_back is not None and os.path.dirname(frame.f_code.co_filename) == package:
        frame, level = frame.f_back, level + 1
    return level


def check_signal(signal: Any, convert: Conversion, masked: bool) -> NDArray[Any]:
    """A recording's samples, read in place where possible; warns when the amplitude suggests another unit."""
    x = as_samples(signal)
    span = check_samples(x, convert, masked)
    if not is_plausible(span):
        warnings.warn(
            f"the signal spans {span:.3g} mV, which is implausible for an ECG: is the unit or the gain right?",
            AmplitudeWarning,
            stacklevel=callers_level(),
        )
    return x


def scan(x: NDArray[Any]) -> tuple[int, float, float]:
    """(index of the first sample that is not finite or missing, or -1; lowest; highest)."""
    try:
        from ._core import scan as scan_in_c
    except ImportError:  # no compiled core: the Numba and NumPy backends still work
        finite = np.isfinite(x) if x.dtype.kind == "f" else x != MISSING
        bad = -1 if finite.all() else int(np.argmin(finite))
        good = x[finite]
        return bad, float(good.min(initial=np.inf)), float(good.max(initial=-np.inf))
    return scan_in_c(x)
