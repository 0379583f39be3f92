"""QT Database: 105 recordings of 15 minutes, two leads, with waves that people marked.

Laguna et al., "A Database for Evaluation of Algorithms for Measurement of QT and Other Waveform Intervals in the ECG",
Computers in Cardiology 1997. The records that were taken from MIT-BIH (sel1xx, sel2xx) and svdb (sel8xx) are left out:
those people are for tests.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from train.data.corpora.base import ARRAY, ODC, Corpus, array_record, load_array
from train.data.recordings import Record
from train.data.tables import listed
from train.data.wfdb_files import headers_by_name, wfdb_record


def published(folder: Path) -> Iterator[Record]:
    wanted = listed("qtdb")
    return (wfdb_record(p, name, name) for name, p in headers_by_name(folder).items() if name in wanted)


def arrays(folder: Path) -> Iterator[Record]:
    names = (folder / "RECORDS").read_text(encoding="utf-8").split()
    for name, signal in zip(names, load_array(folder, ARRAY), strict=True):
        if not re.fullmatch(r"sel[128]\d\d", name):
            yield array_record(name, name, signal, ("0", "1"))


QTDB = Corpus(
    "QT Database",
    ODC,
    published,
    arrays,
    names=("qtdb", "qt-database"),
    address="qtdb/1.0.0",
    size="80 MB",
    expected=77,
    left_out="sel1xx, sel2xx and sel8xx come from mitdb and svdb",
)
