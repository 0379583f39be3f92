"""Recordings from files: one module a format, each importing its library only when a file asks for it.

    recording = edgeecg.io.read("100.hea", lead="MLII")
    edgeecg.embed(recording.samples, fs=recording.fs, gain=recording.gain)
"""

import importlib
import os
from pathlib import Path

from ..errors import InputError
from .recording import MISSING, Lead, Recording, Source

__all__ = ["MISSING", "Lead", "Recording", "Source", "open_source", "read"]

# Each module has open_source(path) -> Source. A new format is a new module and its suffixes here.
READERS = {
    ".hea": "physionet", ".dat": "physionet", ".mat": "physionet",
    ".edf": "edf", ".bdf": "edf",
    ".csv": "text", ".tsv": "text", ".txt": "text",
    ".npy": "arrays", ".npz": "arrays",
}  # fmt: skip


def open_source(path) -> Source:
    """Open a recording by its suffix: WFDB (.hea, .dat, or a record's name), EDF (.edf, .bdf), text (.csv, .tsv, .txt),
    NumPy (.npy, .npz).

    Raises InputError where the file is missing, damaged or of an unknown format, MissingDependencyError where WFDB or
    EDF files need the package wfdb or edfio.
    """
    path = Path(path)
    module = READERS.get(path.suffix.lower())
    if module is None and os.path.exists(f"{path}.hea"):
        module = "physionet"
    if module is None:
        raise InputError(f"{path}: unknown kind of recording {path.suffix or 'without a suffix'!r}; known are {', '.join(READERS)}")
    if path.suffix and not path.is_file() and not os.path.exists(f"{path}.hea"):
        raise InputError(f"{path}: {'is a folder' if path.is_dir() else 'there is no such file'}")
    try:
        return importlib.import_module(f".{module}", __package__).open_source(path)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}") from None


def read(path, lead: str | int | None = None, fs=None, unit=None, gain=None) -> Recording:
    """One lead of a recording file; see `open_source` and `Source.recording`."""
    return open_source(path).recording(lead, fs, unit, gain)
