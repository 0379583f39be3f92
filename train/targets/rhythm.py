"""Rhythm statistics from the beats of a window: intervals, premature beats, beats of unusual shape, P and T waves.

Every statistic is a sum, a quantile or an extreme over the beats of ten seconds, on a scale on which ordinary windows
differ by about 1. A supraventricular premature beat comes early and looks like the others; a ventricular one comes
early and does not. A pause after it, a changed P wave or a regular rhythm around it make it likelier. Atrial
fibrillation shows irregular intervals and no P wave that repeats from beat to beat.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from train.targets.beats import AFTER, BEFORE

MOST = 40  # beats of a window
SOFT = 0.02  # a threshold on how early a beat comes is a logistic step of this width
P, QRS, T = slice(4, 22), slice(24, 44), slice(48, 90)  # of the segment around a beat, R peak at BEFORE


@dataclass(frozen=True)
class WindowBeats:
    """The beats of N windows, (N, MOST) each; what does not exist holds any finite value.

    `rr` s since the beat before, `local` that over the median of the beats around, `similarity`, `width`, `amplitude`
    and `p_wave` as in `Beats`, `segment` (N, MOST, 96) in front-end units.
    """

    exists: np.ndarray
    rr: np.ndarray
    local: np.ndarray
    similarity: np.ndarray
    width: np.ndarray
    amplitude: np.ndarray
    p_wave: np.ndarray
    segment: np.ndarray

    @classmethod
    def empty(cls) -> "WindowBeats":
        """One window without beats."""
        nothing = np.zeros((1, MOST), np.float32)
        return cls(nothing > 0, *[nothing] * 6, np.zeros((1, MOST, BEFORE + AFTER), np.float32))

    @cached_property
    def seen(self) -> np.ndarray:
        """Beats whose interval lies inside the window: all but the first."""
        seen = self.exists.copy()
        seen[:, 0] = False
        return seen

    @cached_property
    def usual(self) -> np.ndarray:
        """Median interval of each window (N,) in s."""
        return np.where(self.seen.any(1), np.maximum(quantile(self.rr, self.seen, 0.5), 0.2), 0.8)

    @cached_property
    def ratio(self) -> np.ndarray:
        return np.where(self.seen, np.clip(self.rr / self.usual[:, None], 0.2, 3), 1)

    @cached_property
    def previous(self) -> np.ndarray:
        """Interval over the one before it."""
        both = self.seen[:, 1:] & self.seen[:, :-1]
        change = np.where(both, np.clip(self.rr[:, 1:] / np.maximum(self.rr[:, :-1], 0.2), 0.2, 3), 1)
        return np.concatenate([np.ones((len(change), 1), np.float32), change], 1)

    @cached_property
    def scatter(self) -> np.ndarray:
        """Median distance of the intervals from the median one (N,), as a share of it."""
        return quantile(np.abs(self.ratio - 1), self.seen, 0.5)

    @cached_property
    def alike(self) -> np.ndarray:
        return np.where(self.exists, np.clip(self.similarity, 0, 1) ** 4, 1)

    @cached_property
    def unlike(self) -> np.ndarray:
        return 1 - self.alike

    @cached_property
    def early(self) -> np.ndarray:
        return np.where(self.seen, np.maximum(0, 1 - self.ratio), 0)

    @cached_property
    def early_local(self) -> np.ndarray:
        return np.where(self.seen, np.maximum(0, 1 - np.clip(self.local, 0.2, 3)), 0)

    @cached_property
    def early_previous(self) -> np.ndarray:
        return np.maximum(0, 1 - self.previous)

    @cached_property
    def before_pause(self) -> np.ndarray:
        """How early a beat is whose next interval is longer than usual."""
        pause = np.zeros_like(self.ratio)
        pause[:, :-1] = np.maximum(0, self.ratio[:, 1:] - 1)
        return self.early * np.minimum(1, 4 * pause)

    @cached_property
    def count(self) -> np.ndarray:
        return np.maximum(self.exists.sum(1), 1)

    @cached_property
    def mean_beat(self) -> np.ndarray:
        """(N, 96) mean segment near the QRS of the usual kind."""
        weight = np.where(self.exists, np.clip(self.similarity, 0.05, 1) ** 4, 0)
        weight = weight / np.maximum(weight.sum(1, keepdims=True), 1e-6)
        return np.matmul(weight[:, None].astype(np.float32), self.segment)[:, 0]

    @cached_property
    def size(self) -> np.ndarray:
        """Median QRS amplitude (N,), at least 1."""
        return np.maximum(quantile(self.amplitude, self.exists, 0.5), 1)

    def strangeness(self, part: slice) -> np.ndarray:
        """Root mean square distance of a part of each beat from that of the mean beat, over the QRS amplitude."""
        rest = self.segment[:, :, part] - self.mean_beat[:, None, part]
        return np.sqrt(np.einsum("nbt,nbt->nb", rest, rest) / rest.shape[2]) / self.size[:, None]

    def mean(self, values: np.ndarray) -> np.ndarray:
        return np.where(self.exists, values, 0).sum(1) / self.count


def intervals(w: WindowBeats) -> dict[str, np.ndarray]:
    """The distribution of the RR intervals."""
    both, pairs = w.seen[:, 1:] & w.seen[:, :-1], np.maximum(w.seen.sum(1), 1)
    change = np.where(both, np.abs(np.diff(w.rr, axis=1)), 0)
    spread = deviation(w.rr, w.seen) / w.usual
    successive = np.sqrt((change**2).sum(1) / np.maximum(both.sum(1), 1)) / w.usual
    order = {
        f"rr_{p:02d}": 3 * np.log(np.maximum(quantile(w.ratio, w.seen, p / 100), 0.2))
        for p in (0, 5, 15, 30, 70, 85, 95, 100)
    }
    return {
        "rr_median": 3 * np.log(w.usual / 0.8),
        "rr_deviation": np.log(spread + 0.01),
        "rr_successive": np.log(successive + 0.01),
        "rr_scatter": np.log(w.scatter + 0.01),
        **order,
        "rr_change_50ms": 3 * (change > 0.05).sum(1) / pairs,
        "rr_change_100ms": 3 * (change > 0.1).sum(1) / pairs,
        "rr_successive_share": np.log(successive / (spread + 0.01) + 0.1),
        "rr_scatter_share": np.log(w.scatter / (spread + 0.01) + 0.1),
    }


def premature_alike(w: WindowBeats) -> dict[str, np.ndarray]:
    """Early beats that look like the others, by several measures of early."""
    narrow = np.exp(-np.maximum(0, w.width - 0.025) / 0.01)
    early10, alike = step(w, w.early, 0.10), w.alike
    return {
        "alike_10": root(early10 * alike),
        "alike_20": root(step(w, w.early, 0.20) * alike),
        "alike_local": root(step(w, w.early_local, 0.12) * alike),
        "alike_previous": root(step(w, w.early_previous, 0.12) * alike),
        "alike_early": 4 * (w.early * alike).max(1),
        "alike_early_local": 4 * (w.early_local * alike).max(1),
        "alike_early_previous": 4 * (w.early_previous * alike).max(1),
        "alike_before_pause": 4 * (w.before_pause * alike).max(1),
        "alike_before_pauses": root(np.minimum(1, 4 * w.before_pause) * alike),
        "alike_over_scatter": (w.early / (w.scatter[:, None] + 0.03) * alike).max(1),
        "alike_narrow": 4 * (w.early_local * alike * narrow).max(1),
        "alike_strange_p": 4 * (w.early * alike * np.minimum(w.strangeness(P), 0.5)).max(1),
        "alike_share": 2 * (early10 * alike).sum(1) / w.count,
    }


def premature_unlike(w: WindowBeats) -> dict[str, np.ndarray]:
    """Beats of another shape, early or not."""
    usual = np.maximum(quantile(w.width, w.exists, 0.5), 0.005)[:, None]
    wide = np.where(w.exists, np.clip(w.width / usual - 1, 0, 2), 0)
    size = np.where(w.exists, np.abs(np.log((w.amplitude + 1) / (w.size[:, None] + 1))), 0)
    qrs, t = (np.where(w.exists, w.strangeness(part), 0) for part in (QRS, T))
    return {
        "early_most": 4 * w.early.max(1),
        "unlike_10": root(step(w, w.early, 0.10) * w.unlike),
        "unlike_early": 4 * (w.early * w.unlike).max(1),
        "unlike_early_previous": 4 * (w.early_previous * w.unlike).max(1),
        "unlike_before_pause": 4 * (w.before_pause * w.unlike).max(1),
        "unlike_sum": root(w.unlike),
        "unlike_most": 2 * w.unlike.max(1),
        "unlike_second": 2 * np.partition(w.unlike, -2, axis=1)[:, -2],
        "unlike_wide": 4 * (wide * w.unlike).max(1),
        "wide_most": 2 * wide.max(1),
        "wide_early": 4 * (wide * w.early).max(1),
        "size_most": size.max(1),
        "unlike_size": 2 * (size * w.unlike).max(1),
        "qrs_strangest": np.log(qrs.max(1) + 0.01),
        "qrs_strange": np.log(w.mean(qrs) + 0.01),
        "t_strangest": np.log(t.max(1) + 0.01),
        "t_strange": np.log(w.mean(t) + 0.01),
        "t_deviation": np.log(deviation(t, w.exists) + 0.01),
    }


def sameness(w: WindowBeats) -> dict[str, np.ndarray]:
    """How far the beats agree, and their usual size."""
    width = np.where(w.exists, w.width, 0)
    return {
        "beats": w.exists.sum(1) / 4,
        "similarity_mean": 3 * w.mean(w.alike),
        "similarity_least": 3 * w.alike.min(1),
        "width_mean": 3 * np.log(w.mean(width) / 0.02 + 0.1),
        "width_90": 3 * np.log(quantile(w.width, w.exists, 0.9) / 0.02 + 0.1),
        "width_largest": 3 * np.log(width.max(1) / 0.02 + 0.1),
        "width_deviation": np.log(deviation(w.width, w.exists) + 0.001),
        "amplitude": np.log(w.size / 60 + 0.05),
        "amplitude_deviation": np.log(deviation(w.amplitude, w.exists) / 60 + 0.01),
    }


def p_waves(w: WindowBeats) -> dict[str, np.ndarray]:
    """The signal before the QRS, and whether it repeats."""
    usual = w.mean_beat[:, P] / w.size[:, None]
    size, strange = usual.std(1), w.mean(w.strangeness(P))
    one, mean = (x - x.mean(-1, keepdims=True) for x in (w.segment[:, :, P], w.mean_beat[:, P]))
    norms = np.sqrt(np.einsum("nbt,nbt->nb", one, one) * np.square(mean).sum(1)[:, None])
    return {
        "p_range": 5 * np.ptp(usual, axis=1),
        "p_size": np.log(size + 0.01),
        "p_correlation": 3 * w.mean(np.einsum("nbt,nt->nb", one, mean) / np.maximum(norms, 1)),
        "p_strange": np.log(strange + 0.01),
        "p_repeats": np.log(size / (strange + 0.01) + 0.05),
        "p_wave_mean": 10 * w.mean(w.p_wave),
        "p_wave_deviation": np.log(deviation(w.p_wave, w.exists) + 0.003),
    }


def describe(w: WindowBeats) -> dict[str, np.ndarray]:
    """All numbers by name, (N,) each, within +-8."""
    parts = (intervals, premature_alike, premature_unlike, sameness, p_waves)
    return {name: np.clip(values, -8, 8) for part in parts for name, values in part(w).items()}


def quantile(values: np.ndarray, mask: np.ndarray, share: float) -> np.ndarray:
    """Of each row's entries that `mask` keeps, with linear interpolation; 0 where there are none."""
    ordered = np.sort(np.where(mask, values, np.inf), axis=1)
    place = share * np.maximum(mask.sum(1) - 1, 0)
    low = place.astype(np.int64)
    rows, part = np.arange(len(values)), place - low
    high = np.minimum(low + (part > 0), values.shape[1] - 1)
    result = ordered[rows, low] * (1 - part) + np.where(part > 0, ordered[rows, high], 0) * part
    return np.where(mask.any(1), result, 0)


def deviation(values: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Standard deviation of each row over the entries that `mask` keeps."""
    count = np.maximum(mask.sum(1), 1)
    mean = np.where(mask, values, 0).sum(1) / count
    return np.sqrt((np.where(mask, values - mean[:, None], 0) ** 2).sum(1) / count)


def step(w: WindowBeats, early: np.ndarray, threshold: float) -> np.ndarray:
    return w.seen / (1 + np.exp(-(early - threshold) / SOFT))


def root(values: np.ndarray) -> np.ndarray:
    """Square root of each row's sum: the second beat of a kind counts less than the first."""
    return np.sqrt(values.sum(1))


STATISTICS = tuple(describe(WindowBeats.empty()))
