"""The protocol: standardise, L2 logistic regression averaged over four strengths, bootstrap over patients.

Averaging the probabilities of four values of C replaces the choice of one: choosing by cross-validation on few
patients moves some tasks by a tenth.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupKFold
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from edgeecg.errors import InputError
from train.probes.tasks import Task

STRENGTHS = (0.0003, 0.003, 0.03, 0.3)
DRAWS = 200


@dataclass(frozen=True)
class Score:
    """`value` AUC or rank-1 share, `low` and `high` its 95 % bootstrap interval over groups."""

    value: float
    low: float
    high: float


class Probe:
    """A fitted probe. `predict(z)` (n, classes) probabilities."""

    def __init__(self, z: np.ndarray, label: np.ndarray):
        self.scaler = StandardScaler().fit(z)
        x = self.scaler.transform(z)
        self.models = [
            LogisticRegression(C=c, max_iter=400, class_weight="balanced").fit(x, label) for c in STRENGTHS
        ]  # fmt: skip

    def predict(self, z: np.ndarray) -> np.ndarray:
        x = self.scaler.transform(z)
        return np.mean([model.predict_proba(x) for model in self.models], 0)


@threadpool_limits.wrap(limits=1, user_api="blas")  # small matrices: more threads only wait for each other
def run_task(
    task: Task, train: np.ndarray, test: np.ndarray | None, fraction: float = 1.0, seed: int = 0, shown: np.ndarray | None = None
) -> Score:
    """Score features (n, d) of the task's train and test windows. `fraction` of the training groups has labels.

    With folds, `shown` (default: `train`) are the features that the held-out windows are scored by: for a probe that
    is fitted on one form of an embedding and used on another.
    """
    for z in (train, test, shown):
        if z is not None and not np.isfinite(z).all():
            raise InputError("the features hold NaN or infinity")
    if task.kind == "folds":
        return cross_validation(task, train, train if shown is None else shown)
    if task.kind == "identity":
        hit = nearest_centroid(train, task.train.label, test) == task.test.label
        return scored(lambda rows: float(hit[rows].mean()), task.test.group)
    keep = some_groups(task.train.group, task.train.label, fraction, seed)
    p = Probe(train[keep], task.train.label[keep]).predict(test)[:, 1]
    return scored(lambda rows: roc_auc_score(task.test.label[rows], p[rows]), task.test.group)


def some_groups(group: np.ndarray, label: np.ndarray, fraction: float, seed: int) -> np.ndarray:
    """Rows of a random share of the groups, and of as many more as it takes to have both labels."""
    order = np.random.default_rng(seed).permutation(np.unique(group))
    for count in range(max(1, round(fraction * len(order))), len(order) + 1):
        keep = np.isin(group, order[:count])
        if len(np.unique(label[keep])) > 1:
            return keep
    raise InputError("all labels are the same")


def cross_validation(task: Task, z: np.ndarray, shown: np.ndarray) -> Score:
    """Out-of-fold probabilities, groups kept whole; mean AUC over the classes. Fitted on `z`, scored on `shown`."""
    label, group = task.train.label, task.train.group
    if task.pooled:
        names, first = np.unique(group, return_index=True)
        rows = [group == name for name in names]
        z, shown = (np.stack([np.concatenate([v[k].mean(0), v[k].std(0)]) for k in rows]) for v in (z, shown))
        label, group = label[first], names
    many = label.ndim == 2
    classes = np.unique(label) if not many else np.arange(label.shape[1])
    truth = label if many else (label[:, None] == classes).astype(int)
    p = np.zeros(truth.shape)
    for fit, held in GroupKFold(task.folds).split(z, groups=group):
        if many:
            for c in classes:
                p[held, c] = Probe(z[fit], label[fit, c]).predict(shown[held])[:, 1]
        else:
            p[held] = Probe(z[fit], label[fit]).predict(shown[held])
    counted = (1,) if len(classes) == 2 and not many else range(len(classes))
    return scored(lambda rows: float(np.mean([roc_auc_score(truth[rows, c], p[rows, c]) for c in counted])), group)


def nearest_centroid(train: np.ndarray, label: np.ndarray, test: np.ndarray) -> np.ndarray:
    """Label of the class whose mean direction is nearest by cosine; features standardised on the training windows."""
    mean, deviation = train.mean(0), train.std(0) + 1e-6
    train, test = (unit((z - mean) / deviation) for z in (train, test))
    names = np.unique(label)
    centroids = unit(np.stack([train[label == name].mean(0) for name in names]))
    return names[np.argmax(test @ centroids.T, 1)]


def unit(z: np.ndarray) -> np.ndarray:
    return z / (np.linalg.norm(z, axis=1, keepdims=True) + 1e-9)


def scored(measure: Callable[[np.ndarray], float], group: np.ndarray) -> Score:
    """The measure on all rows, and its percentiles over DRAWS draws of groups with replacement."""
    rng, names = np.random.default_rng(0), np.unique(group)
    rows = {name: np.flatnonzero(group == name) for name in names}
    values = []
    for _ in range(DRAWS):
        drawn = np.concatenate([rows[name] for name in rng.choice(names, len(names))])
        try:
            values.append(measure(drawn))
        except ValueError:  # a draw without one of the classes has no AUC
            continue
    values = [v for v in values if np.isfinite(v)]
    low, high = np.percentile(values, [2.5, 97.5]) if values else (np.nan, np.nan)
    return Score(float(measure(np.arange(len(group)))), float(low), float(high))
