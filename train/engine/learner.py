"""What a training command has to say to the engine."""

from pathlib import Path

import torch
from torch import Tensor, nn

from train.runs.checkpoint import save_encoder


class Learner(nn.Module):
    """The modules of a run, how a batch for them is drawn, and their loss.

    Every child module is trained and saved under its name. Nothing random is kept between steps: `draw` gets
    generators that follow from seed, step and part alone, and the global generator is seeded at each step. That is why
    a resumed run and a run in several processes see the same windows and views as one that was left alone.
    """

    encoder: nn.Module  # saved as encoder.safetensors in the end
    exports = True  # whether train/export.py can read what `save` writes
    validates = False  # whether `draw` can give windows of held-out patients

    def draw(self, count: int, own: torch.Generator, common: torch.Generator, validation: bool = False) -> dict:
        """One part of a batch: tensors by name, each with `count` rows.

        The parts of a batch are joined along the rows, so what they must agree on (a length) is drawn from `common`.
        """
        raise NotImplementedError

    def forward(self, batch: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss, to be minimised, and what is worth a look: scalars for the log, or tensors for `measure`."""
        raise NotImplementedError

    def measure(self, batches: list[dict[str, Tensor]]) -> dict[str, float]:
        """Figures of these validation batches, `validation_loss` among them. Called in evaluation mode."""
        losses = [float(self(batch)[0]) for batch in batches]
        return {"validation_loss": sum(losses) / len(losses)}

    def networks(self) -> list[nn.Module]:
        """What --compile compiles."""
        return [self.encoder]

    def save(self, path: Path, meta: dict) -> None:
        """Write the encoder for train/export.py; a learner whose networks cannot be exported writes what it has."""
        save_encoder(path, self.encoder, meta)

    def pictures(self, folder: Path) -> list[tuple[str, str]]:
        """Draw what is worth seeing into `folder`; returns (caption, file name) of each for the report."""
        return []

    def remarks(self) -> list[str]:
        """Lines for the report: what was trained, in figures."""
        return []
