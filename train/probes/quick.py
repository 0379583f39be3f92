"""A probe that takes seconds and needs no labels: heart rate, rhythm and QRS width from the embedding.

A beat detector (train/targets/beats.py) says of each window whether its heart rate, the variation of its RR intervals
and its QRS width are above the median of all windows. Linear probes predict that from the embedding, for patients they
were not fitted on. This tells a network that learned something from one that did not, and no more: the tasks of
train/probes/tasks have labels made by people.
"""

import numpy as np
from tqdm import tqdm

from edgeecg.constants import RATE
from train.probes.protocol import Score, run_task
from train.probes.tasks.base import Task, Windows
from train.targets import find_beats

QUESTIONS = ("fast", "uneven", "broad")
FOLDS = 4


def beat_labels(y: np.ndarray, quiet: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Front-end bytes (n, 1280) -> labels (n, 3) 0/1 of QUESTIONS, and which rows (n,) bool have enough beats."""
    numbers = np.array([statistics(window) for window in tqdm(y, "beats", disable=quiet, unit=" windows", leave=False)])
    known = np.isfinite(numbers).all(1)
    if not known.any():
        return np.zeros(numbers.shape, int), known
    return (numbers > np.median(numbers[known], 0)).astype(int), known


def statistics(window: np.ndarray) -> np.ndarray:
    """Beats per second, variation of the RR intervals, QRS width; NaN for fewer than four beats."""
    beats = find_beats(window)
    if len(beats.position) < 4:
        return np.full(len(QUESTIONS), np.nan)
    rr = np.diff(beats.position) / RATE
    return np.array([1 / np.median(rr), rr.std() / rr.mean(), np.median(beats.width)])


def quick_probe(embeddings: dict[str, np.ndarray], label: np.ndarray, group: np.ndarray) -> dict[str, Score]:
    """Mean AUC over QUESTIONS of each embedding (n, dim), in folds by group (n,)."""
    folds = min(FOLDS, len(np.unique(group)))
    task = Task(Windows(np.empty(0), label, group), kind="folds", folds=folds)
    return {name: run_task(task, np.asarray(z, float), None) for name, z in embeddings.items()}
