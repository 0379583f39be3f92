"""What `embed` takes for a signal: arrays, columns, frames, recordings and paths, as samples and their scale."""

from __future__ import annotations

import datetime
import os
import warnings
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias, Union

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._signal import as_array, callers_level
from .constants import RATE
from .errors import InputError, RateWarning

if TYPE_CHECKING:
    from .io.recording import Recording, Source

__all__ = ["Given", "SignalLike", "taken"]

SignalLike: TypeAlias = Union[ArrayLike, os.PathLike[str], "Recording", "Source"]
"""What `embed` takes for a signal; columns and frames of other libraries are array-like."""

DEFAULT_RATE = float(RATE)  # Hz, where nothing tells
LONG_ENOUGH = 2560  # samples at 128 Hz whose beats say whether that can be their rate


class Given(NamedTuple):
    """A signal as the engines take it.

    Attributes
    ----------
    samples : ndarray
        Floats in `unit`, or integers with `gain`.
    fs : float
        Hz.
    unit : str
        "mV", "uV" or "V".
    gain : float or None
        ADC units per mV.
    start : datetime.datetime or None
        When the first sample was taken.
    """

    samples: NDArray[Any]
    fs: float
    unit: str
    gain: float | None
    start: datetime.datetime | None = None


def taken(signal: Any, fs: float | None, unit: str | None, gain: float | None, lead: str | int | None) -> Given:
    """A signal of any kind as samples.

    Parameters
    ----------
    signal : array, column, frame, Recording or path
        A frame or an array of several leads with `lead`.
    fs : float, optional
        Hz; without it that of the recording, the index or the column of times, else 128.
    unit, gain : optional
        As for `embed`; without them those of the recording, else mV.
    lead : str or int, optional
        Name or index.

    Raises
    ------
    InputError
        For what is no signal, in a sentence that says how to make it one.

    Warns
    -----
    RateWarning
        Where no rate is given or known, and the beats are implausible at 128 Hz.
    """
    recording = as_recording(signal, lead, fs, unit, gain)
    if recording is None:
        samples, start = one_lead(as_array(plain_array(signal)), lead), None
    else:
        samples, start, fs = recording.samples, recording.start, recording.fs
        unit, gain = recording.unit, recording.gain
        if fs is None and not is_frame(signal):
            raise InputError(f"{recording.name or 'the recording'}: the sampling rate is not known: give it with fs=")
        if not is_frame(signal):
            recording.require_scale()
    if fs is None:
        fs = DEFAULT_RATE
        check_beats(samples)
    return Given(samples, fs, "mV" if unit is None else unit, gain, start)


def is_frame(signal: Any) -> bool:
    """Whether this is a frame, a column or a labelled array of another library."""
    return type(signal).__module__.partition(".")[0] in ("pandas", "polars", "pyarrow", "xarray")


def as_recording(
    signal: Any, lead: str | int | None, fs: float | None, unit: str | None, gain: float | None
) -> Recording | None:
    """A Recording as it is, a path read, a frame or a column with times understood; None of plain arrays."""
    if isinstance(signal, (str, os.PathLike)):
        from .io import read

        return read(signal, lead, fs, unit, gain)
    library = type(signal).__module__.partition(".")[0]
    name = type(signal).__name__
    if library == "edgeecg" and name == "Recording":
        return overridden(signal, lead, fs, unit, gain)
    if library == "edgeecg" and name == "Source":
        source: Source = signal
        return source.recording(lead, fs, unit, gain)
    if is_frame(signal):
        from .io import frames

        found = frames.source_of(signal)
        only = 0 if found is not None and len(found.leads) == 1 else None
        return found.recording(only if lead is None else lead, fs, unit, gain) if found is not None else None
    return None


def overridden(
    recording: Recording, lead: str | int | None, fs: float | None, unit: str | None, gain: float | None
) -> Recording:
    """A recording with what the caller knows better."""
    import dataclasses

    if lead is not None and str(lead) != str(recording.lead) and lead != 0:
        raise InputError(f"the recording is of lead {recording.lead!r}, not {lead!r}: read that lead from its file")
    return dataclasses.replace(
        recording,
        fs=recording.fs if fs is None else fs,
        unit=recording.unit if unit is None else unit,
        gain=recording.gain if gain is None else gain,
    )


def plain_array(signal: Any) -> Any:
    """What NumPy can make an array of: tensors without their gradients; bytes are refused."""
    if isinstance(signal, (bytes, bytearray, memoryview)):
        raise InputError(
            f"the signal is a {type(signal).__name__}, which does not say what its bytes are: give "
            'np.frombuffer(signal, dtype="<i2"), or what they are; the content of a file goes to edgeecg.io.read'
        )
    if hasattr(signal, "read"):
        raise InputError("the signal is a file object: edgeecg.io.read reads what it holds")
    if isinstance(signal, dict):
        raise InputError("the signal is a dict: give one of its values, or edgeecg.io.Recording")
    if signal is None:
        raise InputError("the signal is None: give an array of one lead")
    if type(signal).__module__.partition(".")[0] == "torch" and hasattr(signal, "detach"):
        tensor = signal.detach().cpu()
        return (tensor.float() if str(tensor.dtype) == "torch.bfloat16" else tensor).numpy()
    return signal


def one_lead(x: NDArray[Any], lead: str | int | None) -> NDArray[Any]:
    """The one axis that is longer than 1, or the chosen lead of two axes."""
    if x.ndim == 2 and 1 in x.shape and lead in (None, 0, "0"):
        return x.reshape(-1)
    if lead is None and x.ndim == 2 and x.size:
        leads_last = x.shape[0] >= x.shape[1]
        how = "x[:, 0]" if leads_last else "x[0]"
        raise InputError(
            f"the signal has the shape {x.shape}, {min(x.shape)} leads: give one of them, {how} or lead=0 (from 0 to "
            f"{min(x.shape) - 1})"
        )
    if lead is None or (x.ndim == 1 and lead in (0, "0")):
        return x
    if x.ndim != 2:
        raise InputError(f"lead= chooses a lead of a frame, a file or an array of two axes, not of the shape {x.shape}")
    rows = x.T if x.shape[0] >= x.shape[1] else x
    if not str(lead).isdecimal() or not int(lead) < len(rows):
        raise InputError(
            f"there is no lead {lead!r} in an array of the shape {x.shape}: give an index from 0 to {len(rows) - 1}"
        )
    return np.ascontiguousarray(rows[int(lead)])


def check_beats(x: NDArray[Any]) -> None:
    """Warn where a rate of 128 Hz was assumed, and the beats would be implausible."""
    if x.ndim != 1 or len(x) < LONG_ENOUGH or x.dtype.kind not in "iuf":
        return
    from ._beats import implausible_at  # here: most calls state the rate

    why = implausible_at(x, DEFAULT_RATE)
    if why is not None:
        warnings.warn(
            f"no sampling rate was given, and at the 128 Hz that were assumed {why}: give the rate with fs=",
            RateWarning,
            stacklevel=callers_level(),
        )
