"""The MIT-BIH databases: arrhythmia, supraventricular arrhythmia, malignant ventricular ectopy, noise stress test."""

from collections.abc import Iterator
from pathlib import Path

from train.data.corpora.base import ARRAY, ODC, Corpus, array_record, load_array
from train.data.recordings import Record
from train.data.tables import table
from train.data.wfdb_files import headers_by_name, wfdb_folder, wfdb_headers, wfdb_record

# MIT-BIH inter-patient split (de Chazal et al., IEEE TBME 2004). DS2 is test only, pretraining included.
DS1 = tuple("101 106 108 109 112 114 115 116 118 119 122 124 201 203 205 207 208 209 215 220 223 230".split())
DS2 = tuple("100 103 105 111 113 117 121 123 200 202 210 212 213 214 219 221 222 228 231 232 233 234".split())
# Records 201 (DS1) and 202 (DS2) are the same man: whoever trains on 201 has met a test patient.
SAME_PATIENT_AS_TEST = ("201",)


def mitdb(folder: Path) -> Iterator[Record]:
    """DS1 without the record whose patient is in DS2."""
    wanted = [record for record in DS1 if record not in SAME_PATIENT_AS_TEST]
    for path in wfdb_headers(folder):
        if path.stem in wanted:
            name = path.relative_to(folder).with_suffix("").as_posix()
            yield wfdb_record(path, name, path.stem)


def vfdb(folder: Path) -> Iterator[Record]:
    """The first of two leads."""
    for name, path in headers_by_name(folder).items():
        whole = wfdb_record(path, name, name)
        yield Record(name, name, whole.leads[:1], whole.load)


def vfdb_arrays(folder: Path) -> Iterator[Record]:
    for row, signal in zip(table(folder, "labels.csv"), load_array(folder, ARRAY), strict=True):
        yield array_record(row["record"], row["person"], signal.reshape(1, -1), ("ECG",))


MITDB = Corpus(
    "MIT-BIH Arrhythmia Database, DS1 without record 201",
    ODC,
    mitdb,
    names=("mitdb", "mit-bih-arrhythmia-database"),
    address="mitdb/1.0.0",
    size="75 MB",
    expected=21,
    left_out="DS2 is the test set; 201 shares a patient with 202, which is in DS2; 102, 104, 107 and 217 are paced",
)
SVDB = Corpus(
    "MIT-BIH Supraventricular Arrhythmia Database",
    ODC,
    wfdb_folder,
    names=("svdb", "mit-bih-supraventricular-arrhythmia-database"),
    address="svdb/1.0.0",
    size="55 MB",
    expected=78,
    test="it is the transfer test: other subjects and devices",
)
VFDB = Corpus(
    "MIT-BIH Malignant Ventricular Ectopy Database",
    ODC,
    vfdb,
    vfdb_arrays,
    names=("vfdb", "mit-bih-malignant-ventricular-ectopy-database"),
    address="vfdb/1.0.0",
    size="35 MB",
    expected=22,
)
# for views, not for windows
NOISE = Corpus(
    "MIT-BIH Noise Stress Test Database, first half of each noise",
    ODC,
    wfdb_folder,
    names=("nstdb", "mit-bih-noise-stress-test-database"),
    address="nstdb/1.0.0",
    size="25 MB",
    expected=3,
    left_out="the second half of each noise is for robustness tests; records 118 and 119 with noise come from mitdb",
)
