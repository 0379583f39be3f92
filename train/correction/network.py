"""The correction: an embedding plus the output of a small network, trained on hard pairs by a contrastive loss.

It starts as the identity. The losses are those of edgeecg.losses: margin (Hadsell et al., 2006), soft nearest neighbor
(Frosst et al., 2019) and pairwise sigmoid (Zhai et al., 2023).
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from edgeecg import losses
from train.classifiers.training import epochs_of
from train.correction.mining import Pairs
from train.engine import Learner, Options, Place, fit_in_memory
from train.objectives.autograd import evaluate

WARMUP = 0.1  # share of the steps


@dataclass(frozen=True)
class CorrectionOptions:
    """The network and its losses; distances are of embeddings divided by the root of their dimension."""

    hidden: int = 256
    epochs: int = 15  # validations; the best one's weights are kept
    batch: int = 256  # pairs a step
    lr: float = 1e-3
    weight_decay: float = 1e-3
    margin: float = 2.0  # of the margin loss; unrelated windows are about 1.4 apart
    soft_temperature: float = 0.5  # of the soft nearest neighbor loss, squared distance
    temperature: float = 0.2  # of the sigmoid loss, cosine
    bias: float = -2.0  # of the sigmoid loss: unrelated pairs count as different
    stay: float = 0.1  # weight of the correction's mean square


class Correction(nn.Module):
    """z (N, dim) standardized -> z plus a correction: linear, batch norm, ReLU, linear from zero."""

    def __init__(self, dim: int, hidden: int):
        super().__init__()
        self.add = nn.Sequential(nn.Linear(dim, hidden), nn.BatchNorm1d(hidden), nn.ReLU(), nn.Linear(hidden, dim))
        nn.init.zeros_(self.add[-1].weight)
        nn.init.zeros_(self.add[-1].bias)

    def forward(self, z: Tensor) -> Tensor:
        return z + self.add(z)


class PairLoss:
    """A loss by name on a batch of pairs. `label` (n,) is the class of every row of the task."""

    def __init__(self, name: str, label: np.ndarray, options: CorrectionOptions):
        self.label, self.options = label, options
        self.value = {"margin": self.margin, "soft_nn": self.soft_nn, "sigmoid": self.sigmoid}[name]

    def __call__(self, model: Correction, x: Tensor, pairs: Pairs, at: np.ndarray) -> Tensor:
        left, right = x[pairs.left[at]], x[pairs.right[at]]
        both = torch.cat([left, right])
        moved = model(both)
        first, second = (moved / both.shape[1] ** 0.5).chunk(2)
        loss = self.value(first, second, pairs, at)
        return loss + self.options.stay * (moved - both).square().mean()

    def margin(self, first: Tensor, second: Tensor, pairs: Pairs, at: np.ndarray) -> Tensor:
        different = pairs.different[at].astype(np.float32)
        return evaluate(losses.siamese_contrastive, first, second, different=different, margin=self.options.margin)

    def soft_nn(self, first: Tensor, second: Tensor, pairs: Pairs, at: np.ndarray) -> Tensor:
        """All windows of the batch together: those of one class are neighbors to be."""
        rows = np.concatenate([pairs.left[at], pairs.right[at]])
        _, place = np.unique(rows, return_index=True)  # a window twice would be its own nearest neighbor
        temperature = self.options.soft_temperature
        every = torch.cat([first, second])[place]
        return evaluate(losses.soft_nearest_neighbor, every, labels=self.label[rows[place]], temperature=temperature)

    def sigmoid(self, first: Tensor, second: Tensor, pairs: Pairs, at: np.ndarray) -> Tensor:
        """True pairs side by side: every window of one against every window of the other, positive
        where classes agree.
        """
        same = np.flatnonzero(pairs.different[at] == 0)
        if not len(same):
            return first.sum() * 0.0
        return evaluate(
            sigmoid_value,
            first[same],
            second[same],
            labels=self.label[pairs.left[at][same]],
            temperature=self.options.temperature,
            bias=self.options.bias,
        )


def sigmoid_value(z1: np.ndarray, z2: np.ndarray, **options) -> tuple:
    """The kernel, a mean over pairs of a batch's size, without the gradients of temperature and bias:
    they are given.
    """
    value, gradients = losses.sigmoid_contrastive(z1, z2, **options)
    return value / len(z1), tuple(g / len(z1) for g in gradients[:2])


class CorrectionLearner(Learner):
    """A correction on pairs of `training`; its validation loss is that of all pairs of `validation`."""

    stateful = True
    validates = True
    validation_batches = 0

    def __init__(self, model: Correction, loss: PairLoss, x: Tensor, training: Pairs, validation: Pairs, seed: int):
        super().__init__()
        self.correction, self.loss, self.x, self.pairs, self.validation = model, loss, x, training, validation
        options, generator = loss.options, torch.Generator().manual_seed(seed)
        self.size = min(options.batch, len(training.left))
        self.steps = max(1, len(training.left) // self.size)
        self.batches = epochs_of(np.arange(len(training.left)), self.size, self.steps, options.epochs, generator)
        self.checks = fixed_batches(validation, options.batch, seed)

    def draw(self, count: int, place: Place) -> dict[str, Tensor]:
        return {"at": next(self.batches)}

    def forward(self, batch: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        return self.loss(self.correction, self.x, self.pairs, batch["at"].numpy()), {}

    def measure(self, batches: list[dict[str, Tensor]]) -> dict[str, float]:
        return {"validation_loss": mean_loss(self.loss, self.correction, self.x, self.validation, self.checks)}

    def parameter_groups(self, options: Options) -> list[dict]:
        return [{"params": list(self.parameters()), "weight_decay": options.weight_decay}]


def train_correction(
    name: str, x: Tensor, label: np.ndarray, training: Pairs, validation: Pairs, options: CorrectionOptions, seed: int
) -> tuple[Correction, dict[str, np.ndarray]]:
    """The network of lowest validation loss, in evaluation mode, and the curves of both losses by epoch.

    Epoch 0 is the identity: where nothing that is learned holds on validation patients, embeddings stay as they are.
    """
    torch.manual_seed(seed)
    model, loss = Correction(x.shape[1], options.hidden), PairLoss(name, label, options)
    learner = CorrectionLearner(model, loss, x, training, validation, seed)
    before = mean_loss(loss, model, x, training, fixed_batches(training, options.batch, seed))
    curves = fit_in_memory(
        learner,
        Options(
            steps=learner.steps * options.epochs,
            batch=learner.size,
            lr=options.lr,
            weight_decay=options.weight_decay,
            warmup=WARMUP,
            clip=math.inf,
            device="cpu",
            evaluate_every=learner.steps,
        ),
    )
    curves[0]["loss"] = before
    names = {"train": "loss", "validation": "validation_loss"}
    return model, {side: np.array([line[name] for line in curves]) for side, name in names.items()}


@torch.no_grad()
def mean_loss(loss_of: PairLoss, model: Correction, x: Tensor, pairs: Pairs, parts: list[np.ndarray]) -> float:
    model.eval()
    return float(np.mean([float(loss_of(model, x, pairs, at)) for at in parts]))


def fixed_batches(pairs: Pairs, size: int, seed: int) -> list[np.ndarray]:
    order = np.random.default_rng(seed).permutation(len(pairs.left))
    return np.array_split(order, -(-len(order) // size))
