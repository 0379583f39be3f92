"""A learner that takes milliseconds, and options for it."""

import torch
from torch import nn

from train.engine import Learner, Options
from train.runs.checkpoint import save_tensors
from train.runs.folder import read_log


class Line(Learner):
    """A straight line through points whose scatter is in the windows' place; validation gets worse
    after step `turn`.
    """

    validates = True

    def __init__(self, turn=10**9, noise=0.1):
        super().__init__()
        self.noise = noise
        self.encoder = nn.Sequential(nn.Linear(3, 8), nn.BatchNorm1d(8), nn.Dropout(0.2), nn.Linear(8, 1))
        self.turn, self.asked = turn, 0

    def draw(self, count, place):
        own = place.own
        x = torch.randn(count, 3, generator=own)
        return {"x": x, "y": x.sum(1, keepdim=True) + self.noise * torch.randn(count, 1, generator=own)}

    def forward(self, batch):
        return (self.encoder(batch["x"]) - batch["y"]).float().square().mean(), {}

    def measure(self, batches):
        self.asked += 1
        return {"validation_loss": abs(self.asked - self.turn) * 1.0} if self.turn < 10**9 else super().measure(batches)

    def save(self, path, meta):
        save_tensors(path, self.encoder.state_dict(), meta)


def describe(options, progress, learner):
    return {"step": progress.step}


def options(out, **changes) -> Options:
    base = {"steps": 20, "batch": 16, "lr": 0.01, "log_every": 1, "save_every": 5, "evaluate_every": 5, "out": out}
    return Options(**base | changes)


def losses(folder) -> list[float]:
    return [line["loss"] for line in read_log(folder) if "loss" in line]
