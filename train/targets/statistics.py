"""Targets from detected heartbeats: what a window's rhythm and beats are like, and what each beat is like."""

import numpy as np
import torch
from torch import Tensor

from train.data.front import SCALE, ZERO
from train.nets.spec import WINDOW
from train.targets.beats import AFTER, BEFORE, RATE, Beats

STATISTICS = (
    "rr_mean", "rr_deviation", "rr_successive", "rr_shortest", "rr_longest", "rr_irregular", "prematurity",
    "prematurity_alike", "prematurity_unlike", "premature_alike", "premature_unlike", "similarity_mean",
    "similarity_least", "unlike", "width_mean", "width_largest", "width_deviation", "amplitude_deviation", "p_wave_mean",
    "p_wave_deviation",
)  # fmt: skip
FRAME = ("rr", "ratio", "ratio_next", "similarity", "width", "p_wave")  # of the beat in a frame
MOST = 48  # beats of a window
PREMATURE = 0.12  # an RR interval this much shorter than the local median


class BeatTargets:
    """Looks up the beats of windows of the cache. `samples` (total,) uint8."""

    def __init__(self, samples: np.ndarray, beats: Beats):
        self.samples, self.beats = samples, beats
        shorter = np.append(beats.ratio[1:], 1.0)
        last = np.append(beats.rr[1:] == 0, True)
        self.next_ratio = np.where(last, 1.0, shorter).astype(np.float32)

    def window(self, start: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Numbers of the beats in the windows that start at samples `start` (N,), and which of them exist: (N, MOST)."""
        low, high = np.searchsorted(self.beats.position, [start, start + WINDOW])
        number = low[:, None] + np.arange(MOST)
        exists = number < high[:, None]
        return np.minimum(number, max(0, len(self.beats.position) - 1)), exists

    def statistics(self, start: np.ndarray) -> tuple[Tensor, Tensor]:
        """(N, len(STATISTICS)) float32 of order 1, and (N,) bool: whether the window has the five beats it takes."""
        if not len(self.beats.position):
            return torch.zeros(len(start), len(STATISTICS)), torch.zeros(len(start), dtype=torch.bool)
        number, exists = self.window(start)
        seen = exists.copy()
        seen[:, 0] = False  # the interval before the first beat lies outside
        b, count = self.beats, np.maximum(exists.sum(1), 1)
        pairs, shown = np.maximum(seen.sum(1), 1), np.where(exists, 1.0, 0.0)
        rr, ratio = b.rr[number], np.clip(b.ratio[number], 0.2, 3)
        alike = np.clip(b.similarity[number], 0, 1) ** 4
        early, width = np.where(seen, np.maximum(0, 1 - ratio), 0), b.width[number]
        mean_rr = np.where(seen, rr, 0).sum(1) / pairs
        change = np.where(seen[:, 1:] & seen[:, :-1], np.abs(np.diff(rr, axis=1)), 0)
        is_early = 1 / (1 + np.exp(-(early - PREMATURE) / 0.02)) * seen
        values = (
            np.log(np.maximum(mean_rr, 0.2) / 0.8) * 3,
            np.log(deviation(rr, seen) / np.maximum(mean_rr, 0.2) + 0.01) / 2 + 1.5,
            np.log(np.sqrt((change**2).sum(1) / pairs) / np.maximum(mean_rr, 0.2) + 0.01) / 2 + 1.5,
            3 * np.log(np.where(seen, ratio, 1).min(1)),
            3 * np.log(np.where(seen, ratio, 1).max(1)),
            3 * (change > 0.05).sum(1) / pairs,
            4 * early.max(1),
            4 * (early * alike).max(1),
            4 * (early * (1 - alike)).max(1),
            np.sqrt((is_early * alike).sum(1)),
            np.sqrt((is_early * (1 - alike)).sum(1)),
            3 * (shown * alike).sum(1) / count,
            3 * np.where(exists, alike, 1).min(1),
            np.sqrt((shown * (1 - alike)).sum(1)),
            3 * np.log((shown * width).sum(1) / count / 0.02 + 0.1),
            3 * np.log(np.where(exists, width, 0).max(1) / 0.02 + 0.1),
            np.log(deviation(width, exists) + 0.001) / 1.5 + 3.5,
            np.log(deviation(b.amplitude[number], exists) / 60 + 0.01) / 1.5 + 1.5,
            10 * (shown * b.p_wave[number]).sum(1) / count,
            np.log(deviation(b.p_wave[number], exists) + 0.003) + 4,
        )
        values = np.clip(np.stack(values, 1), -6, 6).astype(np.float32)
        return torch.from_numpy(values), torch.from_numpy(exists.sum(1) >= 5)

    def mean_beat(self, start: np.ndarray) -> Tensor:
        """The beats of each window averaged, in network units, near the QRS of the usual kind: (N, 96)."""
        if not len(self.beats.position):
            return torch.zeros(len(start), BEFORE + AFTER)
        number, exists = self.window(start)
        number, exists = number[:, :24], exists[:, :24]
        weight = np.where(exists, np.clip(self.beats.similarity[number], 0.05, 1) ** 4, 0)
        weight /= np.maximum(weight.sum(1, keepdims=True), 1e-6)
        segments = self.samples[self.beats.position[number][:, :, None] + np.arange(-BEFORE, AFTER)]
        beat = np.einsum("nb,nbt->nt", weight.astype(np.float32), segments.astype(np.float32) - ZERO)
        return torch.from_numpy(beat / SCALE)

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


def deviation(values: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Standard deviation of each row over the entries that `mask` keeps."""
    count = np.maximum(mask.sum(1), 1)
    mean = np.where(mask, values, 0).sum(1) / count
    return np.sqrt((np.where(mask, values - mean[:, None], 0) ** 2).sum(1) / count)


__all__ = ["FRAME", "RATE", "STATISTICS", "BeatTargets"]
