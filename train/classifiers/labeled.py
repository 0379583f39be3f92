"""Labeled windows for training and testing classifiers."""

from dataclasses import dataclass

import numpy as np

from train.data.front_end import windows_to_bytes


@dataclass(frozen=True)
class Labeled:
    """`signal` (n, 1280) or (n, leads, 1280) float32 mV, `truth` (n, classes) 0/1, `group` (n,) the patient or
    record of each window.

    `single`: each row has exactly one class. `test` (n,) bool: the rows of a test set that is given, None:
    cross-validation, in folds by group or in those of `fold` (n,). `validation` (n,) bool: the rows that validate,
    where that is given. `pooled`: the windows of a `sample` (n,), by default of a group, are one, whose probabilities
    are their mean.
    """

    name: str
    classes: tuple[str, ...]
    signal: np.ndarray
    truth: np.ndarray
    group: np.ndarray
    single: bool
    test: np.ndarray | None = None
    pooled: bool = False
    sample: np.ndarray | None = None
    fold: np.ndarray | None = None
    validation: np.ndarray | None = None

    def bytes(self) -> np.ndarray:
        """The windows after the compiled front end: uint8 of the same shape."""
        return windows_to_bytes(self.signal)

    def pool(self, rows: np.ndarray, p: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """(row, group, truth, p) of the samples that are scored: windows, or the mean of each group's windows."""
        if not self.pooled:
            return rows, self.group[rows], self.truth[rows], p
        sample = self.group if self.sample is None else self.sample
        names, first, inverse = np.unique(sample[rows], return_index=True, return_inverse=True)
        sums = np.zeros((len(names), p.shape[1]))
        np.add.at(sums, inverse, p)
        return first, self.group[rows][first], self.truth[rows][first], sums / np.bincount(inverse)[:, None]


def one_hot(label: np.ndarray, count: int) -> np.ndarray:
    return (np.asarray(label)[:, None] == np.arange(count)).astype(np.int64)
