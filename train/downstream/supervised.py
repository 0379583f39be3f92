"""What the encoder's shape reaches when labels train all of it: a network from random weights on each task's own split.

The twin of a probe: same windows, same training side, same interval; no pretraining. So many updates of BATCH windows
under the views of pretraining, one learning rate for all tasks, the last weights count: nothing is tuned, as nothing of
the probe is.
"""

from functools import partial
from pathlib import Path

import numpy as np
import torch
from sklearn.model_selection import GroupKFold
from torch import nn

from edgeecg.constants import RATE
from edgeecg.errors import InputError
from train.data.front_end import default_front_end, front_end_reader, to_input
from train.downstream.fit import (
    Classifier,
    Training,
    batches,
    class_loss,
    logits_of,
    make_optimiser,
    probabilities,
)
from train.engine.optimizers import schedule
from train.nets import Encoder
from train.nets.edge import edge
from train.probes.protocol import Score, auc_score, rows_of, samples, scored, some_groups, truth_of
from train.probes.tasks.base import Task, Windows
from train.views import Augment, Views, load_noise

BATCH = 64
TRAINING = Training(lr=3e-3, lr_encoder=2e-3)


def supervised(task: Task, data: Path, updates: int, fraction: float = 1.0, seed: int = 0) -> Score:
    """The task's score for a network trained on it by so many updates of BATCH windows.

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
    for fit_rows, held_rows in GroupKFold(task.folds).split(group, groups=group):
        inside, held = (np.isin(every.group, group[rows]) for rows in (fit_rows, held_rows))
        known = Windows(every.signal[inside], every.label[inside], every.group[inside])
        found = positive(train(known, every.signal[held]))
        if task.pooled:
            found = np.stack([found[rows].mean(0) for rows in rows_of(every.group[held])])
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
    rows = np.flatnonzero(some_groups(known.group, known.label if single else known.label[:, 0], fraction, seed))
    x = front_end_bytes(known.signal[rows])
    model = untrained(x, classes, seed)
    learn(model, x, torch.from_numpy(truth[rows]).float(), single, views, seed, updates)
    return probabilities(logits_of(model, front_end_bytes(shown), np.arange(len(shown))), single)


def learn(
    model: Classifier, x: torch.Tensor, truth: torch.Tensor, single: bool, views: Augment, seed: int, updates: int
) -> None:
    """So many updates on the windows x (n, 1280) bytes; the model is left in evaluation mode."""
    generator, loss_of = torch.Generator().manual_seed(seed), class_loss(truth, single)
    optimiser, rates = make_optimiser(model, TRAINING)
    model.train()
    for number, rows in enumerate(batches(np.arange(len(x)), BATCH, updates, generator), 1):
        for group, rate in zip(optimiser.param_groups, rates, strict=True):
            group["lr"] = rate * schedule(number, updates, TRAINING.warmup)
        loss = loss_of(model(views(x[rows], generator)), truth[rows])
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimiser.step()
    model.eval()


def front_end_bytes(signal: np.ndarray) -> torch.Tensor:
    read = front_end_reader(default_front_end())
    return torch.from_numpy(np.stack([read(window, RATE)[:, 0] for window in signal]))


def untrained(x: torch.Tensor, classes: int, seed: int) -> Classifier:
    """The default encoder's shape and a linear layer, at random; batch norms have met some windows: an embedding needs
    a size.
    """
    torch.manual_seed(seed)
    encoder = Encoder(edge()).train()
    with torch.no_grad():
        embedding = torch.cat([encoder(to_input(piece)) for piece in x[:1024].split(256) if len(piece) > 1])
    model = Classifier(nn.Linear(embedding.shape[1], classes), embedding.shape[1], encoder)
    model.standardise(embedding)
    return model
