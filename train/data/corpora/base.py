"""A corpus: a named set of recordings, as published files or as arrays made from them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edgeecg.errors import InputError
from edgeecg.io import Lead
from train.data.recordings import Record, Recording

NOT_STATED = "not stated"  # licence of a folder that is no known corpus
ODC = "ODC-By 1.0"
FILES = "https://physionet.org/files"
ARRAY = "ecg_128hz_uV_int16.npy"
Reader = Callable[[Path], Iterator[Record]]


@dataclass(frozen=True)
class Corpus:
    """How to read a folder, and what a model trained on it must state.

    A corpus has up to two forms: the files as PhysioNet publishes them, and arrays made from them.
    """

    title: str
    licence: str
    published: Reader  # the folder of WFDB files
    arrays: Reader | None = None  # a folder with `array` in it
    array: str = ARRAY
    names: tuple[str, ...] = ()  # names of its folder on PhysioNet, in addresses and zip files
    address: str = ""  # below FILES
    size: str = ""  # of the download
    needs: str = ""  # tables of the download that wfdb.dl_database does not fetch
    expected: int = 0  # records; 0: as many as there are
    pieces: bool = False  # segments of unidentified subjects, who cannot be held out
    left_out: str = ""  # published records that are never read, and why
    test: str = ""  # why it is not trained on by default

    def records(self, folder: Path) -> Iterator[Record]:
        return (self.arrays if self.is_arrays(folder) else self.published)(folder)

    def read(self, folder: Path) -> Iterator[Recording]:
        """Every lead of every record."""
        return (lead for record in self.records(folder) for lead in record.recordings())

    def is_arrays(self, folder: Path) -> bool:
        return self.arrays is not None and (folder / self.array).is_file()

    def how_to_get(self, name: str) -> str:
        """A command that fetches it into DIR."""
        if not self.address:
            return ""
        if self.needs:
            return f"wget -r -N -c -np -P DIR {FILES}/{self.address}/"
        return f"python -c \"import wfdb; wfdb.dl_database('{self.address.split('/')[0]}', 'DIR/{name}')\""


def load_array(folder: Path, name: str) -> np.ndarray:
    try:
        return np.load(folder / name, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError) as error:
        raise InputError(f"{folder / name} cannot be read as an array: {error}") from error


def array_record(
    name: str, patient: str, signal: np.ndarray, leads: tuple[str, ...], fs: float = 128.0, **more
) -> Record:
    """`signal` (leads, samples) int16 microvolts."""
    described = tuple(Lead(lead, "mV", 1000.0, fs) for lead in leads)
    return Record(name, patient, described, lambda number: np.asarray(signal[number]), **more)


def whole(number: str) -> str:
    """A number of a patient as a table may write it ("13619.0") -> "13619"."""
    return number.removesuffix(".0")
