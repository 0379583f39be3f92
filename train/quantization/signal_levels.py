"""Levels: signal size, baseline wander and range, as three dimensions of the embedding.

The front end removes size and baseline, so no network behind it can know them, and both carry information: low voltage
and hypertrophy, loose electrodes. A model of the recipe returns them as its last three dimensions (docs/numerics.md,
section 4.1). They are computed, not trained.
"""

from dataclasses import replace

import numpy as np

from edgeecg import jit
from edgeecg.model import LEVELS, Model, default_front_end
from train.quantization.rounding import round_half_up

CENTER = np.array([18.0, -12.5, -4.375])  # about the middle of the corpora: a mean magnitude of 0.1 mV
# of the logarithms to one of the embedding, so that a corpus has a deviation of about a half: cosines stay the
# network's
UNIT = np.array([2.0, 4.0, 1.0])


def with_levels(model: Model) -> Model:
    """The model with a row of the head for each level: no weights, `CENTER` as the bias, `UNIT` as the multiplier."""
    head, count = model.head, len(LEVELS)
    mult = round_half_up(2.0 ** (6 + head.exponent - 8) / UNIT)
    head = replace(
        head,
        dim=head.dim + count,
        levels=count,
        weights=np.concatenate([head.weights, np.zeros((count, head.weights.shape[1]), np.int8)]),
        bias=np.concatenate([head.bias, round_half_up(-256 * CENTER)]).astype(np.int32),
        mult=np.concatenate([head.mult, mult]).astype(np.int16),
    )
    return replace(model, head=head)


def levels_of_windows(signal: np.ndarray) -> np.ndarray:
    """Windows (n, 1280) in mV at 128 Hz, each a recording of its own -> (n, 3) float64, the dimensions of
    `with_levels`.
    """
    front = default_front_end()
    return np.stack([to_embedding_units(jit.levels(jit.samples(x)[0], 128_000, front, [0])[0]) for x in signal])


def to_embedding_units(levels: np.ndarray) -> np.ndarray:
    """Convert logarithms with 8 fractional bits to units of the embedding."""
    return (levels / 256 - CENTER) / UNIT
