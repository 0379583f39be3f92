"""NumPy files: .npy with one array, .npz with an array and what belongs to it. Pickled objects are refused."""

import os

import numpy as np

from ..errors import InputError
from .recording import Lead, Source

__all__ = ["open_source"]

RATE_KEYS = ("fs", "rate", "sampling_rate", "sample_rate", "sfreq")
UNIT_KEYS = ("unit", "units")
NAME_KEYS = ("leads", "lead", "lead_names", "channels")
SIGNAL_KEYS = ("signal", "signals", "samples", "ecg", "data", "x")


def open_source(file, keep_identity=False) -> Source:
    path = file.name
    """.npy: (n,), (leads, n) or (n, leads). .npz: such an array, and `fs`, `unit`, `gain`, `leads` where known."""
    try:
        loaded = np.load(path, mmap_mode="r", allow_pickle=False)
        fields = {"signal": loaded} if isinstance(loaded, np.ndarray) else {key: loaded[key] for key in loaded.files}
    except OSError:
        raise
    # of any type: a damaged header or archive makes NumPy, zlib and tokenize raise their own
    except Exception as error:
        text = str(error).strip().splitlines()
        raise InputError(f"{path}: not a readable NumPy file: {text[0] if text else type(error).__name__}") from None
    fs, gain = number(path, fields, RATE_KEYS), number(path, fields, ("gain",))
    names = next((fields[key] for key in NAME_KEYS if key in fields), None)
    key = signal_key(path, fields)
    rows = as_rows(path, fields[key])
    if names is None or np.size(names) != len(rows):
        names = [key] if len(rows) == 1 else range(len(rows))
    units = units_of(fields, len(rows))
    leads = tuple(Lead(str(name), unit, gain, fs) for name, unit in zip(np.ravel(names), units, strict=True))
    kind = "NumPy array" if isinstance(loaded, np.ndarray) else "NumPy archive"
    return Source(os.fspath(path), kind, rows.shape[1], leads, lambda index: np.array(rows[index]))


def number(path, fields, keys) -> float | None:
    """The first of `keys` as a number."""
    for key in keys:
        if key in fields:
            value = fields[key]
            if value.size != 1 or value.dtype.kind not in "iuf":
                raise InputError(f"{path}: {key!r} must be one number")
            return float(value.reshape(-1)[0])
    return None


def units_of(fields, leads: int) -> list[str | None]:
    """One unit for all leads, or one each; where it cannot be told whose they are, all of them, which is no voltage."""
    for key in UNIT_KEYS:
        if key in fields and np.size(fields[key]):
            units = [str(unit) for unit in np.ravel(fields[key])]
            if len(units) != leads:
                units = [", ".join(dict.fromkeys(units))] * leads
            return units
    return [None] * leads


def signal_key(path, fields) -> str:
    """Which array is the signal: the one with the usual name, or the only one with samples."""
    arrays = [
        key for key, value in fields.items() if value.ndim >= 1 and key not in NAME_KEYS + UNIT_KEYS and value.size > 1
    ]
    for key in SIGNAL_KEYS:
        if key in arrays:
            return key
    if len(arrays) != 1:
        raise InputError(
            f"{path}: cannot tell which array is the signal: name it 'signal' (there are: "
            f"{', '.join(fields) or 'none'})"
        )
    return arrays[0]


def as_rows(path, array) -> np.ndarray:
    """(leads, n): of two axes the longer one is time."""
    if array.dtype.kind not in "iuf":
        raise InputError(f"{path}: holds {array.dtype.name}, not real numbers")
    if array.ndim == 1:
        return array[None]
    if array.ndim != 2:
        raise InputError(f"{path}: has the shape {array.shape}; one recording has one axis, or two (leads and time)")
    return array if array.shape[0] <= array.shape[1] else array.T
