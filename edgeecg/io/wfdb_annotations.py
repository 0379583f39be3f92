"""Annotation files of WFDB records, which the package wfdb reads."""

from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from ..errors import InputError
from ._decode import attempt, import_decoder

__all__ = ["read_notes"]

Notes: TypeAlias = tuple[npt.NDArray[np.float64], npt.NDArray[np.str_], npt.NDArray[np.str_]]


def read_notes(record: Path, annotator: str, fs: float) -> Notes:
    """Read all annotations of a record, in the file's order.

    Parameters
    ----------
    record : Path
        Without suffix.
    annotator : str
        Suffix of the file: atr, apn, qrs, ...
    fs : float
        Of the record, Hz.

    Returns
    -------
    tuple of ndarray, shape (n,) each
        Seconds from the first sample, symbols, and texts ("(AFIB").

    Raises
    ------
    InputError
        Where the file is missing or damaged.
    MissingDependencyError
        Without wfdb.
    """
    wfdb, path = import_decoder("wfdb", "annotations", "fit"), Path(f"{record}.{annotator}")
    if not path.is_file():
        have = sorted({p.suffix[1:] for p in path.parent.glob(f"{path.stem}.*")} - {"hea", "dat", "mat"})
        raise InputError(f"{path}: there is no such annotation file; there is: {', '.join(have) or 'none'}")
    note = attempt(path, "annotation file", wfdb.rdann, str(record), annotator)
    text = np.array([aux.strip("\0 ") for aux in note.aux_note], dtype=str)
    return np.asarray(note.sample) / (note.fs or fs), np.asarray(note.symbol, dtype=str), text
