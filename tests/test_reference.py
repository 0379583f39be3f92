"""The NumPy reference against oracles that share none of its code: exact fractions, SciPy, the continuous kernel."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy import signal

from edgeecg import reference
from edgeecg.errors import InputError
from edgeecg.model import default_front_end
from tests import models

X_MAX = 2**22 - 1
FRONT = default_front_end()
rates = st.integers(50_000, 4_000_000)


def half_up(numerator, power: int = 0) -> int:
    """The rounding rule, from its definition: the nearest integer of numerator / 2^power, halves upwards."""
    return math.floor(Fraction(numerator) / 2**power + Fraction(1, 2))


def half_up_array(numerator: np.ndarray, power: int) -> np.ndarray:
    """half_up without shifts, for many int64 below 2^61."""
    return (2 * numerator + 2**power) // 2 ** (power + 1)


@given(st.integers(-(2**60), 2**60), st.integers(1, 30))
def test_rnd_is_round_half_up(v, s):
    assert reference.rnd(v, s) == half_up(v, s) == half_up_array(np.array([v]), s)[0]


# 1. Samples


@given(
    st.lists(st.floats(-600, 600), min_size=1, max_size=50),
    st.sampled_from([("mV", 8000), ("uV", 8), ("V", 8_000_000)]),
)
def test_floats_become_the_nearest_eighth_of_a_microvolt(values, unit):
    name, per_unit = unit
    x, missing = reference.samples(np.array(values), unit=name)
    assert x.dtype == np.int32 and not missing.any()
    for value, sample in zip(values, x, strict=True):
        exact = Fraction(value) * per_unit
        assert abs(max(-X_MAX, min(X_MAX, exact)) - sample) <= Fraction(1, 2) + abs(exact) / 2**52


def test_floats_round_halves_away_from_zero_and_stop_at_the_limits():
    x, _ = reference.samples(np.array([0.5, 1.5, -0.5, -1.5, 0.4999, 1e300, -1e300]) / 8, unit="uV")
    assert x.tolist() == [1, 2, -1, -2, 0, X_MAX, -X_MAX]


def test_missing_samples_hold_the_value_before_them():
    x, missing = reference.samples(np.array([np.nan, 1, np.nan, np.inf, 2, -np.inf], np.float32), unit="uV")
    assert x.tolist() == [0, 8, 8, 8, 16, 16]
    assert missing.tolist() == [True, False, True, True, False, True]
    x, missing = reference.samples(np.array([-(2**31), 7, -(2**31)]), gain=8000)
    assert x.tolist() == [0, 7, 7] and missing.tolist() == [True, False, True]


@given(st.floats(0.25, 2.0**24), st.lists(st.integers(-(2**31) + 1, 2**31 - 1), min_size=1, max_size=20))
@example(0.25, [1, -1, 131, -131, 132])
@example(2.0**24, [2**31 - 1, -(2**31) + 1])
@example(200.0, [1, -1, 1000])
def test_integers_are_scaled_by_the_gain_to_16_bits(gain, values):
    x, _ = reference.samples(np.array(values), gain=gain)
    for value, sample in zip(values, x, strict=True):
        exact = Fraction(value) * 8000 / Fraction(gain)
        assert abs(max(-X_MAX, min(X_MAX, exact)) - sample) <= Fraction(1, 2) + abs(exact) / 2**16


def test_gains_that_are_whole_are_exact():
    values = np.arange(-3000, 3000)
    assert np.array_equal(reference.samples(values, gain=200)[0], values * 40)
    assert np.array_equal(reference.samples(values, gain=1000)[0], values * 8)
    assert np.array_equal(reference.samples(values, unit="uV")[0], values * 8)


def test_integers_need_a_gain():
    with pytest.raises(InputError, match="integer samples need gain"):
        reference.samples(np.arange(5))


# 2.1 Resampling


@given(rates, st.integers(-X_MAX, X_MAX), st.integers(1, 700))
@example(50_000, X_MAX, 100)
@example(4_000_000, -X_MAX, 700)
@example(127_999, X_MAX, 1)
def test_a_constant_stays_that_constant(fs, value, n):
    x = reference.resample(np.full(n, value, np.int32), fs, FRONT)
    assert x.dtype == np.int32
    assert len(x) == math.ceil(Fraction(n * 128_000, fs))
    assert (x == value).all()


def continuous_kernel(u, half: int):
    """The prototype without tables: a Kaiser-windowed sinc of any area, `u` in samples at 128 Hz."""
    inside = np.clip(1 - (u / half) ** 2, 0, None)
    return np.where(np.abs(u) <= half, np.sinc(2 * 43 / 128 * u) * np.i0(5.4 * np.sqrt(inside)), 0)


@pytest.mark.parametrize(
    "fs", [50_000, 77_777, 99_999, 127_003, 128_000, 131_000, 250_000, 360_000, 999_999, 4_000_000]
)
def test_resampling_is_the_continuous_kernel(fs):
    """In binary64, sample by sample; what remains is the table's 16 bits: 65 dB below white noise."""
    n = fs * 3 // 1000
    x = np.random.default_rng(fs).integers(-400_000, 400_000, n)
    fe = max(fs, FRONT.min_rate)
    reach = FRONT.table_half * fe // 128_000 + 2
    expected = []
    for k in range(math.ceil(n * 128_000 / fs)):
        position = k * fs / 128_000
        around = np.arange(int(position) - reach, int(position) + reach + 2)
        weights = continuous_kernel((position - around) * 128_000 / fe, FRONT.table_half)
        expected.append(weights @ x[np.clip(around, 0, n - 1)] / weights.sum())
    error = np.abs(reference.resample(x, fs, FRONT) - np.array(expected))
    assert error.max() < 400_000 * 2e-3
    assert error.std() < 400_000 * 3e-4


def sine_gain(frequency: float, fs: int, seconds: int = 8) -> float:
    """Amplitude in dB of a sine that has gone from `fs` to 128 Hz."""
    t = np.arange(fs * seconds // 1000) / (fs / 1000)
    x = reference.resample(np.round(100_000 * np.sin(2 * np.pi * frequency * t + 0.3)).astype(np.int32), fs, FRONT)
    middle = x[128:-128].astype(float)
    return 20 * math.log10(max(np.sqrt(2 * np.mean((middle - middle.mean()) ** 2)) / 100_000, 1e-9))


@pytest.mark.parametrize("fs", [100_000, 128_000, 129_870, 250_000, 360_000, 500_000, 1_000_000])
def test_the_ecg_passes_and_the_mains_does_not(fs):
    for frequency in (1, 10, 20, 30, 33):
        assert abs(sine_gain(frequency, fs)) < 1, frequency
    for frequency in (52, 57, 60, 63, 75.5, 100, 127, 155, 180, 249, 256, 400):
        if 2 * frequency < fs / 1000:
            assert sine_gain(frequency, fs) < -40, frequency


@pytest.mark.parametrize("fs", [50_000, 64_000, 90_000, 100_000])
def test_slow_rates_leave_no_images(fs):
    """A 10 Hz sine is only that sine at 128 Hz; its image at fs - 10 Hz is gone."""
    t = np.arange(fs * 10 // 1000) / (fs / 1000)
    x = reference.resample(np.round(100_000 * np.sin(2 * np.pi * 10 * t)).astype(np.int32), fs, FRONT)
    expected = 100_000 * np.sin(2 * np.pi * 10 * np.arange(len(x)) / 128)
    assert np.abs(x - expected)[160:-160].max() < 500


@pytest.mark.parametrize(
    ("fs", "up", "down"), [(360_000, 16, 45), (250_000, 64, 125), (500_000, 32, 125), (100_000, 32, 25)]
)
def test_resampling_agrees_with_scipy_on_what_lies_below_30_hz(fs, up, down):
    x = models.ecg(30, fs / 1000, seed=4, offset=0)
    x = signal.sosfiltfilt(signal.butter(8, 30, fs=fs / 1000, output="sos"), x)
    ours = reference.resample(models.canonical(x), fs, FRONT) / 8000
    theirs = signal.resample_poly(x, up, down)
    inside = slice(256, -256)
    assert len(ours) == len(theirs)
    assert np.corrcoef(ours[inside], theirs[inside])[0, 1] > 0.9999
    assert np.abs(ours - theirs)[inside].max() < 0.01 * np.ptp(x)


def test_resampling_agrees_with_scipy_on_a_real_recording(toy_ecg):
    x = toy_ecg[0][: 360 * 60]
    x = signal.sosfiltfilt(signal.butter(8, 30, fs=360, output="sos"), x - x.mean())
    ours = reference.resample(models.canonical(x), 360_000, FRONT) / 8000
    assert np.corrcoef(ours[256:-256], signal.resample_poly(x, 16, 45)[256:-256])[0, 1] > 0.9999


# 2.2 and 2.3 Baseline and scale


def exact_baseline(x, length: int) -> list[int]:
    b = length.bit_length() - 1
    z = []
    for n in range(len(x)):
        s = sum(int(x[min(max(i, 0), len(x) - 1)]) for i in range(n - length // 2, n + length // 2))
        z.append(max(-32767, min(32767, half_up(int(x[n]) * length - s, b + 2))))
    return z


@given(models.recordings(max_samples=300), st.sampled_from([16, 32, 64, 128, 256]))
def test_baseline_is_the_sample_minus_its_moving_average(x, length):
    z = reference.baseline(x, default_front_end(baseline=length))
    assert z.dtype == np.int16
    assert z.tolist() == exact_baseline(x, length)


def exact_scale(z, front) -> list[list[int]]:
    blocks = [z[i : i + 32].tolist() for i in range(0, len(z), 32)]
    y = []
    for q, block in enumerate(blocks):
        around = [v for other in blocks[max(0, q - front.reach) : q + front.reach + 1] for v in other]
        total, n = sum(abs(v) for v in around), len(around)
        for v in block:
            ratios = [gain * n * 4096 // max(total, front.floor * n) for gain in front.gain]
            y.append([max(-128, min(127, half_up(v * ratio, 20))) + 128 for ratio in ratios])
    return y


@given(
    st.lists(st.integers(-32767, 32767), min_size=1, max_size=400),
    st.integers(1, 16),
    st.integers(1, 32767),
    st.lists(st.integers(1, 65535), min_size=1, max_size=4),
)
def test_scale_divides_by_the_mean_magnitude_around(z, reach, floor, gain):
    front = default_front_end(reach=reach, floor=floor, gain=tuple(gain), channels=len(gain))
    y = reference.scale(np.array(z, np.int16), front)
    assert y.dtype == np.uint8
    assert y.tolist() == exact_scale(np.array(z), front)


@pytest.mark.parametrize("fs", [100_000, 360_000])
def test_front_end_does_not_depend_on_offset_or_amplitude(fs):
    """A tenth or ten times the amplitude, half a volt of electrode offset: the same picture, to a step or two."""
    x = models.ecg(30, fs / 1000, seed=5, offset=0)
    pictures = [
        reference.front_end(models.canonical(v), fs, FRONT).astype(int) for v in (x, x + 300, x * 10, x / 10 - 300)
    ]
    for picture in pictures[1:]:
        assert np.abs(picture - pictures[0]).max() <= 2
    assert np.array_equal(pictures[0], pictures[1])


@pytest.mark.parametrize("value", [0, 5, X_MAX, -X_MAX])
def test_front_end_of_a_constant_is_the_zero_point(value):
    assert (reference.front_end(np.full(3000, value, np.int32), 200_000, FRONT) == 128).all()


def test_front_end_forgets():
    """Finite memory: what lies further back than baseline, scale and kernel reach changes nothing."""
    x = models.canonical(models.ecg(40, 128, seed=6))
    memory = 32 * FRONT.reach + FRONT.baseline // 2 + FRONT.table_half
    cut = 32 * 40
    whole = reference.front_end(x, 128_000, FRONT)
    part = reference.front_end(x[cut:], 128_000, FRONT)
    assert np.array_equal(whole[cut + memory :], part[memory:])
    assert not np.array_equal(whole[cut : cut + 64], part[:64])


def test_plain_front_end_takes_128_hz_only():
    front = models.plain().front
    y = reference.front_end(np.array([0, 131, 132, -1_000_000, X_MAX]), 128_000, front)
    assert y[:, 0].tolist() == [128, 129, 129, 0, 255]
    with pytest.raises(InputError, match="takes samples at 128 Hz only, not 250 Hz"):
        reference.front_end(np.zeros(500, np.int32), 250_000, front)


@pytest.mark.parametrize("fs", [49_999, 4_000_001])
def test_rates_outside_the_range_are_refused(fs):
    with pytest.raises(InputError, match=r"outside 50 .. 4000 Hz"):
        reference.front_end(np.zeros(500, np.int32), fs, FRONT)


# 3. Trunk


def test_largest_sums_fit_int32():
    model = models.wide()
    layer = model.layers[1]
    for value in (0, 255):
        tensor = np.full((300, 128), value, np.uint8)
        acc = reference.accumulate(tensor, layer, value)
        assert np.abs(acc).max() < 2**31
    assert np.abs(acc).max() > 2**31 - 2**24


# 4. Head


@given(models.models(), st.integers(0, 2**32 - 1))
def test_head_is_what_fractions_say(model, seed):
    h, zero = model.head, model.zero_points[-1]
    frames = np.random.default_rng(seed).integers(0, 256, (h.frames + 3, model.channels[-1])).astype(np.uint8)
    start = 2 * model.total_stride + model.total_stride - 1
    e16, e8 = reference.head(frames, model, [start])
    window = frames[2 : 2 + h.frames].astype(int)
    mean = []
    if h.pool != 2:
        sums = [int(s) - h.frames * zero for s in window.sum(axis=0)]
        mean = [max(0, min(255, half_up(s * int(m), 14) + h.zp_mean)) for s, m in zip(sums, h.mean_mult, strict=True)]
    u = mean + (window.max(axis=0).tolist() if h.pool != 1 else [])
    for d in range(h.dim):
        acc = int(h.bias[d]) + sum(int(w) * v for w, v in zip(h.weights[d], u, strict=True))
        assert e16[0, d] == max(-32767, min(32767, half_up(acc * int(h.mult[d]), 6)))
        assert e8[0, d] == max(-127, min(127, half_up(acc * int(h.mult[d]), 14)))


# All of it


def test_windows_share_frames():
    """Each window's embedding is the head over frames of the whole recording, whatever the hop."""
    model = models.edge_like()
    x, fs = models.recording_for(model, 25)
    missing = np.zeros(len(x), bool)
    frames = reference.trunk(reference.front_end(x, fs, model.front), model)
    every, _, quality = reference.embed(x, missing, fs, model, 64)
    assert len(every) == (25 * 128 - 1280) // 64 + 1 == len(quality)
    for w in (0, 7, len(every) - 1):
        level = reference.levels(x, fs, model.front, [64 * w])
        assert np.array_equal(every[w], reference.head(frames, model, [64 * w], level)[0][0])
    assert np.array_equal(reference.embed(x, missing, fs, model, 640)[0], every[::10])


def test_too_short_a_recording_gives_no_windows():
    model = models.edge_like()
    for n in (0, 1, 1279):
        e16, e8, quality = reference.embed(np.zeros(n, np.int32), np.zeros(n, bool), 128_000, model, 1)
        assert e16.shape == e8.shape == (0, 128) and quality.shape == (0,)
