"""Manual annotations of a corpus (beats, waves, rhythms), from annotation files or from tables of them.

Beside arrays of a corpus its annotations are tables: record, sample_128hz, symbol and, of rhythms, their name.
"""

from functools import cache
from pathlib import Path

import numpy as np

from edgeecg import io
from edgeecg.constants import RATE
from train.data.annotations import Annotations, chosen, read_notes
from train.data.corpora import corpus_folder
from train.data.tables import table
from train.data.wfdb_files import headers_by_name

Notes = tuple[np.ndarray, np.ndarray, np.ndarray]  # second, symbol, text (n,) each
# (corpus, annotator) -> folder and file
TABLES = {
    ("qtdb", "atr"): ("qtdb_labels", "beats.csv"),
    ("qtdb", "q1c"): ("qtdb_labels", "waves.csv"),
    ("vfdb", "atr"): ("vfdb", "rhythm.csv"),
}


def notes_of(data: Path | None, name: str, record: str, annotator: str) -> Notes | None:
    """All marks of a recording of the corpus `name`; None where there are none of this annotator."""
    if data is None:
        return None
    header = header_of(corpus_folder(data, name), record)
    if header and header.with_suffix(f".{annotator}").is_file():
        return read_notes(header.with_suffix(""), annotator, io.open_source(header).leads[0].fs)
    folder, file = TABLES.get((name, annotator), ("", ""))
    if not folder or not (data / folder / file).is_file():
        return None
    return marks_by_record(data / folder, file).get(record)


def annotations_of(data: Path | None, name: str, record: str, annotator: str) -> Annotations | None:
    """Its beats, or its rhythms, or else all codes (annotations.py)."""
    notes = notes_of(data, name, record, annotator)
    return None if notes is None else chosen(*notes)


def header_of(folder: Path, record: str) -> Path | None:
    """A record's name is its path below the folder, or its file's name alone."""
    path = folder / f"{record}.hea"
    return path if path.is_file() else stems(folder).get(record)


@cache
def stems(folder: Path) -> dict[str, Path]:
    return headers_by_name(folder)


@cache
def marks_by_record(folder: Path, file: str) -> dict[str, Notes]:
    rows: dict[str, list[tuple[float, str, str]]] = {}
    for row in table(folder, file):
        mark = int(row["sample_128hz"]) / RATE, row["symbol"], row.get("rhythm") or ""
        rows.setdefault(row["record"], []).append(mark)
    return {name: (np.array(s), np.array(c, dtype=str), np.array(t, dtype=str)) for name, (s, c, t) in columns(rows)}


def columns(rows: dict[str, list[tuple]]):
    return ((name, zip(*marks, strict=True)) for name, marks in rows.items())
