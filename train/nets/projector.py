"""The projector on top of an embedding, discarded after pretraining."""

from torch import nn


def make_projector(dim: int, widths: tuple[int, ...]) -> nn.Sequential:
    """Linear, batch norm, ReLU for each width but the last, which is linear (Zbontar et al., 2021)."""
    layers: list[nn.Module] = []
    for position, width in enumerate(widths):
        last = position == len(widths) - 1
        layers.append(nn.Linear(dim, width, bias=last))
        layers += [] if last else [nn.BatchNorm1d(width), nn.ReLU()]
        dim = width
    return nn.Sequential(*layers)
