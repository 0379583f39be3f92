"""The classifier network: an optional encoder, a standardization, a head."""

import numpy as np
import torch
from torch import Tensor, nn

from train.data.front_end import to_input
from train.nets import Encoder, Spec

PIECE = 256  # windows at a time, where no gradient is kept


def encode(encoder: Encoder, x: Tensor) -> Tensor:
    """Windows (N, L) or (N, leads, L) -> (N, dim): leads as channels where the encoder has so many, else the mean of
    their embeddings.
    """
    if x.ndim == 2 or encoder.spec.channels > 1:
        return encoder(x)
    return encoder(x.flatten(0, 1)).unflatten(0, x.shape[:2]).mean(1)


class Classifier(nn.Module):
    """An encoder (or none: then the input is an embedding), its standardization, and a head -> (N, classes) logits.

    The standardization of a frozen embedding stays as `standardize` left it; that of an encoder which is trained is a
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
        return x if self.encoder is None else encode(self.encoder, to_input(x) if x.dtype == torch.uint8 else x)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.norm(self.embed(x)))

    def standardize(self, embedding: Tensor) -> None:
        """Let the head see a mean of 0 and a deviation of 1 on these rows, the training patients'."""
        self.norm.running_mean.copy_(embedding.mean(0))
        self.norm.running_var.copy_(embedding.var(0, unbiased=False))


def linear_head(dim: int, classes: int) -> nn.Linear:
    """A linear layer that starts at zero, so the first prediction favors no class."""
    head = nn.Linear(dim, classes)
    nn.init.zeros_(head.weight)
    nn.init.zeros_(head.bias)
    return head


def mlp(dim: int, classes: int, hidden: int = 64, dropout: float = 0.2) -> nn.Sequential:
    """Linear, batch norm, ReLU, dropout, linear."""
    return nn.Sequential(
        nn.Linear(dim, hidden), nn.BatchNorm1d(hidden), nn.ReLU(), nn.Dropout(dropout), nn.Linear(hidden, classes)
    )


@torch.no_grad()
def random_encoder(spec: Spec, windows: Tensor) -> tuple[Encoder, Tensor]:
    """An encoder with random weights and batch-norm statistics of these windows (N, 1280) uint8, and its embeddings of
    them.
    """
    encoder = Encoder(spec).train()
    embedding = torch.cat([encode(encoder, to_input(piece)) for piece in windows.split(PIECE) if len(piece) > 1])
    return encoder, embedding


@torch.no_grad()
def embed(encoder: Encoder, windows: Tensor) -> Tensor:
    encoder.eval()
    return torch.cat([encode(encoder, to_input(piece)) for piece in windows.split(PIECE)])


@torch.no_grad()
def logits_of(model: Classifier, x: Tensor, rows: np.ndarray) -> Tensor:
    model.eval()
    return torch.cat([model(x[piece]) for piece in torch.from_numpy(rows).split(PIECE)])


def probabilities(logits: Tensor, single: bool) -> np.ndarray:
    return (logits.softmax(1) if single else logits.sigmoid()).double().numpy()
