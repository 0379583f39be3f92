"""European Data Format (EDF, EDF+), and BDF with 24 bits: Holter recorders, polysomnographs.

The integers of the file as they are, with gain and baseline from the digital and physical ranges in its header. Gaps of
a recording that was interrupted (EDF+D) are missing samples. A file that ends too early, or whose recorder did not say
how long it is, is read to its last whole data record. Formats: Kemp et al., Electroencephalogr. Clin. Neurophysiol.
1992; Kemp and Olivan, Clin. Neurophysiol. 2003 (https://www.edfplus.info/specs); BDF: https://www.biosemi.com/faq/file_format.htm.
"""

import datetime
import re
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import InputError, RecordingWarning
from ._edf_header import Header, Signal, read_header
from ._files import File
from ._units import UNITS_PER_MV, normal_unit
from .recording import MISSING, Lead, Source

__all__ = ["open_source"]

ONSET = re.compile(rb"[+-]\d{1,12}(\.\d{0,12})?(?=[\x14\x15])")  # of a data record's first annotation: when it begins
JITTER = 0.05  # seconds: rounded onsets and a clock that drifts are no gaps
BLOCK = 4 << 20  # bytes read at once


def open_source(file: File, keep_identity: bool = False) -> Source:
    """Open the file: every signal but annotations is a lead, at its own rate.

    Of the person it keeps: the patient's field of the header. Raises InputError where the header makes no sense, or
    gaps would take too much memory.
    """
    header = read_header(file)
    records = records_of(file, header)
    signals = [signal for signal in header.signals if not signal.is_annotation and signal.samples]
    if not signals:
        raise InputError(f"{file.name}: the file has no signal")
    leads = tuple(lead_of(signal, header.duration) for signal in signals)
    onsets = onsets_of(file, header, records)
    gaps = gaps_of(file, header, onsets)
    lost = [np.rint(gaps * (lead.fs or 0.0)) for lead in leads]
    longest = max(signal.samples * records + float(n.sum()) for signal, n in zip(signals, lost, strict=True))
    file.afford(8 * longest, "a lead with its gaps")

    def load(index: int) -> npt.NDArray[Any]:
        samples = read_signal(file, header, records, signals[index], leads[index])
        return with_gaps(samples, signals[index].samples, lost[index].astype(np.int64))

    start = header.start
    if start is not None and len(onsets) and np.isfinite(onsets[0]) and 0 <= onsets[0] < 86400 * 366:
        start += datetime.timedelta(seconds=float(onsets[0]))
    identity = {"patient": header.patient} if keep_identity and header.patient else {}
    return Source(file.name, header.form, int(longest), leads, load, start, identity)


def records_of(file: File, header: Header) -> int:
    """Whole data records; a warning where the header tells of another number."""
    held, left = divmod(max(0, file.size - header.size), header.record)
    if header.stated not in (None, held) or (left and header.stated is None):
        told = "the header does not say how many" if header.stated is None else f"the header tells of {header.stated}"
        warnings.warn(
            f"{file.name}: {told} data records, and the file holds {held} whole ones, which are read",
            RecordingWarning,
            stacklevel=2,
        )
    if held == 0:
        raise InputError(f"{file.name}: the file holds no whole data record")
    return held


def blocks_of(file: File, header: Header, records: int) -> Iterator[npt.NDArray[np.uint8]]:
    """(records, bytes) of some data records at a time."""
    at_once = max(1, BLOCK // header.record)
    with file.opener() as opened:
        opened.seek(header.size)
        for first in range(0, records, at_once):
            count = min(at_once, records - first)
            block = np.frombuffer(opened.read(count * header.record), np.uint8)
            if len(block) < count * header.record:
                raise InputError(f"{file.name}: became shorter while it was read")
            yield block.reshape(count, header.record)


def onsets_of(file: File, header: Header, records: int) -> npt.NDArray[np.float64]:
    """(records,) seconds at which each begins, NaN where it does not say; none of a file without annotations."""
    notes = next((signal for signal in header.signals if signal.is_annotation), None)
    if notes is None or header.duration is None:
        return np.empty(0)
    begin, end = notes.place, notes.place + header.width * notes.samples
    found = []
    for block in blocks_of(file, header, records):
        texts = np.ascontiguousarray(block[:, begin : min(end, begin + 64)])
        found += [float(onset[0]) if (onset := ONSET.match(row.tobytes())) else np.nan for row in texts]
    return np.array(found)


def gaps_of(file: File, header: Header, onsets: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Seconds from the end of the one before to each data record."""
    if not len(onsets) or header.duration is None:
        return np.zeros(1)
    gaps = np.zeros(len(onsets))
    unknown = np.flatnonzero(np.isnan(onsets))
    if len(unknown):
        if header.interrupted:
            raise InputError(
                f"{file.name}: not a readable {header.form} file: data record {unknown[0]} does not say when it begins"
            )
        return gaps  # a recorder that never stopped and leaves the onsets out
    gaps[1:] = np.diff(onsets) - header.duration
    if gaps.min() < -JITTER:
        if not header.interrupted:
            return np.zeros(len(onsets))
        raise InputError(
            f"{file.name}: not a readable {header.form} file: data record {int(gaps.argmin())} begins before the one "
            "before it ends"
        )
    gaps[gaps <= JITTER] = 0
    return gaps


def with_gaps(samples: npt.NDArray[Any], a_record: int, lost: npt.NDArray[np.int64]) -> npt.NDArray[Any]:
    """The samples with so many missing ones before each data record."""
    before = np.flatnonzero(lost)
    return np.insert(samples, np.repeat(before * a_record, lost[before]), MISSING) if len(before) else samples


def lead_of(signal: Signal, duration: float | None) -> Lead:
    """Name, unit, scale and rate of one signal."""
    unit, scale = signal.dimension or None, abs(signal.scale())
    known = normal_unit(unit)
    rate = signal.samples / duration if duration else None
    if not scale:
        return Lead(signal.label, None if known else unit, None, rate)
    baseline = baseline_of(signal)
    offset = (round(baseline) - baseline) * (1 if signal.scale() > 0 else -1)
    gain = UNITS_PER_MV[known] / scale if known else None
    return Lead(signal.label, unit, gain, rate, None if known else 1 / scale, offset)


def baseline_of(signal: Signal) -> float:
    """The digital value of physical zero."""
    return signal.digital_low - signal.low / signal.scale()


def read_signal(file: File, header: Header, records: int, signal: Signal, lead: Lead) -> npt.NDArray[np.int32]:
    """(n,) int32: digital steps above the whole step next to physical zero; without a range, the digital values."""
    scaled = signal.scale() != 0
    baseline = baseline_of(signal) if scaled else 0.0
    if not abs(baseline) < 2**31 - 2**24:
        raise InputError(f"{file.name}: lead {lead.name!r} has its zero so far away that a sample does not fit 32 bits")
    out = np.empty((records, signal.samples), np.int32)
    first = 0
    for block in blocks_of(file, header, records):
        part = block[:, signal.place : signal.place + header.width * signal.samples]
        np.subtract(integers(part, header.width), round(baseline), out=out[first : first + len(block)], dtype=np.int32)
        first += len(block)
    if signal.scale() < 0:
        np.negative(out, out=out)
    return out.reshape(-1)


def integers(part: npt.NDArray[np.uint8], width: int) -> npt.NDArray[Any]:
    """(records, samples) of (records, bytes), little-endian."""
    part = np.ascontiguousarray(part)
    if width == 2:
        return part.view("<i2")
    wide = np.zeros((len(part), part.shape[1] // 3, 4), np.uint8)
    wide[:, :, 1:] = part.reshape(len(part), -1, 3)
    return wide.view("<i4")[:, :, 0] >> 8
