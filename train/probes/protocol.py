"""The protocol: standardize, L2 logistic regression averaged over four strengths, bootstrap over patients.

The probabilities of four values of C are averaged. Choosing one C by cross-validation on few patients moves some tasks
by a tenth.
"""

import warnings
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from edgeecg.errors import InputError
from train.classifiers.metrics import auroc
from train.probes.tasks.base import Task

STRENGTHS = (0.0003, 0.003, 0.03, 0.3)
DRAWS = 200
QUERIES = 10  # windows of a record that are searched for


@dataclass(frozen=True)
class Score:
    """`value` AUC or rank-1 share, `low` and `high` its 95 % bootstrap interval over groups."""

    value: float
    low: float
    high: float

    def text(self, digits: int = 2) -> str:
        """Value and interval as text; the value alone if there is only one group."""
        value = f"{self.value:.{digits}f}"
        return value if self.low == self.high else f"{value} ({self.low:.{digits}f} to {self.high:.{digits}f})"


class Probe:
    """A fitted probe. `predict(z)` (n, classes) probabilities."""

    def __init__(self, z: np.ndarray, label: np.ndarray):
        self.scaler = StandardScaler().fit(z)
        x = self.scaler.transform(z)
        self.models = [LogisticRegression(C=c, max_iter=400, class_weight="balanced").fit(x, label) for c in STRENGTHS]

    def predict(self, z: np.ndarray) -> np.ndarray:
        x = self.scaler.transform(z)
        return np.mean([model.predict_proba(x) for model in self.models], 0)


@threadpool_limits.wrap(limits=1, user_api="blas")  # small matrices: more threads only wait for each other
def run_task(
    task: Task,
    train: np.ndarray,
    test: np.ndarray | None,
    fraction: float = 1.0,
    seed: int = 0,
    shown: np.ndarray | None = None,
) -> Score:
    """Score features (n, d) of the task's train and test windows. `fraction` of the training groups has labels.

    With folds, `shown` (default: `train`) are the features that the held-out windows are scored by: for a probe that
    is fitted on one form of an embedding and used on another.
    """
    for z in (train, test, shown):
        if z is not None and not np.isfinite(z).all():
            raise InputError("the features hold NaN or infinity")
    if task.kind == "retrieval":
        return retrieval(task, train, train if shown is None else shown)
    if task.kind == "identity":
        hit = nearest_centroid(train, task.train.label, test) == task.test.label
        return scored(lambda rows: float(hit[rows].mean()), task.test.group)
    if task.kind == "folds":
        if task.pooled:
            train, shown = (z if z is None else summary(z, task.train.samples()) for z in (train, shown))
        return cross_validation(task, train, train if shown is None else shown, fraction, seed)
    classes = None if task.train.label.ndim == 2 else int(max(task.train.label.max(), task.test.label.max())) + 1
    p = fitted(train, task.train.label, task.train.group, test, fraction, seed, classes)
    return auc_score(truth_of(task.test.label, classes), p, task.test.group)


def fitted(
    z: np.ndarray,
    label: np.ndarray,
    group: np.ndarray,
    shown: np.ndarray,
    fraction: float,
    seed: int,
    classes: int | None = None,
) -> np.ndarray:
    """Probabilities of `shown` by a probe of z: columns as in `truth_of(label)`; several labels a row: a probe each.

    `classes`: how many there are, where `label` may lack the last ones.
    """
    if label.ndim == 2:
        columns = [fitted(z, column, group, shown, fraction, seed, 2) for column in label.T]
        return np.concatenate(columns, 1)
    keep = subsample_groups(group, label, fraction, seed)
    known = np.unique(label[keep])
    p = np.zeros((len(shown), classes or int(label.max()) + 1))
    p[:, known] = Probe(z[keep], label[keep]).predict(shown) if len(known) > 1 else 1.0
    return p[:, 1:] if p.shape[1] == 2 else p


def truth_of(label: np.ndarray, classes: int | None = None) -> np.ndarray:
    """Labels as columns of 0/1, one a class; of two classes, the second alone."""
    if label.ndim == 2:
        return label
    truth = (label[:, None] == np.arange(classes or int(label.max()) + 1)).astype(int)
    return truth[:, 1:] if truth.shape[1] == 2 else truth


def auc_score(truth: np.ndarray, p: np.ndarray, group: np.ndarray) -> Score:
    """Mean AUC over the columns."""
    columns = [c for c in range(truth.shape[1]) if 0 < truth[:, c].sum() < len(truth)]
    if not columns:
        raise InputError("no class is there that some of the tested have and others have not")
    truth, p = truth[:, columns], p[:, columns]
    return scored(lambda rows: float(auroc(truth[rows], p[rows]).mean()), group)  # NaN if a class is all or nothing


def subsample_groups(group: np.ndarray, label: np.ndarray, fraction: float, seed: int) -> np.ndarray:
    """Rows of a random fraction of the groups, plus more groups until there are two labels."""
    if fraction == 1:
        return np.ones(len(group), bool)
    order = np.random.default_rng(seed).permutation(np.unique(group))
    for count in range(max(1, round(fraction * len(order))), len(order) + 1):
        keep = np.isin(group, order[:count])
        if len(np.unique(label[keep])) > 1:
            return keep
    raise InputError("all labels are the same")


def summary(z: np.ndarray, group: np.ndarray) -> np.ndarray:
    """Mean and deviation of the windows of each group, in the order of their names: (groups, 2 d)."""
    return np.stack([np.concatenate([z[rows].mean(0), z[rows].std(0)]) for rows in rows_of(group)])


def rows_of(group: np.ndarray) -> list[np.ndarray]:
    return [np.flatnonzero(group == name) for name in np.unique(group)]


def samples(task: Task) -> tuple[np.ndarray, np.ndarray]:
    """Label and group of the samples that folds divide: windows, or pooled records."""
    label, group = task.train.label, task.train.group
    if not task.pooled:
        return label, group
    _, first = np.unique(task.train.samples(), return_index=True)
    return label[first], group[first]


def folds(task: Task) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Rows of what `samples` gives: to fit on, and held out; groups are whole."""
    _, group = samples(task)
    if task.fold is None:
        yield from GroupKFold(task.folds).split(group, groups=group)
        return
    fold = task.fold
    if task.pooled:
        fold = fold[np.unique(task.train.samples(), return_index=True)[1]]
    for number in range(task.folds):
        yield np.flatnonzero(fold != number), np.flatnonzero(fold == number)


def cross_validation(task: Task, z: np.ndarray, shown: np.ndarray, fraction: float = 1.0, seed: int = 0) -> Score:
    """Out-of-fold probabilities, groups kept whole; mean AUC over the classes. Fitted on `z`, scored on `shown`."""
    label, group = samples(task)
    truth = truth_of(label)
    p = np.zeros(truth.shape)
    for fit, held in folds(task):
        classes = None if label.ndim == 2 else int(label.max()) + 1
        p[held] = fitted(z[fit], label[fit], group[fit], shown[held], fraction, seed, classes)
    return auc_score(truth, p, group)


def retrieval(task: Task, base: np.ndarray, queries: np.ndarray) -> Score:
    """Mean over the positive windows of the AUC with which cosine similarity ranks the other windows of their kind.

    `task.within`: ranked are the windows of the query's own record, else those of all other records. No label is used:
    dimensions are standardized and that is all. Records without both kinds ask and answer nothing within themselves.
    """
    label, group = task.train.label, task.train.group
    mean, deviation = base.mean(0), base.std(0) + 1e-6
    base, queries = (unit((z - mean) / deviation) for z in (base, queries))
    asked = np.concatenate([some(rows[label[rows] == 1], QUERIES) for rows in rows_of(group)])
    values = np.full(len(asked), np.nan)
    for number, row in enumerate(asked):
        ranked = (group == group[row]) == task.within
        ranked[row] = False
        if 0 < label[ranked].sum() < ranked.sum():
            values[number] = auroc(label[ranked, None], (base[ranked] @ queries[row])[:, None])[0]
    known = np.isfinite(values)
    if not known.any():
        raise InputError("no record holds both kinds of windows")
    return scored(lambda rows: float(values[known][rows].mean()), group[asked][known])


def some(rows: np.ndarray, count: int) -> np.ndarray:
    """At most `count` of the rows, evenly spread."""
    return rows if len(rows) <= count else rows[np.linspace(0, len(rows) - 1, count).astype(int)]


def nearest_centroid(train: np.ndarray, label: np.ndarray, test: np.ndarray) -> np.ndarray:
    """Label of the class whose mean direction is nearest by cosine; features standardized on the training windows."""
    mean, deviation = train.mean(0), train.std(0) + 1e-6
    train, test = (unit((z - mean) / deviation) for z in (train, test))
    names = np.unique(label)
    centroids = unit(np.stack([train[label == name].mean(0) for name in names]))
    return names[np.argmax(test @ centroids.T, 1)]


def unit(z: np.ndarray) -> np.ndarray:
    return z / (np.linalg.norm(z, axis=1, keepdims=True) + 1e-9)


def row_cosines(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(n,): of the rows of a with those of b, (n, d) each."""
    return (a * b).sum(1) / np.maximum(np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1), 1e-12)


def scored(measure: Callable[[np.ndarray], float], group: np.ndarray) -> Score:
    """The measure on all rows, and its percentiles over DRAWS draws of groups with replacement."""
    return interval(float(measure(np.arange(len(group)))), bootstrap(measure, group))


def bootstrap(measure: Callable[[np.ndarray], float], group: np.ndarray) -> np.ndarray:
    """The measure on DRAWS draws of groups, the same for every measure of these groups; NaN where a draw has none."""
    rng, names = np.random.default_rng(0), np.unique(group)
    rows = {name: np.flatnonzero(group == name) for name in names}
    values = np.full(DRAWS, np.nan)
    for number in range(DRAWS):
        drawn = np.concatenate([rows[name] for name in rng.choice(names, len(names))])
        with suppress(ValueError), warnings.catch_warnings():  # a draw without one of the classes has no AUC
            warnings.simplefilter("ignore", UndefinedMetricWarning)  # what newer scikit-learn says of it, beside NaN
            values[number] = measure(drawn)
    return values


def interval(value: float, draws: np.ndarray) -> Score:
    known = draws[np.isfinite(draws)]
    low, high = np.percentile(known, [2.5, 97.5]) if len(known) else (np.nan, np.nan)
    return Score(value, float(low), float(high))
