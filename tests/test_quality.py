"""Quality flags (docs/numerics.md 5): each from what it means, and none on clean recordings."""

import numpy as np
import pytest

from edgeecg import jit, reference
from edgeecg.model import default_front_end
from tests import models

FLAT, CLIPPED, LEAD_OFF, MISSING = 1, 2, 4, 8
FRONT = default_front_end()


def flags(millivolts, fs: float = 360, front=FRONT, gain: float | None = None) -> int:
    x, missing = reference.samples(np.asarray(millivolts), gain=gain)
    return int(reference.quality(x, missing, round(fs * 1000), front, [0])[0])


@pytest.mark.parametrize("fs", [100, 128, 250, 360, 1000])
def test_a_good_recording_has_no_flags(fs):
    assert flags(models.ecg(12, fs)) == 0


@pytest.mark.parametrize("fs", [128, 360])
def test_flat_and_lead_off(fs):
    good = models.ecg(12, fs, offset=0)
    assert flags(np.zeros(12 * fs), fs) == FLAT | LEAD_OFF
    assert flags(np.full(12 * fs, 300.0), fs) == FLAT | LEAD_OFF
    off = good.copy()
    off[3 * fs : 6 * fs] = off[3 * fs]
    assert flags(off, fs) & ~CLIPPED == LEAD_OFF
    shorter = good.copy()
    shorter[3 * fs : 4 * fs] = shorter[3 * fs]
    assert flags(shorter, fs) & (FLAT | LEAD_OFF) == 0
    rail = good.copy()
    rail[500] = 600.0
    assert flags(rail, fs) == LEAD_OFF


def test_clipping_is_time_at_the_extremes():
    """A sample counts from the third of a run on; 100 ms at 360 Hz are 36 samples."""
    good = models.ecg(12, 360, offset=0)
    top = good.max() + 0.1
    for start in (0, 1000):
        for length, flag in ((37, 0), (38, CLIPPED)):
            clipped = good.copy()
            clipped[start : start + length] = top
            assert flags(clipped) == flag, (start, length)
    both = good.copy()
    both[1000:1020] = top
    both[2000:2020] = good.min() - 0.1
    assert flags(both) == CLIPPED
    pairs = good.copy()
    for start in range(200, 3000, 20):
        pairs[start : start + 2] = top
    assert flags(pairs) == 0
    amplified = np.clip(good * 3, -1.5, 1.5)
    assert flags(amplified) == CLIPPED


@pytest.mark.parametrize("engine", [reference, jit])
@pytest.mark.parametrize(("clip_ms", "flag"), [(500, CLIPPED), (501, 0)])
def test_a_sample_that_is_highest_and_lowest_counts_once(engine, clip_ms, flag):
    """Half a second of one value, in blocks that are not flat because the resampled signal rings into them."""
    front = default_front_end(window=64, flat_max=0, flat_blocks=2, off_blocks=2, clip_ms=clip_ms)
    x = np.random.default_rng(0).integers(-9000, 9000, 640)
    x[126:192] = 777
    found = engine.quality(x, np.zeros(640, bool), 128_000, front, [0, 128, 512])
    assert found.tolist() == [0, flag, 0]


def test_flags_of_a_window_look_at_its_blocks_only():
    """Ten seconds good, ten missing and at the rail, ten good: windows that start inside block 39 still see 40 only."""
    x = models.canonical(models.ecg(40, 128, offset=0))
    missing = np.zeros(len(x), bool)
    missing[2560] = True
    starts = [1279, 1280, 1311, 1312, 2559, 2560, 2591, 2592]
    assert reference.quality(x, missing, 128_000, FRONT, starts).tolist() == [
        0,
        0,
        0,
        MISSING,
        MISSING,
        MISSING,
        MISSING,
        0,
    ]


def test_missing_samples_are_flagged():
    x = models.ecg(12, 360)
    x[777] = np.nan
    assert flags(x) == MISSING
    assert flags(np.full(12 * 360, np.nan)) == FLAT | LEAD_OFF | MISSING


def test_real_recording_has_no_flags(toy_ecg):
    x = models.canonical(toy_ecg[0])
    starts = range(0, 290 * 128, 1280)
    assert not reference.quality(x, np.zeros(len(x), bool), 360_000, FRONT, starts).any()


@pytest.mark.data
def test_flags_on_mitdb_are_real_clipping(data_dir):
    """In records 103, 116 and 223 the converter is at its rails; 100 and 234 are clean throughout."""
    found = {}
    for record, lead in (("100", 0), ("234", 0), ("103", 1), ("116", 0), ("223", 1)):
        adc = models.format_212(data_dir / "mitdb" / f"{record}.dat")[:, lead]
        x, missing = reference.samples(adc - 1024, gain=200)
        quality = reference.quality(x, missing, 360_000, FRONT, range(0, 1800 * 128 - 1279, 1280))
        assert set(quality) <= {0, CLIPPED}
        found[record] = np.nonzero(quality)[0].tolist()
        for w in found[record]:
            assert np.isin(adc[w * 3600 : (w + 1) * 3600], (0, 2047)).sum() >= 36
    assert found == {"100": [], "234": [], "103": [135, 136], "116": [100, 139, 140], "223": [44, 62, 63]}


@pytest.mark.data
def test_flat_leads_of_challenge_2011_are_flagged(data_dir):
    leads = np.load(data_dir / "challenge2011" / "ecg_128hz_uV_int16.npy").reshape(-1, 1280)
    flat = leads[np.ptp(leads, axis=1) == 0]
    assert len(flat) > 300
    for lead in flat:
        assert flags(lead, 128, gain=1000) == FLAT | LEAD_OFF
