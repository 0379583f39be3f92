"""Tasks on PTB-XL: diagnostic superclasses, single diagnoses, atrial fibrillation."""

from pathlib import Path

import numpy as np

from train.probes.tasks.base import Task, Windows, first_windows, records_of

SUPERCLASSES = ("NORM", "MI", "STTC", "CD", "HYP")
AF_STATEMENTS = ("AFIB", "AFLT")  # of PTB-XL: atrial fibrillation and flutter


def ptbxl_windows(data: Path, lead: int | slice) -> tuple[np.ndarray, list[dict], np.ndarray]:
    """Signal, the row of metadata and the patient of every recording."""
    records = records_of(data, "ptbxl")
    rows = [dict(record.facts) for record in records]
    return first_windows(records, lead), rows, np.array([float(record.patient) for record in records])


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


def one_class(data: Path, lead: int, name: str) -> Task:
    """One diagnostic superclass of PTB-XL against all others."""
    task = ptbxl(data, lead, "super")
    label = task.train.label[:, SUPERCLASSES.index(name)]
    return Task(Windows(task.train.signal, label, task.train.group), kind="folds", folds=4)
