"""Long recordings: atrial fibrillation (AFPDB, AFTDB), sleep (Challenge 2018, Apnea-ECG), a day (SHAREE)."""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from edgeecg.errors import InputError
from train.data.annotations import read_notes
from train.data.corpora.base import ARRAY, ODC, Corpus, array_record, load_array
from train.data.recordings import Record
from train.data.tables import answers, find_file, table
from train.data.wfdb_files import headers_by_name, wfdb_folder, wfdb_record

STAGES = ("W", "N1", "N2", "N3", "R")  # of the Challenge 2018
PIECES, MINUTE = 5, 60  # of a night; seconds
ADC_ARRAY = "ecg_128hz_adc_int16.npy"


# ------------------------------------------------------------------------------------- atrial fibrillation
def paf(folder: Path) -> Iterator[Record]:
    """PAF Prediction Challenge 2001: the learning set, half an hour each, first of two leads; two records a person."""
    for name, path in headers_by_name(folder).items():
        if not re.fullmatch(r"[np]\d\d", name):
            continue
        number = int(name[1:])
        label = "no_af" if name[0] == "n" else "paf_next" if number % 2 else "paf_far"
        whole = wfdb_record(path, name, f"{name[0]}{(number + 1) // 2:02d}")
        yield Record(name, whole.patient, whole.leads[:1], whole.load, label, {"af": label})


def paf_arrays(folder: Path) -> Iterator[Record]:
    for row, signal in zip(table(folder, "labels.csv"), load_array(folder, ARRAY), strict=True):
        facts = {"af": row["label"]}
        yield array_record(
            row["record"], row["person_by_pair"], signal.reshape(1, -1), ("ECG0",), label=row["label"], facts=facts
        )


def termination(folder: Path) -> Iterator[Record]:
    """AF Termination Challenge 2004, a minute each: n goes on for an hour, s ends a minute later, t at once.

    Records s and t of one number are of one recording. The test sets have the labels of *-answers*, where those are.
    """
    said: dict[str, str] = {}
    for path in sorted(folder.rglob("*answers*")):
        said |= answers(path)
    for name, path in headers_by_name(folder).items():
        known = re.fullmatch(r"([nst])(\d\d)", name)
        label = known[1].upper() if known else said.get(name, "")
        patient = f"st{known[2]}" if known and known[1] in "st" else name
        yield wfdb_record(path, name, patient, label=label, facts={"ends": label})


# ------------------------------------------------------------------------------------- sleep
def apnea(folder: Path) -> Iterator[Record]:
    """Apnea-ECG: one lead of 35 nights with labels and 35 without; not the copies with respiration (a01r, a01er)."""
    for name, path in headers_by_name(folder).items():
        if re.fullmatch(r"[abcx]\d\d", name):
            yield wfdb_record(path, name, name, label={"a": "apnea", "b": "borderline", "c": "none"}.get(name[0], ""))


def nights(folder: Path) -> Iterator[Record]:
    """Challenge 2018: of each night of the training set five minutes, evenly spread.

    Which minutes the bundled models saw is not known: their source names none. These are as many, by a rule.
    """
    for name, path in headers_by_name(folder).items():
        if not name.startswith("tr"):
            continue
        whole = wfdb_record(path, name, name)
        place = next((i for i, lead in enumerate(whole.leads) if "ECG" in lead.name.upper()), None)
        if place is None:
            raise InputError(f"{path} has no lead ECG")
        lead, night = whole.leads[place], Night(whole, place)
        stages = sleep_stages(path, lead.fs)
        for number in range(PIECES):
            label = stages(night.middle(number)) if stages else ""
            facts = {"stage": label, "record": name}
            yield Record(f"{name}-{number}", name, (lead,), night.piece(number), label, facts)


class Night:
    """A long recording, read once for its pieces."""

    def __init__(self, record: Record, place: int):
        self.record, self.place, self.samples = record, place, None

    def all(self) -> np.ndarray:
        if self.samples is None:
            self.samples = self.record.load(self.place)
        return self.samples

    def start(self, number: int) -> int:
        room = len(self.all()) - round(MINUTE * self.record.leads[self.place].fs)
        return max(0, round(room * (number + 0.5) / PIECES))

    def middle(self, number: int) -> float:
        """Seconds."""
        return self.start(number) / self.record.leads[self.place].fs + MINUTE / 2

    def piece(self, number: int):
        def load(_: int) -> np.ndarray:
            start = self.start(number)
            return np.array(self.all()[start : start + round(MINUTE * self.record.leads[self.place].fs)])

        return load


def sleep_stages(path: Path, fs: float):
    """`stage(second)` by the file .arousal, as a number in STAGES; None where there is no such file."""
    if not path.with_suffix(".arousal").is_file():
        return None
    second, _, text = read_notes(path.with_suffix(""), "arousal", fs)
    kept = np.isin(text, STAGES)
    second, text = second[kept], text[kept]

    def stage(at: float) -> str:
        before = int(np.searchsorted(second, at, side="right")) - 1
        return str(STAGES.index(text[before])) if before >= 0 else ""

    return stage


def night_pieces(folder: Path) -> Iterator[Record]:
    """One-minute pieces in ADC units of unknown gain: taken for microvolts, which gives plausible amplitudes.

    The front end divides by the signal's own size, so the gain only matters for its floor.
    """
    stages = {int(r["row"]): r["sleep_stage_label"] for r in table(folder, "index.csv")}
    for row, signal in enumerate(load_array(folder, ADC_ARRAY)):
        stage = stages.get(row, "")
        yield array_record(str(row), str(row), signal[None], ("ECG",), label=stage, facts={"stage": stage})


def share(folder: Path) -> Iterator[Record]:
    """SHAREE: a day of 139 people with hypertension, three leads; who had an event is in info.txt."""
    info = find_file(folder, "info.txt")
    rows = [line.split() for line in info.read_text(encoding="utf-8").splitlines()] if info else []
    events = {row[0]: row[-1] for row in rows if row and row[0].isdigit()}
    for record in wfdb_folder(folder):
        event = events.get(record.name.split("/")[-1], "")
        yield Record(record.name, record.patient, record.leads, record.load, event, {"event": event})


AFPDB = Corpus(
    "PAF Prediction Challenge Database",
    ODC,
    paf,
    paf_arrays,
    names=("afpdb", "paf-prediction-challenge-database"),
    address="afpdb/1.0.0",
    size="130 MB",
    expected=100,
    left_out="t01 to t100 are the Challenge's test set; n..c and p..c continue other records",
)
AFTDB = Corpus(
    "AF Termination Challenge Database",
    ODC,
    termination,
    names=("aftdb", "af-termination-challenge-database"),
    address="aftdb/1.0.0",
    size="3 MB",
    expected=80,
)
APNEA = Corpus(
    "Apnea-ECG Database",
    ODC,
    apnea,
    names=("apnea-ecg", "apnea-ecg-database"),
    address="apnea-ecg/1.0.0",
    size="580 MB",
    expected=70,
)
SHAREE = Corpus(
    "SHAREE Database",
    ODC,
    share,
    names=("shareedb", "smart-health-for-assessing-the-risk-of-events-via-ecg-database"),
    address="shareedb/1.0.0",
    size="8 GB",
    expected=139,
)
CINC2018 = Corpus(
    "PhysioNet/CinC Challenge 2018",
    ODC,
    nights,
    night_pieces,
    ADC_ARRAY,
    names=("cinc2018", "challenge-2018"),
    address="challenge-2018/1.0.0/training",
    size="135 GB",
    needs="the whole folder training",
    pieces=True,
    left_out="the test set",
)
