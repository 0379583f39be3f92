"""The front end's bytes at rates other than 128 Hz: hosts compute in words of 16 bits where samples fit them."""

import numpy as np
import pytest

from edgeecg import reference
from edgeecg._core import Model as CoreModel
from edgeecg._core import Stream as CoreStream
from edgeecg.model import default_front_end
from tests.models import X_MAX, Net, ecg, edge_like
from tests.test_kernels import KERNELS

# At 4000 Hz there are too many taps for words.
RATES = [50, 100, 127.5, 132, 250, 257, 360, 500, 1000, 4000]


def front_end(model, kernels, x, fs_mhz, block=1280):
    stream = CoreStream(CoreModel(model.to_bytes(), kernels), fs_mhz, 1280, block, 1 << 15, 15, 8000.0, True)
    y = np.zeros((len(x) * 128_000 // fs_mhz + 1, model.front.channels), np.uint8)
    return y[: stream.front_end(x, y)]


def signals(fs):
    """Signals that fit words of 16 bits around any level, that do not, and that do in some chunks."""
    heart = (ecg(14, fs) * 8000).astype(np.int32)
    far = heart + (X_MAX - 100_000)
    steps = heart.copy()
    steps[len(steps) // 3 :] += 70_000
    middle = len(heart) // 2
    edge = np.full_like(heart, -32_768)
    edge[0] = 0
    beyond = edge - np.arange(len(edge), dtype=np.int32) % 2 * (np.arange(len(edge), dtype=np.int32) > middle)
    spike = heart.copy()
    spike[middle] = -X_MAX
    return {"heart": heart, "far": far, "steps": steps, "edge": edge, "beyond": beyond, "spike": spike}


@pytest.mark.parametrize("kernels", KERNELS)
@pytest.mark.parametrize("fs", RATES)
def test_every_level_and_range_of_samples(fs, kernels):
    model = edge_like()
    fs_mhz = round(fs * 1000)
    for name, x in signals(fs).items():
        expected = reference.front_end(x, fs_mhz, model.front)
        for block in (32, 1280):
            np.testing.assert_array_equal(front_end(model, kernels, x, fs_mhz, block), expected, err_msg=name)


def table_of_32_large_taps_a_side():
    """A table that the reader accepts, and whose taps at 132 Hz are all the largest.

    At 132 Hz they lie 31.03 points apart, so that each is another phase's.
    """
    table = np.zeros(32 * 32 + 1, np.int16)
    for tap in range(32):
        table[31 * tap : 31 * tap + 2] = 32_767
    return table


@pytest.mark.parametrize("kernels", KERNELS)
def test_taps_whose_sums_do_not_fit_32_bits(kernels):
    """64 taps of 1 beside one of -63, times words of nearly 2^15."""
    front = default_front_end(table=table_of_32_large_taps_a_side(), table_half=32)
    net = Net(1)
    net.front = front
    net.conv(0, 16, kernel=9, stride=8)
    model = net.model()
    x = np.where(np.arange(132 * 14) % 132 < 40, 16_000, -16_000).astype(np.int32)
    np.testing.assert_array_equal(front_end(model, kernels, x, 132_000), reference.front_end(x, 132_000, model.front))


@pytest.mark.parametrize("kernels", KERNELS)
@pytest.mark.parametrize("dtype", [np.int16, np.int32])
def test_samples_in_a_row_and_apart_are_the_same(dtype, kernels):
    model = edge_like()
    limits = np.iinfo(dtype)
    x = np.random.default_rng(0).integers(limits.min + 1, limits.max, 5000, dtype, endpoint=True)
    x[2500:] = (ecg(50, 50) * 200).astype(dtype)[:2500]
    apart = np.zeros((5000, 3), dtype)
    apart[:, 1] = x
    for mult, shift in ((0, 0), (1 << 15, 15), (40_960, 10), (33_333, 1), (50_000, 30), (65_535, 40), (3, 0), (5, -2)):
        rows = []
        for samples in (x, apart[:, 1]):
            stream = CoreStream(CoreModel(model.to_bytes(), kernels), 250_000, 1280, 1280, mult, shift, 8000.0, True)
            y = np.zeros((len(x), model.front.channels), np.uint8)
            rows.append(y[: stream.front_end(samples, y)])
        v = x.astype(object) * (mult or 1)
        v = [(a + (1 << (shift - 1))) >> shift if mult and shift > 0 else a << (-shift if mult else 0) for a in v]
        exact = np.clip(np.array(v, object), -X_MAX, X_MAX).astype(np.int32)
        for got in rows:
            np.testing.assert_array_equal(
                got, reference.front_end(exact, 250_000, model.front), err_msg=f"{mult} {shift}"
            )
