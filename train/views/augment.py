"""Random views of the front end's output: what motion, electrodes and mains hum do to an ECG, as the device sees it.

Views act on floats in the front end's units (`y - 128`, mean absolute value about 6), in three stages: changes of the
source (its time axis, sign and sharpness; the same for all leads of a window); added disturbances (drawn for each
lead), after which the sum is rescaled to the signal's moving size, as the front end does (numerics 2.3); and changes of
the output. The result is rounded to integers and limited to their range. All randomness comes from one torch.Generator;
a change of probability 0 draws nothing.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from edgeecg import reference
from edgeecg.constants import RATE
from edgeecg.errors import InputError
from train.data.corpora import find_folder
from train.data.front_end import SCALE, ZERO, FrontEnd
from train.data.noise import NOISES, noise_leads

BLOCK = 32  # samples of the front end's scale


@dataclass(frozen=True)
class Views:
    """Probability of each change of a view, and its strength. SNR ranges are in dB, times in seconds."""

    p_noise: float = 0.5  # recorded electrode, muscle and baseline noise (needs nstdb in the data folder)
    noises: tuple[str, ...] = ("bw", "em", "ma")  # baseline wander, electrode motion, muscle artifact
    noise_snr: tuple[float, float] = (0.0, 24.0)
    p_gaussian: float = 0.3
    gaussian_snr: tuple[float, float] = (6.0, 30.0)
    p_powerline: float = 0.2  # mains hum that passes the low pass, 45 to 60 Hz
    powerline_snr: tuple[float, float] = (10.0, 30.0)
    p_wander: float = 0.3  # baseline wander that passes the high pass, 0.1 to 1 Hz
    wander_snr: tuple[float, float] = (0.0, 20.0)
    p_warp: float = 0.3  # time stretched or squeezed by up to `warp`
    warp: float = 0.05
    p_crop: float = 0.0  # random resized crop: a segment of the window, stretched to full length
    crop: tuple[float, float] = (0.5, 1.0)  # the segment's fraction of the window
    p_smooth: float = 0.0  # convolution with a Hann kernel
    smooth: tuple[int, int] = (3, 9)  # its length in samples, odd
    p_high_pass: float = 0.0  # first-order high pass of another device, log-uniform
    high_pass: tuple[float, float] = (0.05, 1.0)  # its corner frequency in Hz (half power)
    p_pool: float = 0.0  # down-sampling: means over 2 or more samples, linearly interpolated
    pool: tuple[int, int] = (2, 4)  # samples per mean
    p_reverse: float = 0.0  # reversed time; off by default, because no ECG runs backwards
    p_amplitude: float = 0.5  # gain, log-uniform
    amplitude: tuple[float, float] = (0.75, 1.33)
    p_cutout: float = 0.3  # one segment set to zero
    cutout: tuple[float, float] = (0.1, 1.5)
    p_flip: float = 0.05  # inverted polarity (swapped electrodes)
    shift: float = 1.0  # the second crop starts up to this far from the first
    positive: float = 0.5  # fraction of second crops from anywhere within 30 s

    def __post_init__(self):
        for name in (f.name for f in fields(self)):
            value = getattr(self, name)
            if name.startswith("p_") and not 0 <= value <= 1:
                raise InputError(f"views: the probability {name} must lie between 0 and 1")
            if isinstance(value, tuple) and name != "noises" and value[0] > value[1]:
                raise InputError(f"views: {name} goes from the smaller to the larger value")
        if not 0 < self.crop[0] <= self.crop[1] <= 1:
            raise InputError("views: crop is a share of the window, above 0 and at most 1")
        if self.high_pass[0] <= 0:
            raise InputError("views: high_pass is a frequency, above 0")
        if min(*self.smooth, *self.pool) < 1:
            raise InputError("views: smooth and pool count samples, at least 1")
        unknown = set(self.noises) - set(NOISES)
        if unknown or not self.noises:
            raise InputError(f"views: noises are some of {', '.join(NOISES)}")


LEAST_LEVEL = -3.0  # of a window to which nothing was added


class Augment:
    """`augment(y, generator)`: uint8 windows (N, L) or (N, leads, L) -> real network input of that shape, `(y' - 128) /
    16`.
    """

    def __init__(self, views: Views, noise: Tensor | None = None):
        self.views, self.noise = views, noise
        source = [
            (views.p_flip, lambda x, _: -x),
            (views.p_reverse, lambda x, _: x.flip(-1)),
            (views.p_warp, self.warp),
            (views.p_crop, self.crop),
            (views.p_smooth, filtered(self.smooth)),
            (views.p_pool, filtered(self.pool)),
            (views.p_high_pass, filtered(self.high_pass)),
        ]
        disturb = [
            (views.p_wander, self.wander),
            (views.p_gaussian, self.gaussian),
            (views.p_powerline, self.powerline),
        ]
        if noise is not None:
            disturb.append((views.p_noise, self.recorded))
        output = [(views.p_amplitude, self.amplitude), (views.p_cutout, self.cutout)]
        self.source, self.disturb, self.output = ([c for c in stage if c[0] > 0] for stage in (source, disturb, output))

    def __call__(self, y: Tensor, generator: torch.Generator) -> Tensor:
        return self.with_level(y, generator)[0]

    def with_level(self, y: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """The views, and the added noise of each: (N,) or (N, leads) log10 of noise power over signal power, at least
        `LEAST_LEVEL`.
        """
        leads = y.float().reshape(len(y), -1, y.shape[-1]) - ZERO
        clean = some_rows(leads, self.source, generator).flatten(0, 1)
        noisy = some_rows(clean.clone(), self.disturb, generator)
        ratio = (noisy - clean).square().mean(1) / clean.square().mean(1).clamp(min=1e-2)
        level = (ratio + 10.0**LEAST_LEVEL).log10().clamp(max=2)
        views = quantize(some_rows(rescale(noisy, clean), self.output, generator))
        return views.reshape(y.shape), level.reshape(y.shape[:-1])

    def wander(self, x: Tensor, generator: torch.Generator) -> Tensor:
        drift = sines(x.shape, 3, 0.1, 1.0, generator)
        return x + at_snr(drift, x, self.views.wander_snr, generator)

    def powerline(self, x: Tensor, generator: torch.Generator) -> Tensor:
        return x + at_snr(sines(x.shape, 1, 45.0, 60.0, generator), x, self.views.powerline_snr, generator)

    def gaussian(self, x: Tensor, generator: torch.Generator) -> Tensor:
        return x + at_snr(torch.randn(x.shape, generator=generator), x, self.views.gaussian_snr, generator)

    def recorded(self, x: Tensor, generator: torch.Generator) -> Tensor:
        kinds, length = self.noise.shape
        kind = torch.randint(kinds, (len(x), 1), generator=generator)
        start = torch.randint(length - x.shape[1] + 1, (len(x), 1), generator=generator)
        noise = self.noise.reshape(-1)[kind * length + start + torch.arange(x.shape[1])]
        return x + at_snr(noise, x, self.views.noise_snr, generator)

    def warp(self, x: Tensor, generator: torch.Generator) -> Tensor:
        """Around the middle; at a squeezed window's ends the last value is held."""
        middle = (x.shape[-1] - 1) / 2
        factor = 1 + uniform((len(x), 1), -self.views.warp, self.views.warp, generator)
        return interpolate(x, (torch.arange(x.shape[-1]) - middle) * factor + middle)

    def crop(self, x: Tensor, generator: torch.Generator) -> Tensor:
        last = x.shape[-1] - 1
        share = uniform((len(x), 1), *self.views.crop, generator)
        start = torch.rand((len(x), 1), generator=generator) * (1 - share) * last
        return interpolate(x, start + torch.arange(x.shape[-1]) * share)

    def smooth(self, x: Tensor, generator: torch.Generator) -> Tensor:
        low, high = ((n - 1) // 2 for n in self.views.smooth)
        reach = torch.randint(low, high + 1, (len(x), 1), generator=generator)
        offset = torch.arange(-high, high + 1)
        kernel = torch.cos(math.pi / 2 * offset / (reach + 1)).square() * (offset.abs() <= reach)
        kernel = (kernel / kernel.sum(1, keepdim=True)).repeat_interleave(x.shape[1], 0)
        padded = F.pad(x, (high, high), mode="replicate").reshape(1, -1, x.shape[-1] + 2 * high)
        return F.conv1d(padded, kernel[:, None], groups=len(kernel)).reshape(x.shape)

    def high_pass(self, x: Tensor, generator: torch.Generator) -> Tensor:
        """The filter in which devices differ most besides the low pass: monitors cut at 0.5 or 0.67 Hz, diagnostic
        recorders at 0.05.
        """
        corner = log_uniform((len(x), 1, 1), *self.views.high_pass, generator)
        reach = min(2 * round(RATE), x.shape[-1] - 1)
        padded = F.pad(x, (reach, reach), mode="reflect")
        frequency = torch.fft.rfftfreq(padded.shape[-1], 1 / RATE)
        response = frequency / (frequency - 1j * corner)
        return torch.fft.irfft(torch.fft.rfft(padded) * response, padded.shape[-1])[..., reach:-reach]

    def pool(self, x: Tensor, generator: torch.Generator) -> Tensor:
        low, high = self.views.pool
        factor, result = torch.randint(low, high + 1, (len(x),), generator=generator), x.clone()
        for k in range(low, high + 1):
            rows = factor == k
            means = F.avg_pool1d(x[rows], k, k, ceil_mode=True)
            result[rows] = F.interpolate(means, scale_factor=k, mode="linear")[..., : x.shape[-1]]
        return result

    def amplitude(self, x: Tensor, generator: torch.Generator) -> Tensor:
        return x * log_uniform((len(x), 1), *self.views.amplitude, generator)

    def cutout(self, x: Tensor, generator: torch.Generator) -> Tensor:
        low, high = self.views.cutout
        size = uniform((len(x), 1), low, high, generator) * RATE
        start = torch.rand((len(x), 1), generator=generator) * (x.shape[1] - size)
        time = torch.arange(x.shape[1])
        return x.masked_fill((time >= start) & (time < start + size), 0.0)


def some_rows(x: Tensor, changes: list, generator: torch.Generator) -> Tensor:
    """Apply each (probability, change) to a random subset of the rows, in place."""
    for probability, change in changes:
        rows = (torch.rand(len(x), generator=generator) < probability).nonzero()[:, 0]
        if len(rows):
            x[rows] = change(x[rows], generator)
    return x


def interpolate(x: Tensor, place: Tensor) -> Tensor:
    """Values of (N, leads, L) at the places (N, L'), in samples, by straight lines; the ends are held."""
    place = place.clamp(0, x.shape[-1] - 1)[:, None].expand(-1, x.shape[1], -1)
    left = place.floor().long().clamp(max=x.shape[-1] - 2)
    part = place - left
    return torch.gather(x, 2, left) * (1 - part) + torch.gather(x, 2, left + 1) * part


def uniform(shape, low: float, high: float, generator: torch.Generator) -> Tensor:
    return torch.rand(shape, generator=generator) * (high - low) + low


def log_uniform(shape, low: float, high: float, generator: torch.Generator) -> Tensor:
    return uniform(shape, math.log(low), math.log(high), generator).exp()


def sines(shape, count: int, low: float, high: float, generator: torch.Generator) -> Tensor:
    """Sum of `count` sine waves of random frequency (Hz), phase and weight in each row."""
    time = torch.arange(shape[1]) / RATE
    total = torch.zeros(shape)
    for _ in range(count):
        frequency, phase = uniform((shape[0], 1), low, high, generator), uniform((shape[0], 1), 0, 1, generator)
        total += torch.rand((shape[0], 1), generator=generator) * torch.sin(2 * math.pi * (frequency * time + phase))
    return total


def at_snr(noise: Tensor, x: Tensor, decibel: tuple[float, float], generator: torch.Generator) -> Tensor:
    """The noise, scaled row by row to a signal-to-noise ratio drawn from the range."""
    snr = uniform((len(x), 1), *decibel, generator)
    size = x.square().mean(1, keepdim=True) / noise.square().mean(1, keepdim=True).clamp(min=1e-6)
    return noise * (size.sqrt() * 10 ** (-snr / 20))


def filtered(change):
    """The change, rescaled to the size of its input, as the front end does with a filtered signal."""

    def scaled(x: Tensor, generator: torch.Generator) -> Tensor:
        return rescale(change(x, generator).flatten(0, 1), x.flatten(0, 1)).reshape(x.shape)

    return scaled


def rescale(noisy: Tensor, clean: Tensor) -> Tensor:
    """Give the disturbed signal the moving mean absolute value of the clean one, as the front end would have."""
    return noisy * gain(noisy, clean)


def gain(noisy: Tensor, clean: Tensor) -> Tensor:
    """The factor of `rescale` for each sample, in the shape of both."""
    ratio = moving_size(clean) / moving_size(noisy).clamp(min=1e-3)
    return ratio.repeat_interleave(BLOCK, 1)[:, : noisy.shape[1]]


def moving_size(x: Tensor, reach: int = 8) -> Tensor:
    """Mean absolute value over blocks of 32 samples, `reach` blocks on both sides: (N, blocks)."""
    blocks = F.avg_pool1d(x.abs()[:, None], BLOCK, BLOCK, ceil_mode=True)
    return F.avg_pool1d(blocks, 2 * reach + 1, 1, padding=reach, count_include_pad=False)[:, 0]


def quantize(x: Tensor) -> Tensor:
    """To the front end's integers and range, then to the networks' real units."""
    return x.round_().clamp_(-ZERO, ZERO - 1).div_(SCALE)


def load_noise(data: Path | None, front: FrontEnd, half: int = 0, kinds: Sequence[str] = NOISES) -> Tensor | None:
    """nstdb's noises through the front end's resampler and baseline filter: (rows, samples) float32 of unit power.

    Only one `half` of each noise: training takes the first, tests of robustness the second. None where there are none.
    """
    folder = find_folder(data, "nstdb") if data else None
    if folder is None:
        return None
    rows = []
    for kind in sorted(kinds):
        for lead, gain, rate in noise_leads(folder, kind):
            piece = np.array_split(lead, 2)[half]
            x, _ = reference.samples(piece, gain=gain)
            z = reference.baseline(reference.resample(x, round(rate * 1000), front), front).astype(np.float32)
            rows.append(torch.from_numpy(z / max(z.std(), 1e-6)))
    shortest = min((len(row) for row in rows), default=0)
    return torch.stack([row[:shortest] for row in rows]) if rows else None
