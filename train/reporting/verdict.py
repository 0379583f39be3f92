"""The verdict on a finished run in a few sentences: effective rank, and a quick probe against random weights and
against the bundled model.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from train.classifiers.network import embed, random_encoder
from train.data.front_end import to_input
from train.nets import Encoder
from train.objectives.effective_rank import effective_rank
from train.probes.protocol import Score
from train.probes.quick import beat_labels, quick_probe
from train.quantization.dequantize import PretrainedSource
from train.runs.folder import write_json

COUNT = 240  # windows
COLLAPSED, NARROW = 2.0, 4.0  # effective ranks
FEW = 8  # patients; with fewer, the folds are half minutes instead
OWN, RANDOM, BUNDLED = "this encoder", "random weights of its shape", "the bundled default"


@dataclass(frozen=True)
class ProbeWindows:
    """`y` (n, 1280) or (n, leads, 1280) front-end bytes; `patient` (n,), `segment` (n,) ten seconds of a recording;
    `held_out`: whether none of the patients was trained on.
    """

    y: Tensor
    patient: np.ndarray
    segment: np.ndarray
    held_out: bool

    @property
    def one_lead(self) -> np.ndarray:
        return (self.y if self.y.ndim == 2 else self.y[:, 0]).numpy()

    @property
    def group(self) -> np.ndarray:
        """(n,) patients, or half minutes if there are fewer than FEW patients."""
        if len(np.unique(self.patient)) >= FEW:
            return self.patient
        return np.unique(np.stack([self.patient, self.segment // 3]), axis=1, return_inverse=True)[1].reshape(-1)


def verdict(encoder: Encoder, windows: ProbeWindows, folder: Path) -> list[str]:
    """Lines of the report. The figures are also written to FOLDER/verdict.json."""
    encoder = encoder.eval().to("cpu", torch.float32)
    own = embed(encoder, windows.y)
    torch.manual_seed(0)
    embeddings = {
        OWN: own,
        RANDOM: embed(random_encoder(encoder.spec, windows.y)[0], windows.y),
        BUNDLED: bundled(windows.y),
    }
    rank = effective_rank(own)  # as in the log of the run
    label, known = beat_labels(windows.one_lead)
    enough = len(np.unique(windows.group[known])) >= 2 if known.any() else False
    scores = (
        quick_probe({n: np.asarray(z)[known] for n, z in embeddings.items()}, label[known], windows.group[known])
        if enough
        else {}
    )
    figures = {"effective_rank": rank, "dim": own.shape[1], "held_out": windows.held_out}
    write_json(folder / "verdict.json", figures | {"probe": {name: score.value for name, score in scores.items()}})
    return ["## Verdict", "", f"- {spread(rank, own.shape[1])}", *(f"- {line}" for line in judged(scores, windows)), ""]


def bundled(y: Tensor) -> Tensor:
    """Embeddings (n, dim) of the bundled model's float encoder; the mean over several leads."""
    return embed(PretrainedSource("default").encoder(to_input(y if y.ndim == 2 else y[:, 0])), y)


def spread(rank: float, dim: int) -> str:
    said = f"effective rank {rank:.1f} of {dim}: "
    if rank < COLLAPSED:
        return said + (
            "**collapsed**: the embedding varies along one or two directions and hardly separates windows. Train "
            "longer; if that does not help, try a lower --lr or another --objective (vicreg, barlow_twins)"
        )
    return said + ("narrow; more steps should raise it" if rank < NARROW else "the embedding uses many directions")


def judged(scores: dict[str, Score], windows: ProbeWindows) -> list[str]:
    if not scores:
        return ["quick probe: skipped, because no heartbeats were found in the windows"]
    whose = "held-out patients" if windows.held_out else "recordings that were trained on"
    figures = ", ".join(f"{name} {score.text(3)}" for name, score in scores.items())
    lines = [f"quick probe (rate, evenness and width of beats; mean AUC on {whose}): {figures}"]
    own, random = scores[OWN], scores[RANDOM]
    if own.low > random.value:
        lines.append("better than random weights")
    elif own.value > random.value:
        lines.append("a little better than random weights; the difference is within chance")
    else:
        lines.append("**no better than random weights**: this run learned nothing that the probe can measure")
    gap = scores[BUNDLED].value - own.value
    lines.append(
        f"the bundled model is {gap:.3f} better; `python train/recipe.py --data DIR --start default` starts from it"
        if gap > 0.01
        else "as good as the bundled model, as far as this probe can measure"
    )
    return lines
