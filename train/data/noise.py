"""The recorded noises of nstdb: baseline wander, electrode motion, muscle; as published or as arrays at 128 Hz."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from edgeecg.constants import RATE
from edgeecg.errors import InputError
from train.data.corpora import find_folder
from train.data.resample import resample
from train.data.wfdb_files import headers_by_name, wfdb_record

NOISES = ("bw", "em", "ma")


def noise_leads(folder: Path, kind: str) -> Iterator[tuple[np.ndarray, float, float]]:
    """Samples, gain per mV and rate of each lead of a noise; none where the folder does not hold it."""
    array = folder / f"{kind}_128hz_uV_int16.npy"
    header = None if array.exists() else headers_by_name(folder).get(kind)
    if array.exists():
        yield from ((lead, 1000.0, RATE) for lead in np.load(array, allow_pickle=False))
    elif header:
        record = wfdb_record(header, kind, kind)
        yield from ((lead.signal, lead.gain, lead.fs) for lead in record.recordings())


def noise_millivolts(data: Path, kind: str) -> np.ndarray:
    """(leads, samples) mV at 128 Hz. Raises InputError where nstdb is not there."""
    folder = find_folder(data, "nstdb")
    found = noise_leads(folder, kind) if folder else ()
    leads = [lead / gain if rate == RATE else resample(lead / gain, rate) for lead, gain, rate in found]
    if not leads:
        raise InputError(f"{data} holds no noise {kind} of nstdb")
    return np.stack(leads)
