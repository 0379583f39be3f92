"""Classification metrics: truth (n, classes) 0/1, probabilities or decisions of the same shape.

A class without both kinds of rows (or, for F1 and recall, without a positive) has no value; means are over the other
classes.
"""

import numpy as np
from scipy.stats import rankdata
from sklearn.metrics import precision_recall_curve


def auroc(truth: np.ndarray, p: np.ndarray) -> np.ndarray:
    """Area under the ROC curve of each class by its ranks (Mann-Whitney): (classes,), NaN where there is none."""
    ranks, positive = rankdata(p, axis=0), truth.sum(0).astype(float)
    pairs = positive * (len(truth) - positive)
    pairs[pairs == 0] = np.nan
    return ((ranks * truth).sum(0) - positive * (positive + 1) / 2) / pairs


def frozen_thresholds(truth: np.ndarray, p: np.ndarray) -> np.ndarray:
    """The threshold of best F1 of each class (found on validation, used as it is on the test): (classes,)."""
    return np.array([best_threshold(truth[:, c], p[:, c]) for c in range(truth.shape[1])])


def best_threshold(truth: np.ndarray, p: np.ndarray) -> float:
    if not truth.any():
        return 0.5
    precision, recall, threshold = precision_recall_curve(truth, p)
    f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-12)
    return float(threshold[np.argmax(f1[:-1])])


def f1(truth: np.ndarray, decided: np.ndarray) -> np.ndarray:
    hit, total = (truth * decided).sum(0), (truth + decided).sum(0)
    return np.where(truth.any(0), 2 * hit / np.maximum(total, 1), np.nan)


def recall(truth: np.ndarray, decided: np.ndarray) -> np.ndarray:
    positive = truth.sum(0)
    return np.where(positive > 0, (truth * decided).sum(0) / np.maximum(positive, 1), np.nan)


def balanced_accuracy(truth: np.ndarray, decided: np.ndarray, single: bool) -> float:
    """Mean recall of the classes; with several labels a row, mean of sensitivity and specificity of each."""
    sensitivity = recall(truth, decided)
    return mean(sensitivity if single else (sensitivity + recall(1 - truth, 1 - decided)) / 2)


def accuracy(truth: np.ndarray, decided: np.ndarray, single: bool) -> float:
    """Share of rows with the right class; with several labels a row, share of labels that are right."""
    right = truth == decided
    return float(right.all(1).mean() if single else right.mean())


def likeliest(p: np.ndarray) -> np.ndarray:
    """The class of highest probability, as 0/1."""
    return (p.argmax(1)[:, None] == np.arange(p.shape[1])).astype(np.int64)


def confusion(truth: np.ndarray, decided: np.ndarray) -> np.ndarray:
    """(classes, classes): of the rows that have the row's label, the share that was given the column's label."""
    return truth.T @ decided / np.maximum(truth.sum(0), 1)[:, None]


def mean(values: np.ndarray) -> float:
    there = values[np.isfinite(values)]
    return float(there.mean()) if len(there) else float("nan")
