"""How much do the MIT-BIH probes depend on single training subjects?

    python train/studies/leave_one_subject_out.py                 the installed model, on the recordings in EDGEECG_DATA
    python train/studies/leave_one_subject_out.py --model my.eecg --data DIR

Twenty-two recordings train the V, S and AF probes of train/evaluate.py. Its intervals are over test patients and hold
the training set fixed. This command leaves out one DS1 recording at a time. Records 201 (DS1) and 202 (DS2) share a
patient; the split is de Chazal's, kept so that scores compare with published ones. Prints Markdown.
"""

import sys
from dataclasses import dataclass, field
from pathlib import Path

if __package__ in (None, ""):  # run as a script
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    __import__("train")  # says in a sentence what is not installed

import numpy as np
from tqdm import tqdm

from train.data.annotations import CLASSES
from train.data.corpora import DS1, DS2
from train.probes.features import encoder
from train.probes.protocol import nearest_centroid, run_task
from train.probes.tasks.base import Task, Windows, headers
from train.probes.tasks.mitdb import BEATS, beats, identity
from train.probes.tasks.registry import read_task
from train.runs.command_line import need_recordings, recordings_folder, run_command

TEACHES, TESTED = DS1.index("201"), DS2.index("202")  # they share a patient
EC57_S = "".join(code for code, name in CLASSES.items() if name == "S")
TAUGHT = {
    "V, DS2": "V_ds1_ds2",
    "S, DS2": "S_ds1_ds2",
    "AF, DS2": "af_ds1_ds2",
    "V, svdb": "V_mitdb_to_svdb",
    "S, svdb": "S_mitdb_to_svdb",
}


@dataclass(frozen=True)
class Config:
    """Leave one training subject out."""

    model: str = "default"  # a bundled name or an .eecg file
    data: Path | None = field(default_factory=recordings_folder)

    def __post_init__(self):
        need_recordings(self.data)


def picked(side: Windows, z: np.ndarray, rows: np.ndarray) -> tuple[Windows, np.ndarray]:
    return Windows(side.signal[rows], side.label[rows], side.group[rows]), z[rows]


def without(
    task: Task, z: tuple[np.ndarray, np.ndarray], teacher: int | None = None, tested: int | None = None
) -> float:
    """The score with one recording of the training side left out, or of the test side. `z`: features of both."""
    train, train_z = picked(task.train, z[0], task.train.group != teacher)
    test, test_z = picked(task.test, z[1], task.test.group != tested)
    return run_task(Task(train, test), train_z, test_z).value


def row(name: str, task: Task, z: tuple[np.ndarray, np.ndarray], bar: tqdm) -> str:
    def scored(**left_out: int) -> float:
        bar.update()
        return without(task, z, **left_out)

    each = [scored(teacher=number) for number in range(len(DS1))]
    low, high = int(np.argmin(each)), int(np.argmax(each))
    cells = [scored(), each[TEACHES]]
    tested = f"{scored(tested=TESTED):.3f}" if name.endswith("DS2") else ""
    said = [*(f"{c:.3f}" for c in cells), tested, f"{each[low]:.3f} ({DS1[low]})", f"{each[high]:.3f} ({DS1[high]})"]
    return f"| {name} | " + " | ".join(text.replace("0.", ".") for text in said) + " |"


def rank_one(task: Task, z: tuple[np.ndarray, np.ndarray], one_man: list[int]) -> tuple[float, float]:
    """Rank-1 accuracy for recordings and for subjects; the recordings `one_man` share a subject."""
    found, truth = nearest_centroid(z[0], task.train.label, z[1]), task.test.label
    same = np.isin(found, one_man) & np.isin(truth, one_man)
    return float((found == truth).mean()), float(((found == truth) | same).mean())


def main(config: Config) -> None:
    embed = encoder(config.model)
    tasks = {title: read_task(name, config.data) for title, name in TAUGHT.items()}
    print(
        "| | all of DS1 | without 201 | tested without 202 | lowest, without | highest, without |\n" + "|---" * 6 + "|"
    )
    with tqdm(total=len(tasks) * (len(DS1) + 2) - 2, unit=" probes", mininterval=0.5) as bar:
        for title, task in tasks.items():
            z = embed(task.train.signal), embed(task.test.signal)
            bar.write(row(title, task, z, bar))
    escape = beats(config.data, "S", "mitdb", EC57_S)
    z = embed(escape.train.signal), embed(escape.test.signal)
    print(
        f"\nS with the beats of EC57 ({EC57_S}; the probe's are {BEATS['S']}), DS1 -> DS2: "
        f"{run_task(escape, *z).value:.3f}"
    )
    people, names = identity(config.data), list(headers(config.data, "mitdb"))  # which are numbered first
    z = embed(people.train.signal), embed(people.test.signal)
    recording, person = rank_one(people, z, [names.index(name) for name in (DS1[TEACHES], DS2[TESTED])])
    print(f"Identity, 126 recordings: {recording:.3f}; 125 people, whoever finds 202 in 201 being right: {person:.3f}")


if __name__ == "__main__":
    run_command(main, Config, __doc__)
