"""Training, validation and test splits, always patient-disjoint."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sklearn.model_selection import GroupKFold

from edgeecg.errors import InputError
from train.classifiers.labeled import Labeled
from train.probes.protocol import subsample_groups
from train.runs.folder import write_text

DRAWS = 50  # of validation patients, until all classes are on both sides


@dataclass(frozen=True)
class Split:
    """Rows of each side; no group is on two sides."""

    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray


def make_splits(data: Labeled, count: int = 5, validation: float = 0.2, seed: int = 0) -> list[Split]:
    """`count` folds by group, or, where the test set is given, `count` draws of the validation groups."""
    rng = np.random.default_rng(seed)
    rows = np.arange(len(data.group))
    if data.fold is not None:
        folds = [np.flatnonzero(data.fold == number) for number in range(count)]
    elif data.test is None:
        if len(np.unique(data.group)) < 2 * count:
            raise InputError(f"{count} splits need at least {2 * count} patients; task {data.name} has fewer")
        folds = [held for _, held in GroupKFold(count, shuffle=True, random_state=seed).split(rows, groups=data.group)]
    else:
        folds = [np.flatnonzero(data.test)] * count
    splits = []
    for test in folds:
        rest = np.setdiff1d(rows, test)
        given = data.validation
        held = given[rest] if given is not None else draw_validation(data, rest, validation, rng)
        splits.append(Split(rest[~held], rest[held], test))
    return splits


def draw_validation(data: Labeled, rows: np.ndarray, share: float, rng: np.random.Generator) -> np.ndarray:
    """Which of the rows validate (bool): of some draws of groups the first with the most classes on both sides."""
    group, truth = data.group[rows], data.truth[rows]
    names = np.unique(group)
    best, most = None, -1
    for _ in range(DRAWS):
        held = np.isin(group, rng.permutation(names)[: max(2, round(share * len(names)))])
        there = int((truth[held].any(0) & truth[~held].any(0)).sum())
        if there > most:
            best, most = held, there
        if most == truth.shape[1]:
            break
    return best


def write_splits(folder: Path, data: Labeled, splits: list[Split]) -> None:
    """FOLDER/split.csv: who trains, validates and is tested in each split."""
    rows = [
        (number, name, side)
        for number, split in enumerate(splits)
        for side in ("train", "validation", "test")
        for name in np.unique(data.group[getattr(split, side)]).tolist()
    ]
    write_text(folder / "split.csv", "\n".join(["split,subject,side", *(f"{a},{b},{c}" for a, b, c in rows)]) + "\n")


def with_labels(data: Labeled, rows: np.ndarray, fraction: float, seed: int) -> np.ndarray:
    """The rows of a fraction of the patients, with at least two classes among them. The other labels are not used."""
    label = data.truth[rows].argmax(1) if data.single else data.truth[rows]
    return rows[subsample_groups(data.group[rows], label, fraction, seed)]
