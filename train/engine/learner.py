"""The interface between a training command and the engine."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from train.engine.optimizers import parameter_groups
from train.engine.options import Options
from train.runs.checkpoint import save_encoder

TRAINING, VALIDATION = 0, 1  # first number of the seeds


@dataclass(frozen=True)
class Place:
    """Which part of which batch is drawn. Whatever is random follows from these numbers alone."""

    seed: int
    step: int  # the update, counted from 1; or the number of a validation batch, from 0
    turn: int = 0  # batch of the update (--accumulate)
    part: int = 0  # of the batch; or the process that takes steps of its own
    validation: bool = False  # windows of held-out patients

    @property
    def common(self) -> torch.Generator:
        """A generator shared by all parts of the batch."""
        return generator(*self.numbers())

    @property
    def own(self) -> torch.Generator:
        return generator(*self.numbers(), 1 + self.part)

    def numbers(self) -> tuple[int, ...]:
        return (self.seed, VALIDATION, self.step) if self.validation else (self.seed, TRAINING, self.step, self.turn)


def generator(*numbers: int) -> torch.Generator:
    """A generator that follows from these numbers alone."""
    state = np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0]
    return torch.Generator().manual_seed(int(state >> np.uint64(1)))


class Learner(nn.Module):
    """The modules of a run, how a batch for them is drawn, and their loss.

    Every child module is trained and saved under its name. Nothing random is kept between steps: `draw` follows from
    its Place alone, and the global generator is seeded at each step. That is why a resumed run and a run in several
    processes see the same windows and views as one that was left alone.
    """

    encoder: nn.Module  # saved as encoder.safetensors in the end
    exports = True  # whether train/export.py can read what `save` writes
    validates = False  # whether there are held-out patients
    validation_batches = 4
    stateful = False  # keeps random state from step to step: for short fits that are never resumed
    keeps_best = True  # whether the encoder of the best validation is of use as it is

    def draw(self, count: int, place: Place) -> dict[str, Tensor]:
        """One part of a batch: tensors by name. The parts of a batch are joined along the rows."""
        raise NotImplementedError

    def forward(self, batch: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss, to be minimized, and further values: scalars for the log, or tensors for `measure`."""
        raise NotImplementedError

    def measure(self, batches: list[dict[str, Tensor]]) -> dict[str, float]:
        """Figures of these validation batches, `validation_loss` among them. Called in evaluation mode."""
        losses = [float(self(batch)[0]) for batch in batches]
        return {"validation_loss": sum(losses) / len(losses)}

    def criterion(self, figures: dict[str, float]) -> float:
        """The value of `measure` that decides which validation is best; lower is better."""
        return figures["validation_loss"]

    def parameter_groups(self, options: Options) -> list[dict]:
        """The trained parameters, for the optimizer; a group may have its own learning rate ("lr")."""
        return parameter_groups([p for p in self.parameters() if p.requires_grad], options.weight_decay)

    def networks(self) -> list[nn.Module]:
        """The networks that --compile compiles."""
        return [self.encoder]

    def finish(self) -> dict:
        """Called once after the last step, before the encoder is saved; returns additional metadata."""
        return {}

    def save(self, path: Path, meta: dict) -> None:
        """Write the encoder for train/export.py; a learner whose networks cannot be exported writes what it has."""
        save_encoder(path, self.encoder, meta)

    def pictures(self, folder: Path) -> list[tuple[str, str]]:
        """Draw the report's figures into `folder`; returns (caption, file name) of each."""
        return []

    def remarks(self) -> list[str]:
        """Lines for the report that describe the training."""
        return []
