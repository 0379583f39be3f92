"""WFDB records (PhysioNet): the integers of the file as they are, with gain and baseline from the header.

Format: https://physionet.org/physiotools/wag/header-5.htm and signal-5.htm. The files are decoded by the package wfdb.
"""

import contextlib
import glob
import os
import re
import tempfile
from pathlib import Path

import numpy as np

from ..errors import InputError
from ._decode import attempt, import_decoder
from .recording import MISSING, UNITS_PER_MV, Lead, Source, normal_unit

__all__ = ["open_source"]

# The code that says "no valid sample" is the most negative one of each signal format, signal(5); format 8 has none.
INVALID_BITS = {
    "80": 8,
    "508": 8,
    "310": 10,
    "311": 10,
    "212": 12,
    "16": 16,
    "61": 16,
    "160": 16,
    "516": 16,
    "24": 24,
    "524": 24,
    "32": 32,
}


def open_source(path) -> Source:
    """Open the record that a header, a signal file or a record name means."""
    wfdb = import_decoder("wfdb", "WFDB records")
    record = os.fspath(path)
    for suffix in (".hea", ".dat", ".mat"):
        record = record.removesuffix(suffix)
    if not os.path.exists(f"{record}.hea"):
        raise InputError(f"{path}: a WFDB record needs its header, and there is no {record}.hea")
    with readable(wfdb, record) as name:
        header = attempt(path, "WFDB record", wfdb.rdheader, name, rd_segments=True)
    multi_segment = isinstance(header, wfdb.MultiRecord)
    specification = lead_specification(header) if multi_segment else header
    if not specification.n_sig or specification.sig_name is None:
        raise InputError(f"{path}: the record has no signal")
    leads = tuple(lead_of(specification, header.fs, i, multi_segment) for i in range(specification.n_sig))

    def load(index):
        with readable(wfdb, record) as name:
            return read_lead(path, wfdb, name, index, multi_segment)

    return Source(os.fspath(path), "WFDB", header.sig_len or 0, leads, load)


@contextlib.contextmanager
def readable(wfdb, record: str):
    """The record's name for wfdb, which refuses headers whose time or date is written in another way than the
    standard's (the CinC Challenge 2017 has `2014-05-08 05:05:15`): for those, the name of a copy of the header without
    them.
    """
    try:
        wfdb.rdheader(record)
    except Exception:  # of any type: what is wrong with the header, the reading below says
        text = Path(f"{record}.hea").read_text("latin-1")
        folder = Path(record).absolute().parent
        first = re.compile(r"^(?!#)(\S+[ \t]+\d+[ \t]+\S+[ \t]+\d+)[ \t]+\S.*$", re.MULTILINE)
        with tempfile.TemporaryDirectory() as copy:
            for file in folder.glob(f"{glob.escape(Path(record).name)}*"):
                if file.suffix != ".hea":
                    os.symlink(file, Path(copy, file.name))
            Path(copy, f"{Path(record).name}.hea").write_text(first.sub(r"\1", text, count=1), "latin-1")
            yield os.path.join(copy, Path(record).name)
    else:
        yield record


def lead_specification(header):
    """The segment that names the leads of a multi-segment record: the layout, or any segment of a fixed layout."""
    return next(segment for segment in header.segments if segment is not None)


def lead_of(header, fs, index, multi_segment) -> Lead:
    """Name, unit, gain per mV and rate of one lead."""
    unit = (header.units[index] if header.units else None) or "mV"
    gain = header.adc_gain[index] if header.adc_gain else None
    known = normal_unit(unit)
    per_mv = float(gain) * UNITS_PER_MV[known] if gain and known else None
    per_frame = 1 if multi_segment or not header.samps_per_frame else header.samps_per_frame[index] or 1
    return Lead(str(header.sig_name[index] or index), unit, per_mv, float(fs) * per_frame)


def read_lead(path, wfdb, record, index, multi_segment) -> np.ndarray:
    """(n,) int32: ADC units above the baseline, MISSING where the file says that nothing was measured.

    A lead with several samples a frame is read at its own rate; wfdb can do that for single segments only.
    """
    signal = attempt(
        path,
        "WFDB record",
        wfdb.rdrecord,
        record,
        channels=[index],
        physical=False,
        smooth_frames=multi_segment,
        return_res=64,
    )
    digital = signal.d_signal[:, 0] if multi_segment else signal.e_d_signal[0]
    digital = np.asarray(digital, np.int64)
    baseline = signal.baseline[0] if signal.baseline and signal.baseline[0] is not None else 0
    samples = digital - int(baseline)
    if np.any(np.abs(samples) >= 2**31):
        raise InputError(f"{path}: a sample does not fit 32 bits")
    bits = INVALID_BITS.get(str(signal.fmt[0]))
    if bits is not None:
        samples[digital == -(1 << (bits - 1))] = MISSING
    return samples.astype(np.int32)
