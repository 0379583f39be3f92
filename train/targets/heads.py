"""The heads of the recipe and their losses. They are discarded after training."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from train.targets.beats import AFTER, BEFORE
from train.targets.signal import SIGNAL
from train.targets.statistics import FRAME, STATISTICS

WIDTHS = {"statistics": len(STATISTICS), "beat": BEFORE + AFTER, "signal": SIGNAL, "noise": 1}
EXISTS = {"statistics": "known", "beat": "known"}  # masks of what has no target


class Heads(nn.Module):
    """Linear maps from a window's pooled features to each target, and from each frame of the trunk to the beat in it.

    Targets are standardized with the moments given to `standardize`, so that every statistic counts equally.
    """

    def __init__(self, dim: int, channels: int):
        super().__init__()
        self.linear = nn.ModuleDict({name: nn.Linear(dim, width) for name, width in WIDTHS.items()})
        self.frame = nn.Linear(channels, 1 + len(FRAME))
        for name, width in WIDTHS.items():
            self.register_buffer(f"{name}_mean", torch.zeros(width))
            self.register_buffer(f"{name}_deviation", torch.ones(width))

    def standardize(self, moments: dict[str, tuple[Tensor, Tensor]]) -> None:
        """`moments`: mean and deviation by target."""
        for name, (mean, deviation) in moments.items():
            getattr(self, f"{name}_mean").copy_(mean)
            getattr(self, f"{name}_deviation").copy_(deviation.clamp(min=1e-3))

    def forward(self, pooled: Tensor, frames: Tensor, targets: dict[str, Tensor]) -> dict[str, Tensor]:
        """Losses by name. pooled (M, dim); frames (M, count, channels); targets (M, width) and `known` (M,)."""
        losses = {}
        for name, layer in self.linear.items():
            target = (targets[name] - getattr(self, f"{name}_mean")) / getattr(self, f"{name}_deviation")
            error = F.smooth_l1_loss(layer(pooled), target.clamp(-5, 5), reduction="none").mean(1)
            losses[name] = weighted(error, targets[EXISTS[name]]) if name in EXISTS else error.mean()
        out, heat = self.frame(frames), targets["heat"]
        known = targets["known"].float()[:, None]
        losses["heat"] = weighted(F.binary_cross_entropy_with_logits(out[..., 0], heat, reduction="none"), known)
        error = F.smooth_l1_loss(out[..., 1:], targets["frame"], reduction="none").mean(-1)
        losses["frame"] = weighted(error, heat * known)
        return losses


def weighted(values: Tensor, weight: Tensor) -> Tensor:
    weight = weight.float().expand_as(values)
    return (values * weight).sum() / weight.sum().clamp(min=1)
