"""One training loop for every classifier here: class weights, warm-up and cosine, the state of best validation kept."""

import copy
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from edgeecg.errors import EdgeECGError, InputError
from train.data.front_end import to_input
from train.downstream import metrics
from train.downstream.predictions import pooled
from train.downstream.tasks import Labelled
from train.engine.optimizers import parameter_groups, schedule
from train.nets import Encoder


@dataclass(frozen=True)
class Training:
    """How a classifier is trained."""

    epochs: int = 15  # validations; the best one's weights are kept
    batch: int = 64  # windows a step
    least_steps: int = 300  # updates at the least: where labels are few, an epoch goes over them several times
    lr: float = 3e-3  # of the classifier
    lr_encoder: float = 1e-3  # of the encoder's weights
    weight_decay: float = 1e-2
    warmup: float = 0.1  # share of the steps


class Classifier(nn.Module):
    """An encoder (or none: then the input is an embedding), its standardisation, and a head -> (N, classes) logits.

    The standardisation of a frozen embedding stays as `standardise` left it; that of an encoder which is trained is a
    batch norm that follows it.
    """

    def __init__(self, head: nn.Module, dim: int, encoder: Encoder | None = None):
        super().__init__()
        self.encoder, self.head = encoder, head
        self.norm = nn.BatchNorm1d(dim, affine=False)

    def train(self, mode: bool = True) -> "Classifier":
        super().train(mode)
        self.norm.train(mode and self.encoder is not None)
        return self

    def embed(self, x: Tensor) -> Tensor:
        if self.encoder is None:
            return x
        return self.encoder(to_input(x) if x.dtype == torch.uint8 else x)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.norm(self.embed(x)))

    def standardise(self, embedding: Tensor) -> None:
        """Let the head see a mean of 0 and a deviation of 1 on these rows, the training patients'."""
        self.norm.running_mean.copy_(embedding.mean(0))
        self.norm.running_var.copy_(embedding.var(0, unbiased=False))


def mlp(dim: int, classes: int, hidden: int = 64, dropout: float = 0.2) -> nn.Sequential:
    """Linear, batch norm, ReLU, dropout, linear."""
    return nn.Sequential(
        nn.Linear(dim, hidden), nn.BatchNorm1d(hidden), nn.ReLU(), nn.Dropout(dropout), nn.Linear(hidden, classes)
    )


def class_loss(truth: Tensor, single: bool) -> Callable[[Tensor, Tensor], Tensor]:
    """Cross entropy (one class a row) or a sum of binary ones, weighted so that each class counts alike in `truth`."""
    count = truth.sum(0).clamp(min=1)
    if single:
        weight = (len(truth) / (truth.shape[1] * count)).clamp(max=20)
        return lambda logits, y: F.cross_entropy(logits, y, weight=weight)
    positive = ((len(truth) - count) / count).clamp(1, 20)
    return lambda logits, y: F.binary_cross_entropy_with_logits(logits, y, pos_weight=positive)


def probabilities(logits: Tensor, single: bool) -> np.ndarray:
    return (logits.softmax(1) if single else logits.sigmoid()).double().numpy()


@torch.no_grad()
def logits_of(model: Classifier, x: Tensor, rows: np.ndarray) -> Tensor:
    model.eval()
    return torch.cat([model(x[piece]) for piece in torch.from_numpy(rows).split(256)])


def fit(
    model: Classifier,
    x: Tensor,
    data: Labelled,
    train: np.ndarray,
    validation: np.ndarray,
    training: Training,
    seed: int,
    views: Callable[[Tensor, torch.Generator], Tensor] | None = None,
) -> dict[str, np.ndarray]:
    """Train on the rows `train` of x; returns the curves, one number an epoch (0: before the first update).

    The model is left, in evaluation mode, as it was at the epoch of highest validation macro AUROC. `views` changes
    a training batch of windows. Raises EdgeECGError where the loss is no longer finite.
    """
    generator = torch.Generator().manual_seed(seed)
    truth = torch.from_numpy(data.truth).float()
    loss_of = class_loss(truth[train], data.single)
    update = Updates(model, loss_of, training)
    batch = min(training.batch, len(train))
    if batch < 2:
        raise InputError("one labelled window is not enough to train on: use a larger share of the labels")
    steps = max(1, len(train) // batch, -(-training.least_steps // training.epochs))
    total = steps * training.epochs
    start = look(model, x, data, validation, loss_of)
    seen = look(model, x, data, train, loss_of)
    curves = [{"train_loss": seen["loss"], "train_accuracy": seen["accuracy"], **prefixed(start)}]
    best, state = start["auroc"], copy.deepcopy(model.state_dict())
    for _ in range(training.epochs):
        model.train()
        losses, right = [], []
        for rows in batches(train, batch, steps, generator):
            loss, logits = update(x[rows] if views is None else views(x[rows], generator), truth[rows], total)
            losses.append(loss)
            right.append(accuracy(logits, data.truth[rows.numpy()], data.single))
        if not np.isfinite(losses).all():
            raise EdgeECGError(
                "the classifier's training ran away to numbers that are not finite: lower the learning rates"
            )
        now = look(model, x, data, validation, loss_of)
        curves.append({"train_loss": np.mean(losses), "train_accuracy": np.mean(right), **prefixed(now)})
        if now["auroc"] > best or not np.isfinite(best):
            best, state = now["auroc"], copy.deepcopy(model.state_dict())
    model.load_state_dict(state)
    model.eval()
    return {name: np.array([line[name] for line in curves]) for name in curves[0]}


class Updates:
    """Counts the updates of a classifier, whose learning rates follow from the number."""

    def __init__(self, model: Classifier, loss_of: Callable[[Tensor, Tensor], Tensor], training: Training):
        self.model, self.loss_of, self.warmup = model, loss_of, training.warmup
        self.optimiser, self.rates = make_optimiser(model, training)
        self.number = 0

    def __call__(self, inputs: Tensor, truth: Tensor, total: int) -> tuple[float, Tensor]:
        """One more of `total`; returns the loss and the logits before it."""
        self.number += 1
        for group, rate in zip(self.optimiser.param_groups, self.rates, strict=True):
            group["lr"] = rate * schedule(self.number, total, self.warmup)
        logits = self.model(inputs)
        loss = self.loss_of(logits, truth)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), 5.0)
        self.optimiser.step()
        return float(loss.detach()), logits.detach()


def make_optimiser(model: Classifier, training: Training) -> tuple[torch.optim.Optimizer, list[float]]:
    """AdamW, and the full learning rate of each of its groups of parameters."""
    groups = parameter_groups(list(model.head.parameters()), training.weight_decay)
    rates = [training.lr] * len(groups)
    if model.encoder is not None:
        own = parameter_groups(list(model.encoder.parameters()), training.weight_decay)
        groups, rates = groups + own, rates + [training.lr_encoder] * len(own)
    kept = [(group, rate) for group, rate in zip(groups, rates, strict=True) if group["params"]]
    return torch.optim.AdamW([group for group, _ in kept], lr=training.lr), [rate for _, rate in kept]


def batches(rows: np.ndarray, size: int, count: int, generator: torch.Generator):
    """`count` batches of `size` rows, each row once before any comes again; no batch of one row (batch norm)."""
    rows, order = torch.from_numpy(rows), torch.empty(0, dtype=torch.long)
    for _ in range(count):
        while len(order) < size:
            order = torch.cat([order, torch.randperm(len(rows), generator=generator)])
        yield rows[order[:size]]
        order = order[size:]


def look(model: Classifier, x: Tensor, data: Labelled, rows: np.ndarray, loss_of) -> dict[str, float]:
    """Loss, accuracy and macro AUROC in evaluation mode."""
    logits = logits_of(model, x, rows)
    loss = float(loss_of(logits, torch.from_numpy(data.truth[rows]).float()))
    _, _, truth, p = pooled(data, rows, probabilities(logits, data.single))
    return {
        "loss": loss,
        "accuracy": decided_right(truth, p, data.single),
        "auroc": metrics.mean(metrics.auroc(truth, p)),
    }


def accuracy(logits: Tensor, truth: np.ndarray, single: bool) -> float:
    return decided_right(truth, probabilities(logits, single), single)


def decided_right(truth: np.ndarray, p: np.ndarray, single: bool) -> float:
    return metrics.accuracy(truth, metrics.likeliest(p) if single else (p >= 0.5).astype(np.int64), single)


def prefixed(values: dict[str, float]) -> dict[str, float]:
    return {f"validation_{name}": value for name, value in values.items()}
