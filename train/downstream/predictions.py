"""Test predictions of all splits of one classifier: stored in a file, scored with intervals, compared in pairs."""

import io
import os
from dataclasses import dataclass, fields
from functools import cached_property, partial
from pathlib import Path

import numpy as np

from edgeecg.errors import InputError
from train.classifiers import metrics
from train.classifiers.labeled import Labeled
from train.probes.protocol import Score, bootstrap, interval


@dataclass(frozen=True)
class Predictions:
    """(m,) `split`, `row` (of the task, or the group's number where windows are pooled) and `group`; (m, classes)
    `truth`, `p` and `threshold`, the last frozen on the split's validation patients.
    """

    split: np.ndarray
    row: np.ndarray
    group: np.ndarray
    truth: np.ndarray
    p: np.ndarray
    threshold: np.ndarray

    @property
    def decided(self) -> np.ndarray:
        return (self.p >= self.threshold).astype(np.int64)

    @property
    def single(self) -> bool:
        return bool((self.truth.sum(1) == 1).all())

    def drawn(self, measure: str) -> tuple[float, np.ndarray]:
        """A measure's value and its values on the bootstrap draws of the patients, computed once."""
        if measure not in self.known:
            take = partial(MEASURES[measure], self)
            self.known[measure] = take(np.arange(len(self.group))), bootstrap(take, self.group)
        return self.known[measure]

    @cached_property
    def known(self) -> dict[str, tuple[float, np.ndarray]]:
        return {}


def predict_split(data: Labeled, number: int, parts: dict[str, tuple[np.ndarray, np.ndarray]]) -> Predictions:
    """From `parts` "validation" and "test": (rows, probabilities (rows, classes)).

    Thresholds come from validation alone.
    """
    _, _, truth, p = data.pool(*parts["validation"])
    threshold = metrics.frozen_thresholds(truth, p)
    row, group, truth, p = data.pool(*parts["test"])
    return Predictions(np.full(len(row), number), row, group, truth, p, np.tile(threshold, (len(row), 1)))


def join(pieces: list[Predictions]) -> Predictions:
    return Predictions(*(np.concatenate([getattr(piece, f.name) for piece in pieces]) for f in fields(Predictions)))


def by_split(measure, predictions: Predictions, rows: np.ndarray) -> float:
    """The mean over the splits of a measure of each split's rows: models of different splits are not
    ranked together.
    """
    split = predictions.split[rows]
    return metrics.mean(np.array([measure(predictions, rows[split == number]) for number in np.unique(split)]))


def macro_auroc(predictions: Predictions, rows: np.ndarray) -> float:
    return metrics.mean(metrics.auroc(predictions.truth[rows], predictions.p[rows]))


def macro_f1(predictions: Predictions, rows: np.ndarray) -> float:
    """With the thresholds that were frozen on validation."""
    decided = predictions.p[rows] >= predictions.threshold[rows]
    return metrics.mean(metrics.f1(predictions.truth[rows], decided))


def balanced_accuracy(predictions: Predictions, rows: np.ndarray) -> float:
    """Of the likeliest class, or, with several labels a row, of the decisions by the frozen thresholds."""
    truth, p = predictions.truth[rows], predictions.p[rows]
    single = bool((truth.sum(1) == 1).all())
    decided = metrics.likeliest(p) if single else (p >= predictions.threshold[rows]).astype(np.int64)
    return metrics.balanced_accuracy(truth, decided, single)


MEASURES = {
    "macro AUROC": partial(by_split, macro_auroc),
    "macro F1": partial(by_split, macro_f1),
    "balanced accuracy": partial(by_split, balanced_accuracy),
}


def score(predictions: Predictions) -> dict[str, Score]:
    """Each measure with its 95 % bootstrap interval over patients."""
    return {name: interval(*predictions.drawn(name)) for name in MEASURES}


def difference(first: Predictions, second: Predictions, measure: str) -> Score:
    """Second minus first, with the interval of the paired bootstrap: both are measured on the same drawn patients."""
    if not (np.array_equal(first.row, second.row) and np.array_equal(first.split, second.split)):
        raise InputError("only runs on the same windows and splits can be compared in pairs")
    if not (np.array_equal(first.truth, second.truth) and np.array_equal(first.group, second.group)):
        raise InputError("the runs to compare have other labels or patients: they belong to different tasks")
    (one, draws), (other, again) = first.drawn(measure), second.drawn(measure)
    return interval(other - one, again - draws)


def verdict(gap: Score) -> str:
    """The verdict of a difference's interval."""
    return "better" if gap.low > 0 else "worse" if gap.high < 0 else "no difference shown"


def save(path: Path, predictions: Predictions, **curves: np.ndarray) -> None:
    arrays = {f.name: getattr(predictions, f.name) for f in fields(Predictions)}
    save_arrays(path, {**arrays, **{f"curve.{name}": values for name, values in curves.items()}})


def load(path: Path) -> tuple[Predictions, dict[str, np.ndarray]]:
    arrays = load_arrays(path)
    try:
        found = Predictions(*(arrays[f.name] for f in fields(Predictions)))
    except KeyError as error:
        raise InputError(f"{path} does not hold predictions: {error} is missing") from error
    return found, {name[6:]: values for name, values in arrays.items() if name.startswith("curve.")}


def save_arrays(path: Path, arrays: dict[str, np.ndarray]) -> None:
    """Written at once or not at all: a file that is there is complete."""
    packed = io.BytesIO()
    np.savez_compressed(packed, **arrays)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    part.write_bytes(packed.getvalue())
    os.replace(part, path)


def load_arrays(path: Path) -> dict[str, np.ndarray]:
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read as arrays: {error}") from error
