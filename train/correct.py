"""Correct the embeddings that a classifier confuses, retrain classifiers, and measure whether it helped.

    python train/correct.py --task beats --out runs/correct                   the installed model, MIT-BIH DS1 -> DS2
    python train/correct.py --model my.eecg --task one_superclass_II --losses margin soft_nn sigmoid
    python train/correct.py --labels labels.csv --data CLINIC --out runs/mine        labels of your own
    python train/correct.py --synthetic --noise 4 8 --similarity 0 0.8 --out runs/synthetic
    python train/correct.py --task beats --out runs/correct --resume          continue with the next split

A classifier (MLP, batch norm, class weights) judges training windows of patients it was not fitted on. Windows that it
gets wrong or is unsure of are paired with windows that it gets right (train/correction/mining.py). A correction network
learns from the pairs (train/correction/network.py). MLP, logistic regression and linear SVM are then trained on
original and corrected embeddings and scored on test patients, who were not used before. Embeddings are those of the
exported model.

OUT holds config.json, splits/ (who is on which side, and the predictions of each finished split), scores.json,
maps.png, confusion.png, curves.png and report.md.
"""

import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path

if __package__ in (None, ""):  # run as a script
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    __import__("train")  # says in a sentence what is not installed

import numpy as np
import torch
from tqdm import tqdm

from edgeecg.errors import InputError
from train.classifiers.labeled import Labeled
from train.classifiers.training import Training
from train.correction.classifiers import all_scores, mlp_scores
from train.correction.mining import Pairs, held_out_scores, make_pairs, mine
from train.correction.network import CorrectionOptions, train_correction
from train.correction.report import Finished, write_report
from train.correction.synthetic import synthetic
from train.downstream import maps, predictions
from train.downstream.splits import Split, make_splits, write_splits
from train.downstream.tasks import TASKS, read_labeled
from train.probes.features import features_by_name, models_of
from train.runs.command_line import need_recordings, recordings_folder, run_command
from train.runs.folder import run_folder, write_json

LOSSES = ("margin", "soft_nn", "sigmoid")
FEW = 6  # validation patients: too few to judge one another in folds
FREE = ("data", "out", "resume", "threads", "maps")  # what may differ when a run is resumed


@dataclass(frozen=True)
class Config:
    """Contrastive correction of embeddings."""

    # a bundled name, an .eecg file, encoder.safetensors or a baseline (train/probes/features.py)
    model: str = "default"
    task: str = "beats"  # a task of train/downstream/tasks.py with one label per window
    # instead of the task: a table of labels, or the suffix of annotation files (train/data/labels.py)
    labels: str | None = None
    lead: str | None = None  # lead of those recordings: name, index from 0, or several: I,II; default: first voltage
    losses: tuple[str, ...] = LOSSES
    splits: int = 3
    confidence: float = 0.6  # below this probability of the true class a window is hard
    pairs: int = 4  # true and false pairs per anchor
    classifier: Training = field(default_factory=lambda: Training(epochs=10, least_steps=200))
    correction: CorrectionOptions = field(default_factory=CorrectionOptions)
    maps: tuple[str, ...] = ("PCA", "t-SNE")  # also UMAP, if umap-learn is installed
    synthetic: bool = False  # embeddings from a generator instead of a model and a task
    noise: tuple[float, ...] = (4.0,)  # of the synthetic embeddings; combined with each similarity
    similarity: tuple[float, ...] = (0.5,)
    data: Path | None = field(default_factory=recordings_folder)
    out: Path = Path("runs/correct")
    resume: bool = False  # keep the finished splits of the run in `out`
    seed: int = 0
    threads: int = 1

    def __post_init__(self):
        if not self.synthetic:
            need_recordings(self.data)
        if self.task not in TASKS:
            raise InputError(f"task {self.task!r} is not one of {', '.join(TASKS)}")
        for chosen, known, what in ((self.losses, LOSSES, "loss"), (self.maps, maps.METHODS, "map")):
            for name in chosen:
                if name not in known:
                    raise InputError(f"{what} {name!r} is not one of {', '.join(known)}")
        if self.splits < 2 or self.pairs < 1 or self.threads < 1 or not self.losses:
            raise InputError("splits must be at least 2, pairs and threads at least 1, and one loss is needed")
        if not 0 <= self.confidence < 1:
            raise InputError("confidence lies between 0 and 1 (without 1)")


def sources(config: Config) -> dict[str, tuple[torch.Tensor, Labeled]]:
    """Name -> embeddings (n, dim) and their labels: one task, or every combination of the synthetic knobs."""
    if config.synthetic:
        knobs = [(noise, like) for noise in config.noise for like in config.similarity]
        return {
            f"noise {noise:g}, similarity {like:g}": synthetic(noise, like, seed=config.seed) for noise, like in knobs
        }
    data = read_labeled(config.task, config.data, config.labels, config.lead, config.splits)
    if not data.single or (data.pooled and not config.labels):
        raise InputError(
            f"{data.name} does not have one label a window, as beats, af_I, one_superclass_I and one_superclass_II do"
        )
    x = features_by_name(config.model)(data.signal)
    return {data.name: (torch.from_numpy(np.asarray(x, np.float32)), data)}


def standardized(x: torch.Tensor, train: np.ndarray) -> torch.Tensor:
    return (x - x[train].mean(0)) / x[train].std(0, unbiased=False).clamp(min=1e-4)


def judged(config: Config, x: torch.Tensor, data: Labeled, split: Split, rows: np.ndarray, seed: int) -> np.ndarray:
    """Probabilities of the rows by a classifier that has not met their patients: of folds among themselves, or, where
    few validate, by one of the training patients.
    """
    if rows is split.validation and len(np.unique(data.group[rows])) < FEW:
        return mlp_scores(x, data, split.train, rows, {"shown": rows}, config.classifier, seed)["shown"]
    return held_out_scores(x, data, rows, config.classifier, seed)


def hard_pairs(config: Config, x: torch.Tensor, data: Labeled, split: Split, seed: int) -> tuple[Pairs, Pairs, dict]:
    """Pairs of training and validation patients, and the judging classifier's scores of the training side."""
    rng, made = np.random.default_rng(seed), []
    for rows in (split.train, split.validation):
        p = judged(config, x, data, split, rows, seed)
        made.append(make_pairs(rows, p, data.truth[rows], config.confidence, config.pairs, rng))
        if rows is split.train:
            hard, sure = mine(p, data.truth[rows], config.confidence)
            wrong = p.argmax(1) != data.truth[rows].argmax(1)
            said = {"windows": len(rows), "hard": int(hard.sum()), "wrong": int(wrong.sum()), "sure": int(sure.sum())}
    return *made, said | {"pairs": len(made[0].left)}


def run_split(config: Config, x: torch.Tensor, data: Labeled, split: Split, number: int, out: Path) -> None:
    """Judge, mine, correct, retrain. The file of the split is written last and marks it as finished."""
    seed, label = config.seed + number, data.truth.argmax(1)
    z = standardized(x, split.train)
    training, validation, said = hard_pairs(config, z, data, split, seed)
    forms, extra = {"original": z}, {}
    for name in config.losses:
        model, curves = train_correction(name, z, label, training, validation, config.correction, seed)
        with torch.no_grad():
            forms[name] = torch.cat([model(piece) for piece in z.split(1024)])
        extra |= {f"{name}.{side}": values for side, values in curves.items()}
    for form, embedding in forms.items():
        shown = {"validation": split.validation, "test": split.test}
        for classifier, p in all_scores(embedding, data, split.train, shown, config.classifier, seed).items():
            sides = {side: (rows, p[side]) for side, rows in shown.items()}
            predictions.save(out / f"{number}-{form}-{classifier}.npz", predictions.predict_split(data, number, sides))
    moved = {f"test.{form}": embedding[split.test].numpy() for form, embedding in forms.items()} if number == 0 else {}
    counts = {f"said.{name}": np.array(value) for name, value in said.items()}
    predictions.save_arrays(out / f"{number}.npz", {**extra, **moved, **counts, "label": label[split.test]})


def main(config: Config) -> None:
    torch.set_num_threads(config.threads)
    maps.check(config.maps)
    every = sources(config)
    with run_folder(
        config, FREE, "splits/*/*.npz", models=() if config.synthetic else models_of(config.model), labels=config.labels
    ):
        todo = [(name, number) for name in every for number in range(config.splits)]
        finished = []
        for name, number in tqdm(todo, unit=" splits"):
            x, data = every[name]
            out = config.out / "splits" / name
            out.mkdir(parents=True, exist_ok=True)
            splits = make_splits(data, config.splits, seed=config.seed)
            if number == 0:
                write_splits(out, data, splits)
            if not (out / f"{number}.npz").exists():
                run_split(config, x, data, splits[number], number, out)
            if number == 0:
                finished.append(Finished(name, out, data, config.losses, config.splits))
        text, scores = write_report(config.out, finished, config.maps, f"model {Path(config.model).name}")
        write_json(
            config.out / "scores.json",
            {name: {k: asdict(v) for k, v in score.items()} for name, score in scores.items()},
        )
        print(text.split("## ")[1])
        print(config.out / "report.md")


if __name__ == "__main__":
    run_command(main, Config, __doc__)
