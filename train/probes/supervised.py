"""A fully supervised baseline: the same architecture trained from scratch on each task's training split.

It has the same windows, training side and intervals as the probe, and no pretraining. It trains for a fixed number of
updates of 64 windows with the views of pretraining, at one learning rate for all tasks, and keeps the last weights.
Nothing is tuned, as nothing is tuned for the probe.
"""

from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import nn

from edgeecg.errors import InputError
from train.classifiers.network import Classifier, logits_of, probabilities, random_encoder
from train.classifiers.training import Training, fit_for
from train.data.front_end import default_front_end, windows_to_bytes
from train.nets.edge import edge
from train.probes.protocol import Score, auc_score, folds, rows_of, samples, scored, subsample_groups, truth_of
from train.probes.tasks.base import Task, Windows
from train.views import Augment, Views, load_noise

MET = 1024  # windows that the batch norms have met before training
TRAINING = Training(batch=64, lr=3e-3, lr_encoder=2e-3)


def supervised(task: Task, data: Path, updates: int, fraction: float = 1.0, seed: int = 0) -> Score:
    """The task's score for a network trained on it, with a given number of updates of 64 windows.

    Raises InputError for tasks without training (retrieval).
    """
    if task.kind == "retrieval":
        raise InputError("a supervised network has no place in a task that uses no labels")
    augment = Augment(Views(p_flip=0.0), load_noise(data, default_front_end()))
    train = partial(predictions, views=augment, fraction=fraction, seed=seed, updates=updates)
    if task.kind == "folds":
        return by_folds(task, train)
    p = train(task.train, task.test.signal)
    if task.kind == "identity":
        hit = np.argmax(p, 1) == task.test.label
        return scored(lambda rows: float(hit[rows].mean()), task.test.group)
    return auc_score(truth_of(task.test.label), positive(p), task.test.group)


def by_folds(task: Task, train) -> Score:
    """Out-of-fold probabilities on the probe's folds; those of a pooled record are the mean of its windows'."""
    label, group = samples(task)
    every, truth = task.train, truth_of(label)
    p = np.zeros(truth.shape)
    for fit_rows, held_rows in folds(task):
        inside, held = (np.isin(every.group, group[rows]) for rows in (fit_rows, held_rows))
        known = Windows(every.signal[inside], every.label[inside], every.group[inside])
        found = positive(train(known, every.signal[held]))
        if task.pooled:
            found = np.stack([found[rows].mean(0) for rows in rows_of(every.samples()[held])])
        p[held_rows] = found
    return auc_score(truth, p, group)


def positive(p: np.ndarray) -> np.ndarray:
    """Columns as in `truth_of`: of two classes, the second alone."""
    return p[:, 1:] if p.shape[1] == 2 else p


def predictions(
    known: Windows, shown: np.ndarray, views: Augment, fraction: float, seed: int, updates: int
) -> np.ndarray:
    """Train on `known` (a `fraction` of its groups), return probabilities (n, classes) of the windows `shown`."""
    single = known.label.ndim == 1
    classes = int(known.label.max()) + 1 if single else known.label.shape[1]
    truth = (known.label[:, None] == np.arange(classes)).astype(np.int64) if single else known.label
    rows = np.flatnonzero(subsample_groups(known.group, known.label if single else known.label[:, 0], fraction, seed))
    x = torch.from_numpy(windows_to_bytes(known.signal[rows]))
    model = untrained(x, classes, seed)
    fit_for(model, x, torch.from_numpy(truth[rows]).float(), single, TRAINING, updates, seed, views)
    shown_bytes = torch.from_numpy(windows_to_bytes(shown))
    return probabilities(logits_of(model, shown_bytes, np.arange(len(shown))), single)


def untrained(x: torch.Tensor, classes: int, seed: int) -> Classifier:
    """The default encoder's shape and a linear layer, at random; batch norms have met some windows: an embedding needs
    a size.
    """
    torch.manual_seed(seed)
    encoder, embedding = random_encoder(edge(), x[:MET])
    model = Classifier(nn.Linear(embedding.shape[1], classes), embedding.shape[1], encoder)
    model.standardize(embedding)
    return model
