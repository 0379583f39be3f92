"""edgeecg: single-lead ECG to 128-number embeddings, in integers, the same bytes everywhere.

import edgeecg
z = edgeecg.embed(signal, fs=250)                 # (n_windows, 128) float32, one row a 10 s window

encoder = edgeecg.load()                          # a bundled model by name, or the path of an .eecg file
encoder.analyze(signal, fs=250, hop=1.0)          # starts, embeddings, their int8 form, quality flags
for result in encoder.stream(fs=250).push(chunk): # the same numbers from a live signal
    ...
"""

import threading

from .encoder import Encoder, load
from .errors import (
    AmplitudeWarning,
    EdgeECGError,
    InputError,
    MissingDependencyError,
    ModelError,
    RateWarning,
    RecordingWarning,
)
from .quality import Quality
from .results import Analysis, Result
from .stream import Stream

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

_loaded = threading.local()  # encoders of the functions below, by (model, backend)


def __getattr__(name):
    if name in ("io", "losses", "model"):  # imported when they are first asked for
        import importlib

        return importlib.import_module(f".{name}", __name__)
    raise AttributeError(f"module 'edgeecg' has no attribute {name!r}")


def _encoder(model, backend) -> Encoder:
    cache = _loaded.__dict__
    key = (model if isinstance(model, str) else getattr(model, "id", str(model)), backend)
    if key not in cache:
        cache[key] = load(model, backend)
    return cache[key]


def embed(
    signal,
    fs=None,
    hop=10.0,
    unit=None,
    gain=None,
    nan="raise",
    model="default",
    backend="c",
    dtype="float32",
    threads=1,
    lead=None,
):
    """Embed a single-lead ECG.

    signal: 1-D array; floats in `unit` ("mV" where none is given, "uV", "V"), or integers with `gain` (ADC units per
    millivolt). A Recording, a path, a column or frame of pandas, polars or xarray, a tensor, an array of several leads
    with `lead` (a name, or an index from 0).
    fs: sampling rate in Hz, 50 to 4000; without it that of the recording or of its times, and 128 for an array.
    hop: seconds between window starts.
    nan: "raise", or "mask" to hold the last value and flag the windows.
    threads: pieces of a long recording to work on side by side; the bytes stay the same.
    model: name of a bundled model or path of an .eecg file. backend: "c", "numba" or "numpy", with the same bytes.
    Returns (n_windows, 128) float32 (or int8 with dtype="int8"): one row a 10 s window.
    Raises InputError (a ValueError) or ModelError; warns AmplitudeWarning, and RateWarning where no rate was given and
    the beats would be implausible at 128 Hz.
    """
    return _encoder(model, backend).embed(signal, fs, hop, unit, gain, nan, dtype, threads, lead)


def front_end(signal, fs=None, unit=None, gain=None, nan="raise", model="default", backend="c", lead=None):
    """What the encoder sees: (samples at 128 Hz, channels) uint8 with zero point 128. Training reads its data here."""
    return _encoder(model, backend).front_end(signal, fs, unit, gain, nan, lead)
