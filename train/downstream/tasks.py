"""Labeled windows for trained classifiers: the probe tasks as one matrix of labels, and the SNOMED classes.

A row is a window of 10 s, of one lead or several. MIT-BIH record 201 is in no training set, because it shares a patient
with DS2.
"""

from ast import literal_eval
from collections.abc import Callable
from pathlib import Path

import numpy as np

from edgeecg.errors import InputError
from train.classifiers.labeled import Labeled, one_hot
from train.data.corpora import DS1, DS2, SAME_PATIENT_AS_TEST, Corpus, corpus
from train.data.labels import read_labels
from train.probes.tasks.base import headers, join
from train.probes.tasks.challenges import RHYTHMS
from train.probes.tasks.mitdb import BEATS, beat_windows
from train.probes.tasks.ptbxl import SUPERCLASSES, ptbxl_windows
from train.probes.tasks.registry import read_task

# Statements of the Challenge 2020 (Perez Alday et al., Physiol. Meas. 2020), as SNOMED CT codes, and the SCP-ECG
# statements of PTB-XL that say the same. These are the 23 that at least 14 of the patients here have.
SNOMED = {
    "sinus rhythm 426783006": ("SR",),
    "atrial fibrillation 164889003": ("AFIB",),
    "sinus tachycardia 427084000": ("STACH",),
    "sinus bradycardia 426177001": ("SBRAD",),
    "sinus arrhythmia 427393009": ("SARRH",),
    "1st degree AV block 270492004": ("1AVB",),
    "prolonged PR interval 164947007": ("LPR",),
    "premature atrial contraction 284470004": ("PAC",),
    "supraventricular arrhythmia 63593006": ("SVARR",),
    "ventricular premature beats 17338001": ("PVC",),
    "pacing rhythm 10370003": ("PACE",),
    "left bundle branch block 164909002": ("CLBBB", "ILBBB"),
    "complete right bundle branch block 713427006": ("CRBBB",),
    "incomplete right bundle branch block 713426002": ("IRBBB",),
    "left anterior fascicular block 445118002": ("LAFB",),
    "nonspecific conduction disorder 698252002": ("IVCD",),
    "Q wave abnormal 164917005": ("QWAVE",),
    "T wave abnormal 164934002": ("NDT", "NT_", "LOWT"),
    "T wave inversion 59931005": ("INVT",),
    "ST depression 429622005": ("STD_",),
    "low QRS voltages 251146004": ("LVOLT",),
    "left ventricular hypertrophy 164873001": ("LVH",),
    "myocardial infarction 164865005": ("IMI", "ASMI", "ILMI", "AMI", "ALMI", "LMI", "IPLMI", "IPMI", "PMI"),
}
LEADS = {"I": 0, "II": 1}


def folded(name: str, probe: str, data: Path, classes: tuple[str, ...], pooled: bool = False) -> Labeled:
    """A task of the probe bench with folds, as a matrix of labels."""
    windows = read_task(probe, data).train
    single = windows.label.ndim == 1
    truth = one_hot(windows.label, len(classes)) if single else windows.label
    return Labeled(name, classes, windows.signal, truth, windows.group, single, pooled=pooled)


def one_superclass(name: str, probe: str, data: Path) -> Labeled:
    """Records with exactly one diagnostic superclass."""
    every = folded(name, probe, data, SUPERCLASSES)
    keep = every.truth.sum(1) == 1
    return Labeled(name, every.classes, every.signal[keep], every.truth[keep], every.group[keep], single=True)


def snomed(name: str, lead: int, data: Path) -> Labeled:
    signal, rows, group = ptbxl_windows(data, lead)
    codes = [set(literal_eval(row["scp_codes"])) for row in rows]
    truth = np.array([[int(bool(said & set(same))) for same in SNOMED.values()] for said in codes])
    return Labeled(name, tuple(SNOMED), signal, truth, group, single=False)


def beats(name: str, data: Path) -> Labeled:
    """AAMI classes of MIT-BIH windows: V with a ventricular ectopic beat, else S with a
    supraventricular one, else N.
    """
    training = [record for record in DS1 if record not in SAME_PATIENT_AS_TEST]
    windows = join([beat_class(path) for path in headers(data, "mitdb", (*training, *DS2)).values()])
    test = windows.group >= len(training)
    return Labeled(name, ("N", "S", "V"), windows.signal, one_hot(windows.label, 3), windows.group, True, test)


def beat_class(header: Path) -> tuple[np.ndarray, np.ndarray]:
    signal, ventricular = beat_windows(header, BEATS["V"])
    _, supraventricular = beat_windows(header, BEATS["S"])
    return signal, np.where(ventricular, 2, supraventricular)


TASKS: dict[str, Callable[[Path], Labeled]] = {
    "superclass_I": lambda data: folded("superclass_I", "ptbxl_super_I_cv4", data, SUPERCLASSES),
    "superclass_II": lambda data: folded("superclass_II", "ptbxl_super_II_cv4", data, SUPERCLASSES),
    "one_superclass_I": lambda data: one_superclass("one_superclass_I", "ptbxl_super_I_cv4", data),
    "one_superclass_II": lambda data: one_superclass("one_superclass_II", "ptbxl_super_II_cv4", data),
    "superclass_two_leads": lambda data: folded(
        "superclass_two_leads", "ptbxl_super_two_leads_cv4", data, SUPERCLASSES
    ),
    "superclass_leads": lambda data: folded("superclass_leads", "ptbxl_super_leads_cv4", data, SUPERCLASSES),
    "snomed_I": lambda data: snomed("snomed_I", LEADS["I"], data),
    "snomed_II": lambda data: snomed("snomed_II", LEADS["II"], data),
    "af_I": lambda data: folded("af_I", "ptbxl_af_I_cv4", data, ("no AF", "AF")),
    "cinc2017": lambda data: folded("cinc2017", "cinc2017_cv5", data, tuple(RHYTHMS), pooled=True),
    "beats": lambda data: beats("beats", data),
}


def corpus_of(task: str) -> Corpus:
    """Where a task's labels come from."""
    if task not in TASKS:
        return corpus(task)  # nobody here knows where labels of one's own come from
    return corpus({"beats": "mitdb", "cinc2017": "cinc2017"}.get(task, "ptbxl"))


def own_labeled(labels: str, data: Path, lead: str | None, splits: int) -> Labeled:
    """Labels of one's own (train/data/labels.py) in `splits` folds by subject, where the table names no test."""
    own = read_labels(labels, data, lead)
    print(own.summary())
    return Labeled(
        own.name,
        own.classes,
        own.signal,
        own.truth,
        own.subject,
        own.single,
        own.test,
        own.pooled,
        sample=own.record,
        fold=own.folds(splits) if own.test is None else None,
        validation=own.split == "val" if (own.split == "val").any() else None,
    )


def read_labeled(name: str, data: Path, labels: str | None = None, lead: str | None = None, splits: int = 5) -> Labeled:
    """A task by name, or, where they are given, labels of one's own."""
    if labels:
        return own_labeled(labels, data, lead, splits)
    if name not in TASKS:
        raise InputError(f"task {name!r} is not one of {', '.join(TASKS)}")
    try:
        return TASKS[name](data)
    except OSError as error:
        raise InputError(f"task {name} needs recordings that are not there: {error}") from error
