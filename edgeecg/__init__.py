"""Single-lead ECG to 128-number embeddings, in integers, the same bytes everywhere.

>>> import edgeecg, numpy as np
>>> signal = np.sin(np.arange(2560))  # any ECG, in millivolts
>>> z = edgeecg.embed(signal, fs=128)  # (n_windows, 128) float32, one row a 10 s window
>>> encoder = edgeecg.load()  # a bundled model by name, or the path of an .eecg file
>>> analysis = encoder.analyze(signal, hop=1.0)  # starts, embeddings, their int8 form, quality flags
>>> results = encoder.stream(fs=128).push(signal)  # the same numbers from a live signal
"""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np
from numpy.typing import NDArray

from ._engines import Backend
from ._inputs import SignalLike
from ._signal import Nan
from .encoder import Encoder
from .errors import (
    AmplitudeWarning,
    EdgeECGError,
    InputError,
    MissingDependencyError,
    ModelError,
    RateWarning,
    RecordingWarning,
)
from .loading import load
from .quality import Quality
from .results import Analysis, Result
from .stream import Stream

if TYPE_CHECKING:
    from . import heads as heads
    from . import io as io
    from . import losses as losses
    from . import model as model
    from .model import Model

__all__ = [
    "AmplitudeWarning",
    "Analysis",
    "EdgeECGError",
    "Encoder",
    "InputError",
    "MissingDependencyError",
    "ModelError",
    "Quality",
    "RateWarning",
    "RecordingWarning",
    "Result",
    "Stream",
    "embed",
    "front_end",
    "load",
]
__version__ = "0.1.0"

_loaded = threading.local()
"""Encoders of the functions below, by (model, backend)."""

if not TYPE_CHECKING:  # a type checker would take every name for one of the package

    def __getattr__(name: str) -> Any:
        """Import the modules `heads`, `io`, `losses` and `model` when they are first asked for."""
        if name in ("heads", "io", "losses", "model"):
            import importlib

            return importlib.import_module(f".{name}", __name__)
        raise AttributeError(f"module 'edgeecg' has no attribute {name!r}")


def _encoder(model: str | os.PathLike[str] | Model, backend: Backend) -> Encoder:
    cache: dict[Any, Encoder] = _loaded.__dict__
    key = (model if isinstance(model, str) else getattr(model, "id", str(model)), backend)
    if key not in cache:
        cache[key] = load(model, backend)
    return cache[key]


@overload
def embed(
    signal: SignalLike,
    fs: float | None = ...,
    hop: float = ...,
    unit: str | None = ...,
    gain: float | None = ...,
    nan: Nan = ...,
    model: str | os.PathLike[str] | Model = ...,
    backend: Backend = ...,
    dtype: Literal["float32"] = ...,
    threads: int = ...,
    lead: str | int | None = ...,
) -> NDArray[np.float32]: ...


@overload
def embed(
    signal: SignalLike,
    fs: float | None = ...,
    hop: float = ...,
    unit: str | None = ...,
    gain: float | None = ...,
    nan: Nan = ...,
    model: str | os.PathLike[str] | Model = ...,
    backend: Backend = ...,
    *,
    dtype: Literal["int8"],
    threads: int = ...,
    lead: str | int | None = ...,
) -> NDArray[np.int8]: ...


@overload
def embed(
    signal: SignalLike,
    fs: float | None = ...,
    hop: float = ...,
    unit: str | None = ...,
    gain: float | None = ...,
    nan: Nan = ...,
    model: str | os.PathLike[str] | Model = ...,
    backend: Backend = ...,
    dtype: str = ...,
    threads: int = ...,
    lead: str | int | None = ...,
) -> NDArray[np.float32] | NDArray[np.int8]: ...


def embed(
    signal: SignalLike,
    fs: float | None = None,
    hop: float = 10.0,
    unit: str | None = None,
    gain: float | None = None,
    nan: Nan = "raise",
    model: str | os.PathLike[str] | Model = "default",
    backend: Backend = "c",
    dtype: str = "float32",
    threads: int = 1,
    lead: str | int | None = None,
) -> NDArray[np.float32] | NDArray[np.int8]:
    """Embed a single-lead ECG.

    Parameters
    ----------
    signal : array_like, shape (n,), or Recording, Source or path
        One lead: floats in `unit`, or integers with `gain`. Frames and arrays of several leads go with `lead`.
    fs : float, optional
        Sampling rate in Hz, 50 to 4000; without it that of the recording or of its times, and 128 for an array.
    hop : float, default 10
        Seconds from one window's start to the next, 1/128 to 86400.
    unit : {"mV", "uV", "V"}, optional
        Unit of floats, and of integers where it is "uV"; without it that of the recording, else mV.
    gain : float, optional
        ADC units per millivolt, 0.25 to 2^24, of integers.
    nan : {"raise", "mask"}, default "raise"
        What is done with NaN, infinity and the integer -2^31: an InputError, or the value before is held and the
        windows are flagged `Quality.MISSING`.
    model : str, path-like or Model, default "default"
        Name of a bundled model, path of an `.eecg` file, or a Model. It is loaded once a thread.
    backend : {"c", "numba", "numpy"}, default "c"
        The engine: the compiled core, Numba for machines without it, or the NumPy reference. All give the same bytes.
    dtype : {"float32", "int8"}, default "float32"
        The form of the numbers; int8 times `Encoder.int8_scale` approximates float32.
    threads : int, default 1
        Pieces of a long recording to work on side by side, 1 to 1024; the bytes stay the same.
    lead : str or int, optional
        Which of several leads: its name, or its index from 0.

    Returns
    -------
    ndarray of float32 or int8, shape (n_windows, dim)
        One row a 10 s window; dim is 128 with the default model.

    Raises
    ------
    InputError
        For a signal that cannot be embedded or an option out of range, in one sentence.
    ModelError, MissingDependencyError
        As `load`.

    Warns
    -----
    AmplitudeWarning, RateWarning, RecordingWarning
        Where the signal spans less than 0.02 or more than 100 mV, where no rate is known and the beats would be
        implausible at 128 Hz, and where a file is incomplete.
    """
    return _encoder(model, backend).embed(signal, fs, hop, unit, gain, nan, dtype, threads, lead)


def front_end(
    signal: SignalLike,
    fs: float | None = None,
    unit: str | None = None,
    gain: float | None = None,
    nan: Nan = "raise",
    model: str | os.PathLike[str] | Model = "default",
    backend: Backend = "c",
    lead: str | int | None = None,
) -> NDArray[np.uint8]:
    """Compute what the encoder sees. Training reads its data here.

    Parameters
    ----------
    signal : array_like, shape (n,), or Recording, Source or path
        As for `embed`.
    fs, unit, gain, nan, model, backend, lead
        As for `embed`.

    Returns
    -------
    ndarray of uint8, shape (ceil(n * 128 / fs), channels)
        The signal at 128 Hz without its baseline, divided by the mean magnitude around; 128 means 0.

    Raises
    ------
    InputError
        As `embed`.
    ModelError, MissingDependencyError
        As `load`.

    Warns
    -----
    AmplitudeWarning, RateWarning, RecordingWarning
        As `embed`.

    References
    ----------
    docs/numerics.md, section 2.
    """
    return _encoder(model, backend).front_end(signal, fs, unit, gain, nan, lead)
