"""AdamW and LARS."""

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


def make_optimizer(name: str, groups: list[dict], lr: float, beta2: float = 0.999) -> torch.optim.Optimizer:
    """`groups` as `parameter_groups` makes them. A group with a learning rate of its own ("lr") keeps it."""
    groups = [group for group in groups if group["params"]]
    if name == "adamw":
        return torch.optim.AdamW(groups, lr=lr, betas=(0.9, beta2))
    vectors = [group for group in groups if all(p.ndim <= 1 for p in group["params"])]
    for group in vectors:
        group |= {"adapt": False, "scale": SMALL}
    return LARS(groups, lr=lr)
