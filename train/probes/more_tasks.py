"""Further tasks: rhythm from annotations, single diagnoses, sleep stages, the kind and the size of noise, retrieval.

They stand beside the ten of train/probes/tasks.py and are read by the same protocol. LEADS_TASKS are two of the ten
with all leads that there are: what a label holds that one lead cannot show.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from train.data.corpora import DS1, DS2, array, table
from train.nets.spec import WINDOW
from train.probes.tasks import (
    ALL,
    BEATS,
    RATE,
    SUPERCLASSES,
    Task,
    Windows,
    beat_windows,
    cut,
    first_lead,
    join,
    ptbxl,
    quality,
    records,
    resample,
)

AF = ("(AFIB", "(AFL")  # atrial fibrillation and flutter in the rhythm annotations of MIT-BIH
NOISES = ("bw", "em", "ma")  # baseline wander, electrode motion, muscle
SNRS = (24, 12, 6, 0)  # dB
STAGES = 5  # of the Challenge 2018, numbered as in its file


def rhythm_windows(folder: Path, record: str) -> tuple[np.ndarray, np.ndarray]:
    """Windows of a record, and whether more than half of each lies in atrial fibrillation or flutter."""
    import wfdb

    signal, fs = first_lead(folder, record)
    windows = cut(resample(signal, fs))
    note = wfdb.rdann(str(folder / record), "atr")
    changes = [
        (s * RATE / fs, t.rstrip("\x00")) for s, t in zip(note.sample, note.aux_note, strict=True) if t.startswith("(")
    ]
    ends = [at for at, _ in changes[1:]] + [np.inf]
    inside = np.zeros(len(windows) * WINDOW, bool)
    for (start, rhythm), end in zip(changes, ends, strict=True):
        if rhythm in AF:
            inside[int(start) : int(min(end, len(inside)))] = True
    return windows, (inside.reshape(len(windows), WINDOW).mean(1) > 0.5).astype(int)


def rhythm(data: Path) -> Task:
    return Task(*(join([rhythm_windows(data / "mitdb", r) for r in names]) for names in (DS1, DS2)))


def one_class(data: Path, lead: int, name: str) -> Task:
    """One diagnostic superclass of PTB-XL against all others."""
    task = ptbxl(data, lead, "super")
    label = task.train.label[:, SUPERCLASSES.index(name)]
    return Task(Windows(task.train.signal, label, task.train.group), kind="folds", folds=4)


def sleep(data: Path) -> Task:
    """Stages of one-minute pieces, summarised over six windows.

    Whose a piece is, is not known: people may cross folds.
    """
    folder = data / "cinc2018"
    stages = {int(r["row"]): int(r["sleep_stage_label"]) for r in table(folder, "index.csv") if r["sleep_stage_label"]}
    signal = array(folder, "ecg_128hz_adc_int16.npy")[sorted(stages)].astype(np.float32) / 1000.0
    windows = signal.reshape(-1, WINDOW)
    each = signal.shape[1] // WINDOW
    label = np.repeat([stages[row] for row in sorted(stages)], each)
    return Task(Windows(windows, label, np.repeat(sorted(stages), each)), kind="folds", folds=5, pooled=True)


def quality_of_all(data: Path) -> Task:
    """Challenge 2011, all 998 records in five folds: the usual test has 250 of them, and an interval of .18."""
    halves = quality(data)
    columns = zip(*((w.signal, w.label, w.group) for w in (halves.train, halves.test)), strict=True)
    return Task(Windows(*map(np.concatenate, columns)), kind="folds", folds=5)


def noise(data: Path, what: str) -> Task:
    """Windows of PTB-XL, lead II, with noise of nstdb: "type" (none or one of three, 6 dB) or "snr" (24, 12, 6, 0 dB).

    Patients are halved, and so are the noises' second halves (the first ones belong to training): neither the hearts
    nor the noise of the test were met by the probe.
    """
    signal = np.asarray(array(data / "ptbxl", "ecg_128hz_uV_int16.npy")[:, 1] / 1000.0, np.float32)
    patient = np.array([float(row["patient_id"]) for row in table(data / "ptbxl", "metadata.csv")])
    pieces = [np.load(data / "nstdb" / f"{name}_128hz_uV_int16.npy", allow_pickle=False) / 1000.0 for name in NOISES]
    second = np.random.default_rng(0).permutation(np.unique(patient))[: len(np.unique(patient)) // 2]
    sides = []
    for number, rows in enumerate((~np.isin(patient, second), np.isin(patient, second))):
        rng = np.random.default_rng(number)
        quarter = [
            piece[:, piece.shape[1] * (2 + number) // 4 : piece.shape[1] * (3 + number) // 4] for piece in pieces
        ]
        x, label = signal[rows], rng.integers(len(NOISES) + 1 if what == "type" else len(SNRS), size=int(rows.sum()))
        kind = label - 1 if what == "type" else rng.integers(len(NOISES), size=len(x))
        decibel = np.full(len(x), 6) if what == "type" else np.array(SNRS)[label]
        noisy = [with_noise(w, quarter[k], d, rng) if k >= 0 else w for w, k, d in zip(x, kind, decibel, strict=True)]
        sides.append(Windows(np.stack(noisy).astype(np.float32), label, patient[rows]))
    return Task(*sides)


def with_noise(window: np.ndarray, piece: np.ndarray, decibel: float, rng: np.random.Generator) -> np.ndarray:
    """A random stretch of a random lead of `piece` (leads, samples), at a signal-to-noise ratio."""
    start = rng.integers(piece.shape[1] - len(window) + 1)
    added = piece[rng.integers(len(piece)), start : start + len(window)]
    added = added - added.mean()
    return window + added * (window.std() / max(float(added.std()), 1e-9)) * 10 ** (-decibel / 20)


def retrieve(data: Path, kind: str, within: bool) -> Task:
    """Find windows with ectopic beats by one of them: DS2 and svdb, of whose people nobody was met."""
    pieces = [(data / "mitdb", r) for r in DS2] + [(data / "svdb", r) for r in records(data / "svdb")]
    return Task(
        join([beat_windows(folder, record, BEATS[kind]) for folder, record in pieces]), kind="retrieval", within=within
    )


MORE_TASKS: dict[str, Callable[[Path], Task]] = {
    "af_ds1_ds2": rhythm,
    "ptbxl_mi_I_cv4": lambda data: one_class(data, 0, "MI"),
    "ptbxl_cd_I_cv4": lambda data: one_class(data, 0, "CD"),
    "sleep_cv5": sleep,
    "quality_cv5": quality_of_all,
    "noise_type": lambda data: noise(data, "type"),
    "noise_snr": lambda data: noise(data, "snr"),
    "retrieval_V_between": lambda data: retrieve(data, "V", within=False),
    "retrieval_V_within": lambda data: retrieve(data, "V", within=True),
}

LEADS_TASKS: dict[str, Callable[[Path], Task]] = {
    "quality_seta_leads": lambda data: quality(data, ALL),
    "ptbxl_super_leads_cv4": lambda data: ptbxl(data, ALL, "super"),
}
