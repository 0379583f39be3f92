"""Train classifiers with and without a pretrained encoder: linear evaluation and fine-tuning, with few or all labels.

    python train/finetune.py --encoder runs/model/encoder.safetensors --task superclass_II --out runs/superclass
    python train/finetune.py --encoder runs/model/encoder.safetensors --task beats --fractions 1 --training.epochs 5
    python train/finetune.py --encoder default --task snomed_II                     the bundled model, or any .eecg file
    python train/finetune.py --labels labels.csv --data CLINIC --out runs/mine       labels of your own
    python train/finetune.py --labels apn --data DIR/apnea-ecg --splits 3            of annotation files
    python train/finetune.py --arms finetune --fractions 1 --keep --out runs/mine    keeps encoders for train/export.py
    python train/finetune.py --encoder runs/model/encoder.safetensors --out runs/superclass --resume
    python train/finetune.py --encoder runs/new/encoder.safetensors --out runs/new --against runs/superclass

Recordings come from --data or EDGEECG_DATA. A split trains on a fraction (--fractions) of its training patients, keeps
the best validation epoch, freezes the F1 thresholds on validation, and is scored once on its test patients. The
validation patients are the same at every fraction. The arms are in train/downstream/arms.py, the tasks in
train/downstream/tasks.py, tables of labels in train/data/labels.py.

OUT holds config.json, split.csv (which patients are on which side), log.jsonl, TensorBoard events,
cells/ARM-SHARE-SPLIT.npz (predictions and curves of each finished part; --resume continues with the next), curves.png,
confusion.png, scores.json and report.md; with --keep also encoders/SHARE-SPLIT.safetensors.
"""

import sys
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

if __package__ in (None, ""):  # run as a script
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    __import__("train")  # says in a sentence what is not installed

import numpy as np
import torch
from tqdm import tqdm

from edgeecg.constants import RATE, WINDOW
from edgeecg.errors import InputError
from train.classifiers.labeled import Labeled
from train.classifiers.network import logits_of, probabilities
from train.classifiers.training import Training, fit
from train.data.front_end import default_front_end
from train.downstream import predictions
from train.downstream.arms import ARMS, Arms
from train.downstream.report import cell_name, compare, read_run, report, table
from train.downstream.splits import Split, make_splits, with_labels, write_splits
from train.downstream.tasks import TASKS, corpus_of, read_labeled
from train.reporting.provenance import sources, total_hours
from train.runs.checkpoint import save_encoder
from train.runs.command_line import need_recordings, recordings_folder, run_command
from train.runs.folder import Log, run_folder, write_json, write_text
from train.views import Augment, Views, load_noise

FREE = ("data", "out", "resume", "against", "threads")  # what may differ when a run is resumed


@dataclass(frozen=True)
class Config:
    """Linear evaluation and fine-tuning."""

    encoder: str = "default"  # encoder.safetensors of a run, an .eecg file or a bundled model
    task: str = "superclass_II"  # a name in train/downstream/tasks.py
    # instead of the task: a table of labels, or the suffix of annotation files (train/data/labels.py)
    labels: str | None = None
    lead: str | None = None  # lead of those recordings: name, index from 0, or several: I,II; default: first voltage
    arms: tuple[str, ...] = ARMS  # arms of the comparison (train/downstream/arms.py)
    fractions: tuple[float, ...] = (0.01, 0.1, 1.0)  # fractions of the training patients whose labels are used
    splits: int = 5
    training: Training = field(default_factory=Training)
    augment: bool = False  # views (train/views/augment.py) of the windows while an encoder is trained
    data: Path | None = field(default_factory=recordings_folder)
    out: Path = Path("runs/finetune")
    keep: bool = False  # also keep the fine-tuned encoders: OUT/encoders/SHARE-SPLIT.safetensors, for train/export.py
    resume: bool = False  # keep the finished parts of the run in `out`
    against: Path | None = None  # an earlier run, for a paired comparison (train/studies/compare_runs.py)
    seed: int = 0
    threads: int = 1

    def __post_init__(self):
        need_recordings(self.data)
        if self.task not in TASKS:
            raise InputError(f"task {self.task!r} is not one of {', '.join(TASKS)}")
        if not self.arms:
            raise InputError(f"give at least one arm of {', '.join(ARMS)}")
        for arm in self.arms:
            if arm not in ARMS:
                raise InputError(f"arm {arm!r} is not one of {', '.join(ARMS)}")
        if not self.fractions or not all(0 < share <= 1 for share in self.fractions):
            raise InputError("fractions lie above 0 and are at most 1")
        if self.splits < 2 or self.threads < 1 or self.training.epochs < 1 or self.training.batch < 2:
            raise InputError("splits and batch must be at least 2, threads and epochs at least 1")


class Runner:
    """The parts of a run: one classifier an arm, a share of labels and a split."""

    def __init__(self, config: Config, data: Labeled):
        torch.set_num_threads(config.threads)
        self.config, self.data = config, data
        self.arms = Arms(data, config.encoder, config.arms)
        self.splits = make_splits(data, config.splits, seed=config.seed)
        self.cells = [
            (arm, share, number) for share in config.fractions for arm in config.arms for number in range(config.splits)
        ]
        self.folder = config.out / "cells"
        self.noise = load_noise(config.data, default_front_end()) if config.augment else None
        self.views = Augment(Views(p_flip=0.0), self.noise) if config.augment else None

    def train(self, arm: str, share: float, number: int) -> dict:
        """Fit one classifier, write its test predictions; returns the curves."""
        config, split = self.config, self.splits[number]
        rows = with_labels(self.data, split.train, share, seed=config.seed + number)
        start = time.perf_counter()
        x, model = self.arms.start(arm, rows, seed=config.seed + number)
        views = self.views if model.encoder is not None else None
        curves = fit(model, x, self.data, rows, split.validation, config.training, config.seed + number, views)
        result = predictions.predict_split(self.data, number, predict(model, x, self.data, split))
        if config.keep and arm == "finetune":
            path = config.out / "encoders" / f"{share:g}-{number}.safetensors"
            path.parent.mkdir(exist_ok=True)
            steps = config.training.epochs * config.training.steps_of_epoch(len(rows))
            save_encoder(path, model.encoder, self.stated(rows, steps, time.perf_counter() - start))
        predictions.save(self.folder / f"{cell_name(arm, share, number)}.npz", result, **curves)
        return curves

    def stated(self, rows: np.ndarray, steps: int, seconds: float) -> dict:
        """The statements that a model made from an encoder fine-tuned on these windows needs."""
        before = self.arms.pretrained.training()
        hours = len(rows) * WINDOW / RATE / 3600
        found = sources({corpus_of(self.data.name): hours}, "labels", self.noise is not None, before)
        return {
            "objective": f"{before.get('objective', 'an encoder')}; then labels of {self.data.name}",
            "sources": found,
            "hours": total_hours(found, before),
            "steps": before.get("steps", 0) * before.get("processes", 1) + steps,
            "processes": 1,
            "minutes": round(before.get("minutes", 0) + seconds / 60, 1),
        }

    def run(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        epochs = self.config.training.epochs + 1
        todo = [cell for cell in self.cells if not (self.folder / f"{cell_name(*cell)}.npz").exists()]
        done = len(self.cells) - len(todo)
        with Log(self.config.out, done * epochs) as log, tqdm(total=len(self.cells), initial=done, unit=" fits") as bar:
            for arm, share, number in todo:
                bar.set_postfix(arm=arm, labels=f"{share:.0%}", split=number)
                start, curves = time.perf_counter(), self.train(arm, share, number)
                for epoch in range(epochs):
                    values = {f"{arm}/{share:g}/{number}/{name}": float(line[epoch]) for name, line in curves.items()}
                    log.write(bar.n * epochs + epoch + 1, values)
                bar.update()
                bar.set_postfix(arm=arm, seconds=f"{time.perf_counter() - start:.1f}")


def predict(model, x: torch.Tensor, data: Labeled, split: Split) -> dict:
    """Rows and probabilities of the split's validation and test windows."""
    sides = {"validation": split.validation, "test": split.test}
    return {side: (rows, probabilities(logits_of(model, x, rows), data.single)) for side, rows in sides.items()}


def main(config: Config) -> None:
    data = read_labeled(config.task, config.data, config.labels, config.lead, config.splits)
    runner = Runner(config, data)  # a wrong encoder fails before anything is written
    with run_folder(config, FREE, "cells/*.npz", models=(config.encoder,), labels=config.labels):
        write_splits(config.out, data, runner.splits)
        runner.run()
        run = read_run(config.out)
        text = report(run, data.classes)
        if config.against:
            text += f"\n## Against {config.against.name}\n\n{compare(read_run(config.against), run)}"
        write_text(config.out / "report.md", text)
        scores = {
            f"{arm}-{share:g}": {name: asdict(s) for name, s in score.items()}
            for (arm, share), score in run.scores.items()
        }
        write_json(config.out / "scores.json", scores)
        print(table(run))
        print(config.out / "report.md")


if __name__ == "__main__":
    run_command(main, Config, __doc__)
