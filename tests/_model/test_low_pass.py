"""The resampling kernel."""

import numpy as np
import pytest
from scipy import signal

from edgeecg.model import kernel_table


@pytest.mark.parametrize("half", [4, 16, 32])
def test_kernel_table_is_a_kaiser_low_pass(half):
    """The oracle is SciPy's window method at 32 * 128 Hz."""
    table = kernel_table(half).astype(int)
    assert table.shape == (half * 32 + 1,) and table[-1] == 0
    taps = signal.firwin(2 * half * 32 + 1, 43, window=("kaiser", 5.4), fs=32 * 128) * 32 * 2**15
    assert np.abs(table[:-1] - taps[half * 32 : -1]).max() <= 2


def test_kernel_table_passes_the_ecg_and_stops_the_mains():
    table = kernel_table().astype(float)
    taps = np.concatenate([table[:0:-1], table]) / table[:1] / (2 * table.sum() / table[0] - 1)
    _, pass_band = signal.freqz(taps, worN=np.linspace(0.01, 36, 200), fs=4096)
    _, stop_band = signal.freqz(taps, worN=np.linspace(50, 2000, 4000), fs=4096)
    _, edge = signal.freqz(taps, worN=[43.0], fs=4096)
    assert np.abs(20 * np.log10(np.abs(pass_band))).max() < 0.05
    assert 20 * np.log10(np.abs(stop_band).max()) < -55
    assert abs(20 * np.log10(np.abs(edge[0])) + 6.02) < 0.05
