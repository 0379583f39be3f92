"""Labels of a user: a table of recordings, windows or beats, or WFDB annotation files.

    labels.csv      record,label[,subject][,start | time][,split]      the folder of recordings is --data

`record` names a file below the folder, with or without suffix. A row labels its whole recording; with `start` (s), the
10 s that begin there; with `time` (s), the 10 s around that moment, for example a beat. `label` is any word; several
are separated by `;`. `subject` is the person; default: the record. `split` is train, val or test.

The suffix of WFDB annotation files (atr, apn ...) can replace the table. Windows of 10 s, one after another, then get
their labels from the annotations (annotations.py).
"""

import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edgeecg import io
from edgeecg.constants import RATE, WINDOW
from edgeecg.errors import InputError
from train.data.annotations import CLASSES, NOTHING, label_windows, read_annotations
from train.data.resample import cut_windows, resample
from train.data.tables import table
from train.data.wfdb_files import wfdb_headers

SECONDS = WINDOW / RATE
MOST = 60  # windows per recording that is labeled as a whole, evenly spaced
SPLITS = {"train": "train", "training": "train", "val": "val", "validation": "val", "test": "test", "": ""}


@dataclass(frozen=True)
class OwnLabels:
    """n windows. `signal` (n, 1280) or (n, leads, 1280) float32 mV at 128 Hz; `truth` (n, classes) 0/1; `subject`,
    `record`, `split` (n,) str; `pooled`: recordings are labeled, and the windows of a recording are one sample.
    """

    name: str
    classes: tuple[str, ...]
    signal: np.ndarray
    truth: np.ndarray
    subject: np.ndarray
    record: np.ndarray
    split: np.ndarray
    pooled: bool

    @property
    def single(self) -> bool:
        """Whether each window has exactly one class."""
        return bool((self.truth.sum(1) == 1).all())

    @property
    def test(self) -> np.ndarray | None:
        """(n,) bool: the test windows, if the table has a split; else None."""
        return self.split == "test" if (self.split == "test").any() else None

    def folds(self, count: int) -> np.ndarray:
        """(n,) the fold of each window's subject, from a hash of the subject: the same in every command."""
        names = np.unique(self.subject)
        if len(names) < 2 * count:
            raise InputError(f"{count} splits need at least {2 * count} subjects, and {self.name} has {len(names)}")
        order = sorted(names, key=lambda name: hashlib.sha256(str(name).encode()).digest())
        place = {name: number % count for number, name in enumerate(order)}
        return np.array([place[name] for name in self.subject])

    def numbers(self) -> np.ndarray:
        """(n,) int64: the number of each window's subject."""
        return np.unique(self.subject, return_inverse=True)[1]

    def summary(self) -> str:
        people, records = len(np.unique(self.subject)), len(np.unique(self.record))
        counts = ", ".join(f"{name} {count}" for name, count in zip(self.classes, self.truth.sum(0), strict=True))
        return f"{self.name}: {len(self.signal)} windows of {records} recordings of {people} subjects ({counts})"


@dataclass(frozen=True)
class Row:
    """What a table says of a recording, or of a moment of it (`at`: where the window begins, s)."""

    record: str
    labels: tuple[str, ...]
    subject: str = ""
    at: float | None = None
    split: str = ""


def read_labels(labels: str, data: Path, lead: str | None = None) -> OwnLabels:
    """`labels`: the path of a table, or the suffix of annotation files; `data`: the folder of the recordings; `lead`: a
    name, an index from 0, or several with , between them.

    Raises InputError where a row makes no sense, a recording is not there, or there is one class only.
    """
    is_table = labels.endswith(".csv") or Path(labels).exists()
    rows = list(table_rows(Path(labels)) if is_table else annotation_rows(labels, data, lead))
    by_record: dict[str, list[Row]] = {}
    for row in rows:
        by_record.setdefault(row.record, []).append(row)
    files = Recordings(data)
    pieces, kept, left_out = [], [], 0
    for record, mine in by_record.items():
        for row, windows in labeled_windows(files.open(record), mine, lead):
            pieces.append(windows)
            kept += [row] * len(windows)
            left_out += not len(windows)
    if left_out:
        print(f"{left_out} of {len(rows)} rows are left out: their window does not lie in the recording")
    return gathered(Path(labels).name, kept, pieces, all(row.at is None for row in rows))


def gathered(name: str, rows: list[Row], pieces: list[np.ndarray], pooled: bool) -> OwnLabels:
    classes = tuple(sorted({label for row in rows for label in row.labels}))
    if len(classes) < 2:
        raise InputError(f"{name}: labels need two classes at least, and there is {classes[0] if classes else 'none'}")
    truth = np.array([[int(label in row.labels) for label in classes] for row in rows])
    columns = ([row.subject or row.record for row in rows], [row.record for row in rows], [row.split for row in rows])
    found = OwnLabels(name, classes, np.concatenate(pieces), truth, *map(np.array, columns), pooled)
    check_split(found)
    return found


def check_split(found: OwnLabels) -> None:
    if found.test is None:
        if found.split.astype(bool).any():
            raise InputError(f"{found.name} has splits, and none of them is test")
        return
    if found.test.all():
        raise InputError(f"{found.name}: everything is in the split test, and nothing is left to train on")
    both = set(found.subject[found.test].tolist()) & set(found.subject[~found.test].tolist())
    if both:
        raise InputError(f"{found.name}: subject {min(both)} is in the split test and in another one")


def table_rows(path: Path) -> Iterator[Row]:
    """A row of the table each. Raises InputError with the number of the line that is wrong."""
    try:
        rows = table(path.parent, path.name)
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read as a table of labels: {error}") from error
    known = {name.strip().lower() for name in (rows[0] if rows else {}) if name}
    if not {"record", "label"} <= known:
        raise InputError(f"{path} needs the columns record and label, and has {', '.join(sorted(known)) or 'none'}")
    if {"start", "time"} <= known:
        raise InputError(f"{path} has the columns start and time: a window is named by one of them")
    for number, raw in enumerate(rows, 2):
        row = {str(name).strip().lower(): (value or "").strip() for name, value in raw.items() if name}
        labels = tuple(word.strip() for word in row["label"].split(";") if word.strip())
        split = row.get("split", "").lower()
        if not row["record"] or not labels or split not in SPLITS:
            raise InputError(f"{path}, line {number}: a row has a record, a label, and as split train, val or test")
        at = None
        if {"start", "time"} & known:
            at = seconds(path, number, row.get("start") or row.get("time", "")) - ("time" in known) * SECONDS / 2
        yield Row(row["record"], labels, row.get("subject", ""), at, SPLITS[split])


def seconds(path: Path, number: int, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = np.nan
    if not np.isfinite(value):
        raise InputError(f"{path}, line {number}: {text!r} is no number of seconds")
    return value


def annotation_rows(annotator: str, data: Path, lead: str | None) -> Iterator[Row]:
    """Windows of 10 s, one after another, of all records that have such a file; beats by their class of EC57."""
    patients: dict[str, str] = {}
    if (data / "patients.csv").is_file():
        patients = {row["record"]: row["patient"] for row in table(data, "patients.csv")}
    found = [path for path in wfdb_headers(data) if path.with_suffix(f".{annotator}").is_file()]
    if not found:
        raise InputError(f"{annotator} is neither a table of labels nor the suffix of annotation files below {data}")
    for path in found:
        source = io.open_source(path)
        fs, name = source.leads[0].fs, path.relative_to(data).with_suffix("").as_posix()
        start = np.arange(0.0, source.length / fs - SECONDS, SECONDS)
        for at, label in zip(start, called(path, annotator, fs, start), strict=True):
            if label != NOTHING:
                yield Row(name, (label,), patients.get(name, ""), float(at))


def called(path: Path, annotator: str, fs: float, start: np.ndarray) -> list[str]:
    notes = read_annotations(path.with_suffix(""), annotator, fs)
    beats = np.isin(notes.code, list(CLASSES)).any() and annotator != "apn"
    labels = label_windows(notes, start, SECONDS)[0]
    return [CLASSES.get(label, label) for label in labels] if beats else labels


class Recordings:
    """The files below a folder by the names that a table may call them."""

    def __init__(self, data: Path):
        self.data = data
        paths = sorted(path for path in data.rglob("*") if path.is_file())
        self.stems = Counter(path.stem for path in paths if path.suffix == ".hea")
        self.headers = {path.stem: path for path in paths if path.suffix == ".hea"}

    def open(self, record: str) -> io.Source:
        for name in (record, f"{record}.hea"):
            if (self.data / name).is_file():
                return io.open_source(self.data / name)
        if self.stems[record] == 1:
            return io.open_source(self.headers[record])
        why = "more than one file is called so" if self.stems[record] else "there is no such file"
        raise InputError(f"the labels name the recording {record} in {self.data}: {why}")


def labeled_windows(source: io.Source, rows: list[Row], lead: str | None) -> Iterator[tuple[Row, np.ndarray]]:
    """Each row with its windows, (k, 1280), or of several leads (k, leads, 1280): none where the window does not lie in
    the recording.
    """
    names = lead.split(",") if lead and "," in lead else [lead]
    x = [at_rate(source, name) for name in names]
    x = [one[: min(map(len, x))] for one in x]
    for row in rows:
        if row.at is None:
            windows = np.stack([cut_windows(one) for one in x], 1)
            chosen = np.linspace(0, len(windows) - 1, min(MOST, len(windows))).round().astype(int)
            windows = windows[chosen]
        else:
            first = round(row.at * RATE)
            inside = 0 <= first <= len(x[0]) - WINDOW
            windows = np.stack([one[first : first + WINDOW] for one in x])[None] if inside else nothing(len(x))
        yield row, windows if len(names) > 1 else windows[:, 0]


def nothing(leads: int) -> np.ndarray:
    return np.empty((0, leads, WINDOW), np.float32)


def at_rate(source: io.Source, lead: str | None) -> np.ndarray:
    """A lead in mV at 128 Hz, what was not measured as 0."""
    recording = source.recording(lead)
    if recording.fs is None:
        raise InputError(f"{source.name} does not tell its sampling rate")
    return resample(np.nan_to_num(recording.millivolts()), recording.fs)
