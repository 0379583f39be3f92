"""Transfer tasks: labels from one dataset, subjects from another, so hospital, device and annotators differ.

This is how an embedding is used on a device, whose own patients nobody labels first. A window of Challenge 2017 has its
recording's label, a window of PTB-XL is the whole recording, and a window of MIT-BIH has the label of its annotations.
"""

from collections.abc import Callable
from pathlib import Path

from train.probes.tasks.base import Task, Windows
from train.probes.tasks.challenges import RHYTHMS, cinc2017
from train.probes.tasks.mitdb import beats, rhythm
from train.probes.tasks.ptbxl import ptbxl, ptbxl_windows, stated

# SCP statements of PTB-XL by kind of beat, and those that leave open which kind it was
PREMATURE = {"V": ("PVC",), "S": ("PAC",)}
UNCLEAR = ("BIGU", "TRIGU", "SVARR", "SVTAC", "PSVT")


def af_of_challenge2017(data: Path) -> Windows:
    windows = cinc2017(data).train
    return Windows(windows.signal, (windows.label == RHYTHMS.index("A")).astype(int), windows.group)


def af_of_ptbxl(data: Path, lead: int) -> Windows:
    return ptbxl(data, lead, "af").train


def premature(data: Path, lead: int, kind: str) -> Windows:
    """Recordings of PTB-XL with a premature beat of the kind against those with none; unclear ones are left out."""
    signal, rows, patient = ptbxl_windows(data, lead)
    label = stated(rows, PREMATURE[kind])
    known = label | ~stated(rows, UNCLEAR)
    return Windows(signal[known], label[known].astype(int), patient[known])


# MIT-BIH's first lead is II (MLII) but for few records, the wearable of Challenge 2017 is held like lead I
TRANSFER_TASKS: dict[str, Callable[[Path], Task]] = {
    "V_ds1_to_ptbxl_II": lambda data: Task(beats(data, "V", "mitdb").train, premature(data, 1, "V")),
    "S_ds1_to_ptbxl_II": lambda data: Task(beats(data, "S", "mitdb").train, premature(data, 1, "S")),
    "af_ds1_to_ptbxl_II": lambda data: Task(rhythm(data).train, af_of_ptbxl(data, 1)),
    "af_ds1_to_cinc2017": lambda data: Task(rhythm(data).train, af_of_challenge2017(data)),
    "af_ptbxl_I_to_cinc2017": lambda data: Task(af_of_ptbxl(data, 0), af_of_challenge2017(data)),
    "af_ptbxl_II_to_ds2": lambda data: Task(af_of_ptbxl(data, 1), rhythm(data).test),
    "af_cinc2017_to_ptbxl_I": lambda data: Task(af_of_challenge2017(data), af_of_ptbxl(data, 0)),
    "af_cinc2017_to_ds2": lambda data: Task(af_of_challenge2017(data), rhythm(data).test),
}
