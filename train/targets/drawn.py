"""What was drawn into a window: the premature and irregular beats that other rhythms put there (train/views/rhythm.py).

Of a recording a program can only guess which beats are premature and from where; of a lead whose beats were put together
anew it is known, and from thousands of people. Nothing is known of windows as they were recorded.
"""

import numpy as np
import torch
from torch import Tensor

from train.nets.spec import WINDOW
from train.targets.beats import in_frames
from train.views.rhythm import EARLY, IRREGULAR, PAUSE, VENTRICULAR, Drawn

DRAWN = (
    "early", "early_any", "early_much", "early_other_p", "ventricular", "ventricular_any", "irregular", "pauses",
)  # fmt: skip
KINDS = (EARLY, VENTRICULAR, IRREGULAR)  # that a frame tells apart
LEAST = 5  # beats of a window of which anything is known
MUCH = 0.75  # of the interval before: earlier than that is much


class DrawnTargets:
    """Looks up what was drawn into windows of the cache."""

    def __init__(self, drawn: Drawn):
        self.drawn = drawn
        rr = np.diff(drawn.position, prepend=drawn.position[:1])
        before = np.concatenate([rr[:1], rr[:-1]])
        early = drawn.kind == EARLY
        kinds = (drawn.kind == kind for kind in (VENTRICULAR, IRREGULAR, PAUSE))
        counted = np.stack([early, early & (rr < MUCH * before), early & (drawn.p_wave != 1), *kinds])
        self.sums = np.concatenate([np.zeros((len(counted), 1), np.int64), counted.cumsum(1)], 1)

    def describe(self, start: np.ndarray) -> tuple[Tensor, Tensor]:
        """Of windows that start at samples `start` (N,): (N, len(DRAWN)) float32; (N,) bool, whether anything is known."""
        low, high = np.searchsorted(self.drawn.position, [start, start + WINDOW])
        low = np.minimum(low + 1, high)  # the interval that ends with the first beat lies outside
        early, much, other_p, ventricular, irregular, pauses = self.sums[:, high] - self.sums[:, low]
        values = (
            np.sqrt(early), early > 0, np.sqrt(much), np.sqrt(other_p), np.sqrt(ventricular), ventricular > 0,
            irregular / np.maximum(high - low, 1), np.sqrt(pauses),
        )  # fmt: skip
        return torch.from_numpy(np.stack(values, 1).astype(np.float32)), torch.from_numpy(high - low >= LEAST)

    def frames(self, start: np.ndarray, stride: int) -> tuple[Tensor, Tensor]:
        """A map of each window: which of KINDS the beat in a frame is (N, frames, 3), and where there is a beat (N, frames)."""
        rows, of, at = in_frames(self.drawn.position, start, stride)
        kinds, beat = torch.zeros(len(start), WINDOW // stride, len(KINDS)), torch.zeros(len(start), WINDOW // stride)
        beat[rows, at] = 1
        kinds[rows, at] = torch.from_numpy((self.drawn.kind[of][:, None] == KINDS).astype(np.float32))
        return kinds, beat
