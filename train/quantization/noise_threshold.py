"""The threshold of the quality flag NOISY in a model file; train/studies/noise_flag.py chooses it."""

from dataclasses import replace
from pathlib import Path

from edgeecg.constants import WINDOW
from edgeecg.model import Model
from train.quantization.golden_vectors import write_golden

NOISE = 2793
"""The threshold of exported models: `noise` of the front end (docs/numerics.md 5), as the first command above finds it.
"""


def with_noise_flag(model: Model, noise: int = NOISE) -> Model:
    """The model with another threshold, in proportion to its window; embeddings stay, the id does not."""
    return replace(model, front=replace(model.front, noise=noise * model.front.window // WINDOW))


def write_noise_flag(path: Path, noise: int) -> Model:
    """Write the threshold into a model file, and rewrite its golden vectors."""
    model = with_noise_flag(Model.load(path), noise)
    write_golden(path.with_name(f"{path.stem}.golden.npz"), model)
    model.save(path)
    return model
