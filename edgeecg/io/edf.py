"""European Data Format (EDF, EDF+C, and BDF with 24 bits): Holter recorders, polysomnographs.

The integers of the file as they are, with gain and baseline from the digital and physical ranges in its header. Gaps of
a recording that was interrupted (EDF+D) are missing samples. Format: Kemp et al., Electroencephalogr. Clin.
Neurophysiol. 1992; Kemp and Olivan, Clin. Neurophysiol. 2003 (https://www.edfplus.info/specs). The files are decoded by
the package edfio.
"""

import functools
import os
import re
import warnings
from pathlib import Path

import numpy as np

from ..errors import InputError
from ._decode import attempt, import_decoder
from .recording import MISSING, UNITS_PER_MV, Lead, Source, normal_unit

__all__ = ["open_source"]

RECORDS = slice(236, 244)  # bytes of the header: how many data records there are, or -1 where the recorder did not say
RESERVED = slice(192, 236)  # "EDF+C", "EDF+D" or the same of BDF: continuous, or not
SIGNALS = slice(252, 256)  # how many signals, annotations among them
ONSET = re.compile(rb"[+-]\d+(\.\d*)?(?=[\x14\x15])")  # a data record's first annotation: the second at which it begins
JITTER = 0.05  # seconds: rounded onsets and a clock that drifts are no gaps
LONGEST_GAPS = 7 * 86400  # seconds in all that are filled up: a wrong clock must not take all memory


def open_source(path) -> Source:
    """Open the file; every signal but annotations is a lead, at its own rate."""
    edfio = import_decoder("edfio", "EDF and BDF files")
    path = Path(path)
    kind = "BDF file" if path.suffix.lower() == ".bdf" else "EDF file"
    read = edfio.read_bdf if kind == "BDF file" else functools.partial(edfio.read_edf, lazy_load_data=True)
    with warnings.catch_warnings():
        # edfio warns of a part of a file and reads on; what it means is looked at below
        warnings.simplefilter("ignore")
        edf = attempt(path, kind, read, path, header_encoding="latin-1")  # whose letter is the micro sign
        signals = attempt(path, kind, lambda: edf.signals)
        if not signals:
            raise InputError(f"{path}: the file has no signal")
        header = attempt(path, kind, read_header, path)
        check_records(path, kind, header, edf.num_data_records)
        leads = tuple(attempt(path, kind, lead_of, signal) for signal in signals)
        counts = [attempt(path, kind, lambda s=signal: s.samples_per_data_record) for signal in signals]
        gaps = attempt(path, kind, seconds_between, path, kind, header, edf)
    lost = [np.rint(gaps * lead.fs).astype(np.int64) for lead in leads]
    length = max(count * edf.num_data_records + int(n.sum()) for count, n in zip(counts, lost, strict=True))

    def read_one(i: int) -> np.ndarray:
        return with_gaps(read_lead(path, kind, signals[i], leads[i]), counts[i], lost[i])

    return Source(os.fspath(path), kind.split()[0], length, leads, read_one)


def read_header(path) -> bytes:
    """The header, with what it says of every signal."""
    with open(path, "rb") as file:
        head = file.read(256)
        return head + file.read(256 * int(head[SIGNALS]))


def check_records(path, kind: str, header: bytes, held: int) -> None:
    """Refuse a file that is longer or shorter than its header says."""
    stated = attempt(path, kind, int, header[RECORDS])
    if stated not in (-1, held):
        raise InputError(f"{path}: the header tells of {stated} data records, and the file holds {held} whole ones")


def seconds_between(path, kind: str, header: bytes, edf) -> np.ndarray:
    """(data records,): seconds from the end of the one before to each, by the onsets that EDF+ files keep; zeros of
    others.
    """
    gaps, notes = np.zeros(edf.num_data_records), annotations(path, kind, header, edf.num_data_records)
    onset = [ONSET.match(row.tobytes()) for row in notes]
    if None in onset and b"+D" in header[RESERVED]:
        raise ValueError(f"data record {onset.index(None)} does not say when it begins")
    if None in onset:
        return gaps  # no notes, or a recorder that never stopped and leaves the onsets out
    gaps[1:] = np.diff([float(found[0]) for found in onset]) - edf.data_record_duration
    if gaps.min(initial=0.0) < -JITTER:
        raise ValueError(f"data record {int(gaps.argmin())} begins before the one before it ends")
    gaps[gaps <= JITTER] = 0
    if gaps.sum() > LONGEST_GAPS:
        raise ValueError(f"gaps (EDF+D) of more than {LONGEST_GAPS // 86400} days")
    return gaps


def annotations(path, kind: str, header: bytes, records: int) -> np.ndarray:
    """(data records, bytes) of the first signal of annotations, which edfio gives without the onsets; of a file without
    one, no bytes.
    """
    count = len(header) // 256 - 1
    names = [header[256 + 16 * i :][:16].strip() for i in range(count)]
    # behind label, transducer, dimension, four limits and filters
    sizes = [int(header[256 + 216 * count + 8 * i :][:8]) for i in range(count)]
    title, width = f"{kind[:3]} Annotations".encode(), 3 if kind.startswith("BDF") else 2
    if title not in names or not records:
        return np.empty((records, 0), np.uint8)
    whole = np.memmap(path, np.uint8, "r", len(header), (records, width * sum(sizes)))
    place = names.index(title)
    return whole[:, width * sum(sizes[:place]) :][:, : width * sizes[place]]


def with_gaps(samples: np.ndarray, a_record: int, lost: np.ndarray) -> np.ndarray:
    """The samples with so many missing ones before each data record."""
    before = np.flatnonzero(lost)
    if not len(before):
        return samples
    first, *rest = np.split(samples, before * a_record)
    pieces = ((np.full(n, MISSING, np.int32), piece) for n, piece in zip(lost[before], rest, strict=True))
    return np.concatenate([first, *(part for pair in pieces for part in pair)])


def scale_of(signal) -> float:
    """Physical units of one digital step: below zero where the header turns the lead round, 0 where it
    gives no range.
    """
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
