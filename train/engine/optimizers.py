"""AdamW and LARS, and the schedule that both follow."""

import math

import torch
from torch import Tensor, nn

MOMENTUM = 0.9  # of LARS
SMALL = 0.0048 / 0.2  # LARS: the rate of biases and norms over that of weights, as in Barlow Twins


class LARS(torch.optim.Optimizer):
    """Layer-wise adaptive rate scaling (You, Gitman, Ginsburg, "Large Batch Training of Convolutional Networks", 2017).

    Each tensor's step is scaled by `eta` times the norm of its weights over the norm of its gradient, weight decay
    included; then momentum. A group with `adapt` False (biases and norms, as in Barlow Twins, Zbontar et al. 2021)
    takes plain momentum steps, of `scale` times the learning rate.
    """

    def __init__(self, params, lr: float, weight_decay: float = 0.0, momentum: float = MOMENTUM, eta: float = 1e-3):
        options = {
            "lr": lr,
            "weight_decay": weight_decay,
            "momentum": momentum,
            "eta": eta,
            "adapt": True,
            "scale": 1.0,
        }
        super().__init__(params, options)

    @torch.no_grad()
    def step(self, closure=None):
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is None:
                    continue
                update = p.grad.add(p, alpha=group["weight_decay"])
                if group["adapt"]:
                    update.mul_(trust(p, update, group["eta"]))
                momentum = self.state[p].setdefault("momentum", torch.zeros_like(p))
                momentum.mul_(group["momentum"]).add_(update)
                p.add_(momentum, alpha=-group["lr"] * group["scale"])
        return loss


def trust(p: Tensor, update: Tensor, eta: float) -> Tensor:
    """eta |p| / |update|, and 1 where one of them is zero."""
    size, change = p.norm(), update.norm()
    usable = (size > 0) & (change > 0)
    return torch.where(usable, eta * size / change.clamp(min=1e-30), torch.ones_like(size))


def parameter_groups(parameters: list[nn.Parameter], decay: float) -> list[dict]:
    """Weight decay on matrices and kernels only, not on biases and norms."""
    return [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": decay},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]


def make_optimiser(name: str, parameters: list[nn.Parameter], lr: float, decay: float) -> torch.optim.Optimizer:
    groups = parameter_groups(parameters, decay)
    if name == "adamw":
        return torch.optim.AdamW(groups, lr=lr)
    groups[1] |= {"adapt": False, "scale": SMALL}
    return LARS(groups, lr=lr)


def schedule(step: int, steps: int, warmup: float) -> float:
    """Share of the full learning rate at `step` (from 1): linear warm-up, then half a cosine to zero."""
    rise = max(1, round(warmup * steps))
    if step <= rise:
        return step / rise
    return 0.5 * (1 + math.cos(math.pi * (step - rise) / max(1, steps - rise + 1)))
