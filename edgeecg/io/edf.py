"""European Data Format (EDF, EDF+C, and BDF with 24 bits): Holter recorders, polysomnographs.

The integers of the file as they are, with gain and baseline from the digital and physical ranges in its header.
Format: Kemp et al., Electroencephalogr. Clin. Neurophysiol. 1992; Kemp and Olivan, Clin. Neurophysiol. 2003
(https://www.edfplus.info/specs). The files are decoded by the package edfio.
"""

import functools
import os
import warnings
from pathlib import Path

import numpy as np

from ..errors import InputError
from ._decode import attempt, import_decoder
from .recording import UNITS_PER_MV, Lead, Source, normal_unit

__all__ = ["open_source"]

RECORDS = slice(236, 244)  # bytes of the header: how many data records there are, or -1 where the recorder did not say


def open_source(path) -> Source:
    """Open the file; every signal but annotations is a lead, at its own rate."""
    edfio = import_decoder("edfio", "EDF and BDF files")
    path = Path(path)
    kind = "BDF file" if path.suffix.lower() == ".bdf" else "EDF file"
    read = edfio.read_bdf if kind == "BDF file" else functools.partial(edfio.read_edf, lazy_load_data=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # edfio warns of a part of a file and reads on; what it means is looked at below
        edf = attempt(path, kind, read, path, header_encoding="latin-1")  # whose letter is the micro sign
        signals = attempt(path, kind, lambda: edf.signals)
        if not signals:
            raise InputError(f"{path}: the file has no signal")
        check_records(path, kind, edf)
        leads = tuple(attempt(path, kind, lead_of, signal) for signal in signals)
        counts = [attempt(path, kind, lambda s=signal: s.samples_per_data_record * edf.num_data_records) for signal in signals]
    return Source(os.fspath(path), kind.split()[0], max(counts), leads, lambda index: read_lead(path, kind, signals[index], leads[index]))


def check_records(path, kind: str, edf) -> None:
    """Refuse a file whose data records are not those of one continuous recording, as long as its header says."""
    with open(path, "rb") as file:
        stated = attempt(path, kind, int, file.read(RECORDS.stop)[RECORDS])
    if stated not in (-1, edf.num_data_records):
        raise InputError(f"{path}: the header tells of {stated} data records, and the file holds {edf.num_data_records} whole ones")
    if not attempt(path, kind, lambda: edf.is_continuous):
        raise InputError(f"{path}: the recording has gaps (EDF+D): save its continuous pieces as files of their own")


def scale_of(signal) -> float:
    """Physical units of one digital step: below zero where the header turns the lead round, 0 where it gives no range."""
    digital = signal.digital_max - signal.digital_min
    return (signal.physical_max - signal.physical_min) / digital if digital > 0 else 0.0


def lead_of(signal) -> Lead:
    """Name, unit, gain per mV and rate of one signal."""
    unit, scale = signal.physical_dimension or None, abs(scale_of(signal))
    known = normal_unit(unit)
    if known and not scale:
        return Lead(signal.label, None, None, float(signal.sampling_frequency))
    return Lead(signal.label, unit, UNITS_PER_MV[known] / scale if known else None, float(signal.sampling_frequency))


def read_lead(path, kind: str, signal, lead: Lead) -> np.ndarray:
    """(n,) int32: digital steps above zero of the physical unit, to the next whole step."""
    digital = np.array(attempt(path, kind, lambda: signal.digital), np.int64)
    if lead.gain is None:  # no voltage, or no range: a gain that the user knows is of the digital steps
        return digital.astype(np.int32)
    scale = scale_of(signal)
    samples = digital - round(signal.digital_min - signal.physical_min / scale)
    if np.any(np.abs(samples) >= 2**31):
        raise InputError(f"{path}: a sample does not fit 32 bits")
    return (samples if scale > 0 else -samples).astype(np.int32)
