"""The tasks: labelled windows of 10 s at 128 Hz, one lead, and whose they are.

Windows are isolated: an encoder sees nothing before or behind them. Splits are by patient, or by record where
patients are not known.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import gcd
from pathlib import Path

import numpy as np

from edgeecg import io
from edgeecg.errors import InputError
from train.data.corpora import DS1, DS2, array, table
from train.nets.spec import WINDOW

RATE = 128
SUPERCLASSES = ("NORM", "MI", "STTC", "CD", "HYP")
# Ventricular and supraventricular ectopic beats of ANSI/AAMI EC57, with j, the nodal escape, which EC57 counts as
# normal: the protocol that published features were measured by has it (train/people.py says what it decides)
BEATS = {"V": "VE", "S": "AaJSj"}
ALL = slice(None)  # leads
AF_STATEMENTS = ("AFIB", "AFLT")  # of PTB-XL: atrial fibrillation and flutter
RHYTHMS = "NAO~"  # Challenge 2017: normal, atrial fibrillation, other, too noisy


@dataclass(frozen=True)
class Windows:
    """`signal` (n, 1280) float32 mV, or (n, leads, 1280); `label` (n,) int or (n, classes) 0/1, `group` (n,): the
    patient or record.
    """

    signal: np.ndarray
    label: np.ndarray
    group: np.ndarray


@dataclass(frozen=True)
class Task:
    """`kind` "split" (train on one, test on the other), "identity" (the same, nearest centroid), "folds" or
    "retrieval".

    With folds and retrieval, `test` is None. `pooled`: mean and deviation over a record's windows are one sample.
    `within`: windows are looked for in the query's own record, else in all others.
    """

    train: Windows
    test: Windows | None = None
    kind: str = "split"
    folds: int = 0
    pooled: bool = False
    within: bool = False


def resample(x: np.ndarray, fs: float) -> np.ndarray:
    """To 128 Hz by a polyphase filter: (..., n) -> float32."""
    from scipy.signal import resample_poly

    if fs == RATE:
        return np.asarray(x, np.float32)
    common = gcd(RATE, int(fs))
    y = resample_poly(np.asarray(x, np.float64), RATE // common, int(fs) // common, axis=-1, padtype="line")
    return y.astype(np.float32)


def cut(x: np.ndarray, hop: int = WINDOW) -> np.ndarray:
    """Windows (n, 1280) of a recording; a shorter one is filled up with its last value."""
    if len(x) < WINDOW:
        x = np.concatenate([x, np.repeat(x[-1:], WINDOW - len(x))])
    count = (len(x) - WINDOW) // hop + 1
    return np.stack([x[i * hop : i * hop + WINDOW] for i in range(count)])


def join(pieces: list[tuple[np.ndarray, np.ndarray]]) -> Windows:
    """(signal, label) of each record -> Windows with the record's number as the group."""
    groups = [np.full(len(signal), number) for number, (signal, _) in enumerate(pieces)]
    return Windows(
        np.concatenate([s for s, _ in pieces]), np.concatenate([y for _, y in pieces]), np.concatenate(groups)
    )


def first_lead(folder: Path, record: str) -> tuple[np.ndarray, float]:
    """A WFDB record's first lead in mV (missing samples as 0), and its rate."""
    recording = io.read(folder / f"{record}.hea", lead=0)
    return np.nan_to_num(recording.millivolts()), recording.fs


def beat_windows(folder: Path, record: str, codes: str) -> tuple[np.ndarray, np.ndarray]:
    """Windows of a record, and whether each holds a beat of one of these codes."""
    import wfdb

    signal, fs = first_lead(folder, record)
    note = wfdb.rdann(str(folder / record), "atr")
    hit = np.array([symbol in codes for symbol in note.symbol])
    windows = cut(resample(signal, fs))
    place = np.array(note.sample)[hit] * RATE / fs
    count, _ = np.histogram(place, bins=np.arange(len(windows) + 1) * WINDOW)
    return windows, (count > 0).astype(int)


def records(folder: Path) -> list[str]:
    return (folder / "RECORDS").read_text(encoding="utf-8").split()


def beats(data: Path, kind: str, test: str, codes: str = "") -> Task:
    """MIT-BIH DS1 -> DS2 (de Chazal et al., 2004), or -> svdb: another database, recorded with other devices.

    Windows with a beat of the kind ("V" or "S"), or of other `codes`. Record 201 of DS1 and 202 of DS2 are of one man.
    """
    codes = codes or BEATS[kind]
    names = DS2 if test == "mitdb" else records(data / test)
    train = join([beat_windows(data / "mitdb", r, codes) for r in DS1])
    return Task(train, join([beat_windows(data / test, r, codes) for r in names]))


def quality(data: Path, lead: int | slice = 1) -> Task:
    """Challenge 2011: acceptable or not, lead II unless another is asked for; every fourth record is for the test."""
    folder = data / "challenge2011"
    signal = np.asarray(array(folder, "ecg_128hz_uV_int16.npy")[:, lead] / 1000.0, np.float32)
    label = np.array([int(float(row["acceptable"])) for row in table(folder, "labels.csv")])
    number = np.arange(len(label))
    test = number % 4 == 0
    return Task(*(Windows(signal[k], label[k], number[k]) for k in (~test, test)))


def identity(data: Path) -> Task:
    """Which recording is it of: the 126 of mitdb and svdb, first half of each -> second half.

    201 and 202 are of one man.
    """
    halves = ([], [])
    number = 0
    for name in ("mitdb", "svdb"):
        for record in records(data / name):
            windows = cut(resample(*first_lead(data / name, record)))[::3][:60]
            for half, part in zip(
                halves, (slice(None, len(windows) // 2), slice(len(windows) // 2, None)), strict=True
            ):
                half.append((windows[part], np.full(len(windows[part]), number)))
            number += 1
    return Task(*(join(half) for half in halves), kind="identity")


def ptbxl_windows(data: Path, lead: int | slice) -> tuple[np.ndarray, list[dict], np.ndarray]:
    """Signal, the row of metadata and the patient of every recording."""
    folder = data / "ptbxl"
    signal = np.asarray(array(folder, "ecg_128hz_uV_int16.npy")[:, lead] / 1000.0, np.float32)
    rows = table(folder, "metadata.csv")
    return signal, rows, np.array([float(row["patient_id"]) for row in rows])


def stated(rows: list[dict], codes: tuple[str, ...]) -> np.ndarray:
    """Which recordings of PTB-XL have one of these SCP statements (ISO 11073-91064)."""
    return np.array([any(f"'{code}'" in row["scp_codes"] for code in codes) for row in rows])


def ptbxl(data: Path, lead: int | slice, what: str) -> Task:
    signal, rows, patient = ptbxl_windows(data, lead)
    if what == "af":
        return Task(Windows(signal, stated(rows, AF_STATEMENTS).astype(int), patient), kind="folds", folds=4)
    label = np.array([[int(name in row["superclass"]) for name in SUPERCLASSES] for row in rows])
    known = label.any(1)
    return Task(Windows(signal[known], label[known], patient[known]), kind="folds", folds=4)


def cinc2017(data: Path) -> Task:
    """Four rhythms of a wearable's recordings of 9 to 60 s."""
    from scipy.io import loadmat

    folder, pieces = data / "cinc2017", []
    for line in (folder / "REFERENCE.csv").read_text(encoding="utf-8").split():
        record, rhythm = line.split(",")
        signal = loadmat(folder / f"{record}.mat")["val"][0] / 1000.0
        windows = cut(resample(signal, 300), WINDOW // 2)
        pieces.append((windows, np.full(len(windows), RHYTHMS.index(rhythm))))
    return Task(join(pieces), kind="folds", folds=5, pooled=True)


TASKS: dict[str, Callable[[Path], Task]] = {
    "V_ds1_ds2": lambda data: beats(data, "V", "mitdb"),
    "S_ds1_ds2": lambda data: beats(data, "S", "mitdb"),
    "V_mitdb_to_svdb": lambda data: beats(data, "V", "svdb"),
    "S_mitdb_to_svdb": lambda data: beats(data, "S", "svdb"),
    "quality_seta": quality,
    "identity": identity,
    "ptbxl_super_I_cv4": lambda data: ptbxl(data, 0, "super"),
    "ptbxl_super_II_cv4": lambda data: ptbxl(data, 1, "super"),
    "ptbxl_af_I_cv4": lambda data: ptbxl(data, 0, "af"),
    "cinc2017_cv5": cinc2017,
}


def read_task(name: str, data: Path) -> Task:
    from train.probes.more_tasks import LEADS_TASKS, MORE_TASKS
    from train.probes.transfer_tasks import TRANSFER_TASKS

    known = TASKS | MORE_TASKS | LEADS_TASKS | TRANSFER_TASKS
    if name not in known:
        raise InputError(f"task {name!r} is not one of {', '.join(known)}")
    try:
        return known[name](data)
    except OSError as error:
        raise InputError(f"task {name} needs recordings that are not there: {error}") from error
