"""Targets from detected heartbeats: the rhythm and beats of a window, and each single beat."""

import numpy as np
import torch
from torch import Tensor

from edgeecg.constants import RATE, WINDOW
from train.data.front_end import SCALE, ZERO
from train.targets.beats import AFTER, BEFORE, Beats
from train.targets.rhythm import MOST, STATISTICS, WindowBeats, describe

FRAME = ("rr", "ratio", "ratio_next", "similarity", "width", "p_wave")  # of the beat in a frame


class BeatTargets:
    """Looks up the beats of windows of the cache. `samples` (total,) uint8."""

    def __init__(self, samples: np.ndarray, beats: Beats):
        self.samples, self.beats = samples, beats
        shorter = np.append(beats.ratio[1:], 1.0)
        last = np.append(beats.rr[1:] == 0, True)
        self.next_ratio = np.where(last, 1.0, shorter).astype(np.float32)

    def window(self, start: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Numbers of the beats in the windows that start at samples `start` (N,), and which of them
        exist: (N, MOST).
        """
        low, high = np.searchsorted(self.beats.position, [start, start + WINDOW])
        number = low[:, None] + np.arange(MOST)
        exists = number < high[:, None]
        return np.minimum(number, max(0, len(self.beats.position) - 1)), exists

    def window_beats(self, start: np.ndarray) -> WindowBeats:
        """The beats of windows, of which there must be at least one in the cache."""
        (number, exists), b = self.window(start), self.beats
        segment = self.samples[b.position[number][:, :, None] + np.arange(-BEFORE, AFTER)].astype(np.float32) - ZERO
        measures = (b.rr, b.ratio, b.similarity, b.width, b.amplitude, b.p_wave)
        return WindowBeats(exists, *(m[number] for m in measures), segment)

    def describe(self, start: np.ndarray) -> tuple[Tensor, Tensor, Tensor]:
        """Of windows: (N, len(STATISTICS)) float32 of order 1; (N,) bool, whether there are the five beats that this
        takes; (N, 96) their mean beat near the QRS of the usual kind, in network units."""
        if not len(self.beats.position):
            nothing = torch.zeros(len(start), dtype=torch.bool)
            return torch.zeros(len(start), len(STATISTICS)), nothing, torch.zeros(len(start), BEFORE + AFTER)
        w = self.window_beats(start)
        values = np.stack(list(describe(w).values()), 1).astype(np.float32)
        return torch.from_numpy(values), torch.from_numpy(w.exists.sum(1) >= 5), torch.from_numpy(w.mean_beat / SCALE)

    def frames(self, start: np.ndarray, stride: int) -> tuple[Tensor, Tensor]:
        """A map of each window: heat (N, frames), 1 where a beat is, and the beat's FRAME values (N, frames, 6)."""
        frames = WINDOW // stride
        heat = torch.zeros(len(start), frames)
        values = torch.zeros(len(start), frames, len(FRAME))
        if not len(self.beats.position):
            return heat, values
        number, exists = self.window(start)
        b = self.beats
        place = np.clip((b.position[number] - start[:, None] + stride // 2) // stride, 0, frames - 1)
        rows, columns = np.nonzero(exists)
        of, at = number[rows, columns], place[rows, columns]
        heat[rows, at] = 1
        measures = (
            3 * np.log(np.maximum(b.rr[of], 0.2) / 0.8),
            4 * np.log(np.clip(b.ratio[of], 0.2, 3)),
            4 * np.log(np.clip(self.next_ratio[of], 0.2, 3)),
            3 * np.clip(b.similarity[of], 0, 1) ** 4 - 2,
            3 * np.log(b.width[of] / 0.02 + 0.1),
            10 * b.p_wave[of] - 1,
        )
        values[rows, at] = torch.from_numpy(np.stack(measures, 1).astype(np.float32))
        return heat, values


__all__ = ["FRAME", "RATE", "STATISTICS", "BeatTargets"]
