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
    ".hea": "physionet",
    ".dat": "physionet",
    ".mat": "physionet",
    ".edf": "edf",
    ".bdf": "edf",
    ".csv": "text",
    ".tsv": "text",
    ".txt": "text",
    ".npy": "arrays",
    ".npz": "arrays",
}


def open_source(path) -> Source:
    """Open a recording by its suffix: WFDB (.hea, .dat, or a record's name), EDF (.edf, .bdf), text (.csv, .tsv, .txt),
    NumPy (.npy, .npz).

    Raises InputError where the file is missing, damaged or of an unknown format, MissingDependencyError where WFDB or
    EDF files need the package wfdb or edfio.
    """
    path = Path(path)
    is_record = os.path.exists(f"{path}.hea")
    if not path.is_file() and not is_record:
        raise InputError(f"{path}: {'is a folder' if path.is_dir() else 'there is no such file'}")
    module = READERS.get(path.suffix.lower(), "physionet" if is_record else None)
    if module is None:
        kind = f"of the kind {path.suffix}" if path.suffix else "without a suffix"
        raise InputError(f"{path}: a file {kind} is not known as a recording; known are {', '.join(READERS)}")
    try:
        return importlib.import_module(f".{module}", __package__).open_source(path)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}") from None


def read(path, lead: str | int | None = None, fs=None, unit=None, gain=None) -> Recording:
    """One lead of a recording file; see `open_source` and `Source.recording`."""
    return open_source(path).recording(lead, fs, unit, gain)
