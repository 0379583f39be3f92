"""Every probe task by name, in groups, with the title used in tables."""

from collections.abc import Callable
from pathlib import Path

from edgeecg.errors import InputError
from train.data.labels import read_labels
from train.probes.tasks.base import ALL, Task, Windows
from train.probes.tasks.challenges import cinc2017, quality, quality_of_all, sleep
from train.probes.tasks.mitdb import beats, identity, retrieve, rhythm
from train.probes.tasks.noise import noise
from train.probes.tasks.ptbxl import one_class, ptbxl
from train.probes.tasks.transfer import TRANSFER_TASKS

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

TWO = slice(0, 2)
# Two of the ten with all available leads: how much of a label one lead cannot show
LEADS_TASKS: dict[str, Callable[[Path], Task]] = {
    "quality_seta_leads": lambda data: quality(data, ALL),
    "ptbxl_super_leads_cv4": lambda data: ptbxl(data, ALL, "super"),
    "ptbxl_super_two_leads_cv4": lambda data: ptbxl(data, TWO, "super"),
}

FOLDS = 5  # of labels of one's own
GROUPS = {"more": MORE_TASKS, "transfer": TRANSFER_TASKS, "leads": LEADS_TASKS}

TITLES = {
    "V_ds1_ds2": "V beats, DS1 -> DS2 (AUC)",
    "S_ds1_ds2": "S beats, DS1 -> DS2 (AUC)",
    "V_mitdb_to_svdb": "V beats, DS1 -> svdb (AUC)",
    "S_mitdb_to_svdb": "S beats, DS1 -> svdb (AUC)",
    "quality_seta": "signal quality, Challenge 2011 (AUC)",
    "identity": "identity, 126 recordings (rank-1)",
    "ptbxl_super_I_cv4": "PTB-XL superclasses, lead I (macro AUC)",
    "ptbxl_super_II_cv4": "PTB-XL superclasses, lead II (macro AUC)",
    "ptbxl_af_I_cv4": "AF, PTB-XL lead I (AUC)",
    "cinc2017_cv5": "Challenge 2017, four classes (macro AUC)",
    "af_ds1_ds2": "AF or flutter, DS1 -> DS2 (AUC)",
    "ptbxl_mi_I_cv4": "myocardial infarction, PTB-XL lead I (AUC)",
    "ptbxl_cd_I_cv4": "conduction disturbance, PTB-XL lead I (AUC)",
    "sleep_cv5": "sleep stage, Challenge 2018 (macro AUC)",
    "quality_cv5": "signal quality, Challenge 2011, 5 folds of all (AUC)",
    "noise_type": "kind of noise, 6 dB (macro AUC)",
    "noise_snr": "SNR of noise, four levels (macro AUC)",
    "retrieval_V_between": "V beats found in other people (AUC)",
    "retrieval_V_within": "V beats found in the same recording (AUC)",
    "V_ds1_to_ptbxl_II": "V beats, DS1 -> PTB-XL lead II (AUC)",
    "S_ds1_to_ptbxl_II": "S beats, DS1 -> PTB-XL lead II (AUC)",
    "af_ds1_to_ptbxl_II": "AF, DS1 -> PTB-XL lead II (AUC)",
    "af_ds1_to_cinc2017": "AF, DS1 -> Challenge 2017 (AUC)",
    "af_ptbxl_I_to_cinc2017": "AF, PTB-XL lead I -> Challenge 2017 (AUC)",
    "af_ptbxl_II_to_ds2": "AF, PTB-XL lead II -> DS2 (AUC)",
    "af_cinc2017_to_ptbxl_I": "AF, Challenge 2017 -> PTB-XL lead I (AUC)",
    "af_cinc2017_to_ds2": "AF, Challenge 2017 -> DS2 (AUC)",
    "quality_seta_leads": "signal quality, Challenge 2011, four leads (AUC)",
    "ptbxl_super_two_leads_cv4": "PTB-XL superclasses, leads I and II (macro AUC)",
    "ptbxl_super_leads_cv4": "PTB-XL superclasses, eight leads (macro AUC)",
}


def own_task(labels: str, data: Path, lead: str | None = None) -> Task:
    """A table of one's own, or annotation files (train/data/labels.py), in five folds by subject or its own split."""
    own = read_labels(labels, data, lead)
    print(own.summary())
    label = own.truth.argmax(1) if own.single else own.truth

    def side(rows) -> Windows:
        return Windows(own.signal[rows], label[rows], own.numbers()[rows], own.record[rows])

    if own.test is None:
        return Task(side(ALL), kind="folds", folds=FOLDS, pooled=own.pooled, fold=own.folds(FOLDS))
    return Task(side(~own.test), side(own.test))


def read_task(name: str, data: Path) -> Task:
    """The task's windows, read from the folder `data`. Raises InputError for an unknown name or absent recordings."""
    known = TASKS | MORE_TASKS | LEADS_TASKS | TRANSFER_TASKS
    if name not in known:
        raise InputError(f"task {name!r} is not one of {', '.join(known)}")
    try:
        return known[name](data)
    except OSError as error:
        raise InputError(f"task {name} needs recordings that are not there: {error}") from error
