"""Training of classifiers: class weights, warm-up and cosine, the weights of the best validation kept."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from edgeecg.errors import InputError
from train.classifiers import metrics
from train.classifiers.labeled import Labeled
from train.classifiers.network import Classifier, logits_of, probabilities
from train.engine import Learner, Options, Place, fit_in_memory
from train.engine.optimizers import parameter_groups

CLIP = 5.0  # largest norm of the gradient
Views = Callable[[Tensor, torch.Generator], Tensor]


@dataclass(frozen=True)
class Training:
    """How a classifier is trained."""

    epochs: int = 15  # validations; the best one's weights are kept
    batch: int = 64  # windows a step
    least_steps: int = 300  # least number of updates; with few labels an epoch repeats them
    lr: float = 3e-3  # learning rate of the classifier
    lr_encoder: float = 1e-3  # learning rate of the encoder
    weight_decay: float = 1e-2
    warmup: float = 0.1  # fraction of the steps

    def steps_of_epoch(self, rows: int) -> int:
        """Updates between two validations, on so many windows."""
        return max(1, rows // min(self.batch, rows), -(-self.least_steps // self.epochs))

    def options(self, batch: int, steps: int, epochs: int = 1) -> Options:
        """Options for the engine: the number of epochs and of steps in each."""
        return Options(
            steps=steps * epochs,
            batch=batch,
            lr=self.lr,
            weight_decay=self.weight_decay,
            warmup=self.warmup,
            clip=CLIP,
            device="cpu",
            evaluate_every=steps,
        )


class ClassifierLearner(Learner):
    """A classifier on rows of `x` that `batches` yields, each with its `truth` (n, classes).

    `views` change a training batch of windows. `evaluate()` gives loss, accuracy and AUROC on validation windows.
    """

    stateful = True
    validation_batches = 0

    def __init__(
        self,
        model: Classifier,
        x: Tensor,
        truth: Tensor,
        single: bool,
        batches: Iterator[Tensor],
        loss: Callable[[Tensor, Tensor], Tensor],
        training: Training,
        views: Callable[[Tensor], Tensor] | None = None,
        evaluate: Callable[[], dict[str, float]] | None = None,
    ):
        super().__init__()
        self.classifier, self.x, self.truth, self.single = model, x, truth, single
        self.batches, self.loss, self.training_options = batches, loss, training
        self.views, self.evaluate = views, evaluate
        self.validates = evaluate is not None

    def draw(self, count: int, place: Place) -> dict[str, Tensor]:
        rows = next(self.batches)
        x = self.x[rows] if self.views is None else self.views(self.x[rows])
        return {"x": x, "truth": self.truth[rows]}

    def forward(self, batch: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        logits = self.classifier(batch["x"])
        right = accuracy(logits.detach(), batch["truth"].numpy().astype(np.int64), self.single)
        return self.loss(logits, batch["truth"]), {"accuracy": torch.tensor(right, dtype=torch.float64)}

    def measure(self, batches: list[dict[str, Tensor]]) -> dict[str, float]:
        return {f"validation_{name}": value for name, value in self.evaluate().items()}

    def criterion(self, figures: dict[str, float]) -> float:
        return -figures["validation_auroc"]

    def parameter_groups(self, options: Options) -> list[dict]:
        """The head's and the encoder's, each with its learning rate."""
        groups = []
        for module, rate in (
            (self.classifier.head, self.training_options.lr),
            (self.classifier.encoder, self.training_options.lr_encoder),
        ):
            if module is not None:
                own = parameter_groups(list(module.parameters()), options.weight_decay)
                groups += [group | {"lr": rate} for group in own]
        return groups


def fit(
    model: Classifier,
    x: Tensor,
    data: Labeled,
    train: np.ndarray,
    validation: np.ndarray,
    training: Training,
    seed: int,
    views: Views | None = None,
) -> dict[str, np.ndarray]:
    """Train on the rows `train` of x; returns the curves, one number an epoch (0: before the first update).

    The model is left, in evaluation mode, as it was at the epoch of highest validation macro AUROC. `views` changes
    a training batch of windows. Raises EdgeECGError where the loss is no longer finite.
    """
    generator = torch.Generator().manual_seed(seed)
    truth = torch.from_numpy(data.truth).float()
    loss = class_loss(truth[train], data.single)
    batch = min(training.batch, len(train))
    if batch < 2:
        raise InputError("one labeled window is not enough to train on: use a larger share of the labels")
    steps = training.steps_of_epoch(len(train))
    learner = ClassifierLearner(
        model,
        x,
        truth,
        data.single,
        epochs_of(train, batch, steps, training.epochs, generator),
        loss,
        training,
        None if views is None else lambda windows: views(windows, generator),
        lambda: evaluate(model, x, data, validation, loss),
    )
    before = evaluate(model, x, data, train, loss)
    curves = fit_in_memory(learner, training.options(batch, steps, training.epochs))
    curves[0] |= {name: before[name] for name in ("loss", "accuracy")}
    names = {"loss": "train_loss", "accuracy": "train_accuracy"}
    shown = [name for name in curves[0] if name.startswith("validation_")]
    return {names.get(name, name): np.array([line[name] for line in curves]) for name in (*names, *shown)}


def fit_for(
    model: Classifier, x: Tensor, truth: Tensor, single: bool, training: Training, steps: int, seed: int, views: Views
) -> None:
    """A fixed number of updates on windows x (n, 1280) uint8; keeps the last weights, in evaluation mode."""
    generator = torch.Generator().manual_seed(seed)
    learner = ClassifierLearner(
        model,
        x,
        truth,
        single,
        shuffled_batches(np.arange(len(x)), training.batch, steps, generator),
        class_loss(truth, single),
        training,
        lambda windows: views(windows, generator),
    )
    fit_in_memory(learner, training.options(training.batch, steps))


def class_loss(truth: Tensor, single: bool) -> Callable[[Tensor, Tensor], Tensor]:
    """Cross entropy (one class per row) or a sum of binary ones; each class of `truth` counts equally."""
    count = truth.sum(0).clamp(min=1)
    if single:
        weight = (len(truth) / (truth.shape[1] * count)).clamp(max=20)
        return lambda logits, y: F.cross_entropy(logits, y, weight=weight)
    positive = ((len(truth) - count) / count).clamp(1, 20)
    return lambda logits, y: F.binary_cross_entropy_with_logits(logits, y, pos_weight=positive)


def epochs_of(rows: np.ndarray, size: int, steps: int, epochs: int, generator: torch.Generator) -> Iterator[Tensor]:
    for _ in range(epochs):
        yield from shuffled_batches(rows, size, steps, generator)


def shuffled_batches(rows: np.ndarray, size: int, count: int, generator: torch.Generator) -> Iterator[Tensor]:
    """`count` batches of `size` rows, each row once before any comes again; no batch of one row (batch norm)."""
    rows, order = torch.from_numpy(rows), torch.empty(0, dtype=torch.long)
    for _ in range(count):
        while len(order) < size:
            order = torch.cat([order, torch.randperm(len(rows), generator=generator)])
        yield rows[order[:size]]
        order = order[size:]


def evaluate(model: Classifier, x: Tensor, data: Labeled, rows: np.ndarray, loss) -> dict[str, float]:
    """Loss, accuracy and macro AUROC in evaluation mode."""
    logits = logits_of(model, x, rows)
    value = float(loss(logits, torch.from_numpy(data.truth[rows]).float()))
    _, _, truth, p = data.pool(rows, probabilities(logits, data.single))
    right = accuracy_from_probabilities(truth, p, data.single)
    return {"loss": value, "accuracy": right, "auroc": metrics.mean(metrics.auroc(truth, p))}


def accuracy(logits: Tensor, truth: np.ndarray, single: bool) -> float:
    return accuracy_from_probabilities(truth, probabilities(logits, single), single)


def accuracy_from_probabilities(truth: np.ndarray, p: np.ndarray, single: bool) -> float:
    return metrics.accuracy(truth, metrics.likeliest(p) if single else (p >= 0.5).astype(np.int64), single)
