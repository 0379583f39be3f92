"""Views: on the device's grid, reproducible, and as strong as they say."""

from dataclasses import fields, replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from edgeecg.errors import InputError
from train.data.front_end import default_front_end
from train.views import Augment, Views, load_noise
from train.views.augment import at_snr, moving_size, rescale, sines

OFF = Views(**{f.name: 0.0 for f in fields(Views) if f.name.startswith("p_")})
NOISE = torch.randn(3, 5000, generator=torch.Generator().manual_seed(9))
CHANGES = sorted(f.name for f in fields(Views) if f.name.startswith("p_"))


def windows(count=16, length=1280, seed=0):
    time = torch.arange(length) / 128
    wave = sum(torch.sin(2 * np.pi * k * 1.2 * time) for k in range(1, 12)) * 4
    noise = torch.randn(count, length, generator=torch.Generator().manual_seed(seed)) * 3
    return (wave + noise + 128).clamp(0, 255).to(torch.uint8)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@given(seed=st.integers(0, 10**6), length=st.sampled_from([1280, 1728, 1300]))
def test_views_lie_on_the_devices_grid(seed, length):
    x = Augment(Views(), NOISE)(windows(8, length, seed), generator(seed))
    steps = x * 16
    assert x.shape == (8, length) and x.dtype == torch.float32
    assert torch.equal(steps, steps.round())
    assert steps.min() >= -128 and steps.max() <= 127


def test_views_follow_their_generator_and_leave_the_input_alone():
    y = windows()
    before = y.clone()
    augment = Augment(Views(), NOISE)
    first, again, other = augment(y, generator(1)), augment(y, generator(1)), augment(y, generator(2))
    assert torch.equal(first, again) and not torch.equal(first, other)
    assert torch.equal(y, before)


def test_without_changes_a_view_is_the_window():
    y = windows()
    torch.testing.assert_close(Augment(OFF, NOISE)(y, generator()), (y.float() - 128) / 16, atol=0, rtol=0)


@pytest.mark.parametrize("change", CHANGES)
def test_each_change_falls_on_its_share_of_windows(change):
    y = windows(400, 1280)
    clean = (y.float() - 128) / 16
    x = Augment(replace(OFF, **{change: 0.25}), NOISE)(y, generator(4))
    changed = (x != clean).any(1)
    assert 0.17 < changed.float().mean() < 0.33
    assert torch.equal(x[~changed], clean[~changed])


def test_the_sign_is_the_only_thing_that_a_flip_changes():
    y = windows().clamp(1, 255)
    x = Augment(replace(OFF, p_flip=1.0), None)(y, generator())
    torch.testing.assert_close(x, -(y.float() - 128) / 16, atol=0, rtol=0)


def test_a_cutout_is_one_stretch_of_the_length_asked_for():
    y = torch.full((200, 1280), 200, dtype=torch.uint8)
    x = Augment(replace(OFF, p_cutout=1.0, cutout=(0.5, 1.0)), None)(y, generator())
    zero = x == 0
    assert ((zero[:, 1:] & ~zero[:, :-1]).sum(1) + zero[:, 0] == 1).all()
    assert zero.sum(1).min() >= 63 and zero.sum(1).max() <= 129


def test_time_warp_moves_the_ends_and_not_the_middle():
    y = (torch.arange(1280) / 5).to(torch.uint8).expand(50, -1)
    x = Augment(replace(OFF, p_warp=1.0, warp=0.05), None)(y, generator()) * 16 + 128
    assert (x[:, 640] - 128).abs().max() <= 1
    assert (x[:, 0].max() > 3) and (x[:, 0] <= 0.05 * 128 + 1).all()


@given(decibel=st.floats(-10, 40), seed=st.integers(0, 1000))
def test_noise_has_the_ratio_asked_for(decibel, seed):
    x, noise = torch.randn(4, 500, generator=generator(seed)), torch.randn(4, 500, generator=generator(seed + 1))
    scaled = at_snr(noise, x, (decibel, decibel), generator())
    ratio = 10 * torch.log10(x.square().mean(1) / scaled.square().mean(1))
    torch.testing.assert_close(ratio, torch.full((4,), decibel), atol=1e-2, rtol=1e-3)


@pytest.mark.parametrize("kind", ["recorded", "gaussian", "powerline", "wander"])
@pytest.mark.parametrize("decibel", [0.0, 6.0, 20.0])
def test_each_disturbance_reaches_its_ratio_to_a_tenth_of_a_decibel(kind, decibel):
    chosen = (decibel, decibel)
    views = Views(noise_snr=chosen, gaussian_snr=chosen, powerline_snr=chosen, wander_snr=chosen)
    clean = windows(64).float() - 128
    added = getattr(Augment(views, NOISE), kind)(clean, generator()) - clean
    ratio = 10 * torch.log10(clean.square().mean(1) / added.square().mean(1))
    torch.testing.assert_close(ratio, torch.full((64,), decibel), atol=0.1, rtol=0)


def test_the_whole_view_tells_the_ratio_of_what_was_added():
    views = replace(OFF, p_noise=1.0, noise_snr=(10.0, 10.0))
    _, level = Augment(views, NOISE).with_level(windows(32), generator())
    torch.testing.assert_close(-10 * level, torch.full((32,), 10.0), atol=0.1, rtol=0)


def test_reversing_twice_is_the_window():
    views = replace(OFF, p_reverse=1.0)
    y = windows(4).clamp(1, 255)
    once = (Augment(views)(y, generator()) * 16 + 128).to(torch.uint8)
    assert torch.equal(once, y.flip(-1)) and not torch.equal(once, y)


@given(seed=st.integers(0, 10**6), low=st.floats(0.2, 1.0), width=st.floats(0.0, 0.5))
def test_a_crop_is_a_stretch_of_the_window_at_its_own_speed(seed, low, width):
    """A ramp cropped is a ramp whose slope is the stretch's share of the window."""
    high = min(1.0, low + width)
    ramp = torch.arange(1280.0).expand(6, 1, -1)
    cropped = Augment(Views(crop=(low, high))).crop(ramp, generator(seed))[:, 0]
    slope = cropped.diff(dim=1)
    torch.testing.assert_close(slope, slope[:, :1].expand_as(slope), atol=2e-3, rtol=0)
    assert slope.min() >= low - 1e-2 and slope.max() <= high + 1e-2
    assert cropped.min() >= 0 and cropped.max() <= 1279


def test_smoothing_spreads_an_impulse_over_a_kernel_of_sum_one():
    impulse = torch.zeros(40, 2, 200)
    impulse[..., 100] = 1.0
    x = Augment(Views(smooth=(3, 9))).smooth(impulse, generator())
    torch.testing.assert_close(x.sum(2), torch.ones(40, 2))
    widths = (x > 1e-6).sum(2)
    assert set(widths[:, 0].tolist()) == {3, 5, 7, 9} and torch.equal(widths[:, 0], widths[:, 1])
    torch.testing.assert_close(x, x.roll(-1, 2).flip(2), msg="a symmetric kernel, so that nothing is moved")


def test_smoothing_and_pooling_keep_slow_waves_and_take_fast_ones():
    time = torch.arange(1280) / 128
    slow, fast = (torch.sin(2 * np.pi * f * time).expand(8, 1, -1) for f in (1.0, 60.0))
    augment = Augment(Views(smooth=(5, 9), pool=(2, 4)))
    for change in (augment.smooth, augment.pool):
        assert (change(slow, generator()) - slow)[..., 16:-16].abs().max() < 0.06
        assert change(fast, generator()).square().mean() < 0.05 * fast.square().mean()


@pytest.mark.parametrize("name", ["p_smooth", "p_high_pass", "p_pool"])
def test_a_filtered_view_is_as_large_as_the_front_end_makes_it(name):
    y = windows(8)
    views = replace(OFF, smooth=(9, 9), high_pass=(8.0, 8.0), pool=(4, 4), **{name: 1.0})
    x, before = Augment(views)(y, generator()) * 16, y.float() - 128
    moving = (moving_size(x) / moving_size(before))[:, 8:-8]
    assert (before - x).abs().mean() > 1 and (moving - 1).abs().max() < 0.1


@pytest.mark.parametrize("corner", [0.05, 0.67, 1.0])
@pytest.mark.parametrize("length", [1280, 1283])
def test_the_high_pass_is_a_filter_of_first_order(corner, length):
    """Amplitude and phase of a sine behind R and C, away from the ends."""
    from scipy.signal import lfilter

    time, f = torch.arange(length) / 128, 1.5
    x = torch.sin(2 * np.pi * f * time).expand(3, 2, -1)
    y = Augment(Views(high_pass=(corner, corner))).high_pass(x, generator())
    gain, phase = f / np.hypot(f, corner), np.arctan(corner / f)
    expected = gain * torch.sin(2 * np.pi * f * time + phase)
    torch.testing.assert_close(y[..., 384:-384], expected[384:-384].expand(3, 2, -1), atol=0.02, rtol=0)
    if corner >= 0.5:  # and a pulse, by the recursion: it rings behind the pulse and not before it
        pulse = torch.zeros(1, 1, 1280)
        pulse[..., 640:650] = 1.0
        k = np.tan(np.pi * corner / 128)
        recursion = lfilter([1 / (1 + k), -1 / (1 + k)], [1, (k - 1) / (k + 1)], pulse[0, 0].numpy())
        y = Augment(Views(high_pass=(corner, corner))).high_pass(pulse, generator())[0, 0]
        np.testing.assert_allclose(y, recursion, atol=0.03)


@pytest.mark.parametrize("length", [1280, 1283, 1676])
def test_pooling_keeps_length_and_place(length):
    ramp = torch.arange(float(length)).expand(12, 1, -1)
    x = Augment(Views(pool=(2, 4))).pool(ramp, generator())
    torch.testing.assert_close(x[..., 8:-8], ramp[..., 8:-8], atol=1e-3, rtol=0)


def test_leads_of_a_window_keep_their_time_and_get_noise_of_their_own():
    y = windows(6)[:, None].expand(-1, 3, -1).contiguous()
    moved = Augment(replace(OFF, p_warp=1.0, p_crop=1.0, p_smooth=1.0, p_pool=1.0, p_reverse=0.5, p_flip=0.5))(
        y, generator()
    )
    assert moved.shape == y.shape and torch.equal(moved[:, 0], moved[:, 2])
    noisy, level = Augment(replace(OFF, p_gaussian=1.0)).with_level(y, generator())
    assert level.shape == (6, 3) and not torch.equal(noisy[:, 0], noisy[:, 1])


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"crop": (0.0, 0.5)}, "crop"),
        ({"noises": ("hum",)}, "bw, em, ma"),
        ({"pool": (0, 2)}, "count samples"),
        ({"high_pass": (0.0, 1.0)}, "above 0"),
        ({"noise_snr": (9.0, 3.0)}, "smaller to the larger"),
    ],
)
def test_strengths_that_mean_nothing_are_refused(wrong, words):
    with pytest.raises(InputError, match=words):
        Views(**wrong)


def test_sines_have_the_frequencies_asked_for():
    wave = sines((20, 1280), 1, 45.0, 60.0, generator())
    peak = torch.fft.rfft(wave * torch.hann_window(1280)).abs()[:, 5:].argmax(1) / 10 + 0.5
    assert peak.min() >= 44.9 and peak.max() <= 60.1


def test_a_disturbed_signal_keeps_its_moving_size_as_on_the_device():
    clean = windows().float() - 128
    noisy = clean + 30 * torch.randn(clean.shape, generator=generator())
    sizes = [t[:, 320:-320].abs().mean(1) for t in (clean, rescale(noisy, clean))]
    torch.testing.assert_close(*sizes, rtol=0.1, atol=0.1)


def test_a_probability_beyond_one_is_refused():
    with pytest.raises(InputError, match="p_flip"):
        Views(p_flip=1.5)


def test_recorded_noise_is_optional():
    assert load_noise(None, default_front_end()) is None


@pytest.mark.data
def test_training_takes_the_first_half_of_each_noise(data_dir):
    first, second = (load_noise(data_dir, default_front_end(), half) for half in (0, 1))
    assert first.shape == second.shape == (6, 115556 // 2)
    torch.testing.assert_close(first.square().mean(1), torch.ones(6), atol=0.05, rtol=0)
    assert not torch.equal(first, second)


def test_noise_is_read_from_wfdb_records_too(tmp_path):
    pytest.importorskip("wfdb")
    (tmp_path / "nstdb").mkdir()
    noise = np.random.default_rng(0).normal(0, 40, (40000, 2)).astype("<i2")
    for kind in ("bw", "ma"):
        lines = [f"{kind} 2 360 40000", *[f"{kind}.dat 16 200 16 0 0 0 0 noise{i}" for i in (1, 2)]]
        (tmp_path / "nstdb" / f"{kind}.hea").write_text("\n".join(lines) + "\n")
        (tmp_path / "nstdb" / f"{kind}.dat").write_bytes(noise.tobytes())
    both, one = (load_noise(tmp_path, default_front_end(), kinds=kinds) for kinds in (("bw", "em", "ma"), ("ma",)))
    assert len(both) == 4 and abs(both.shape[1] - 20000 * 128 / 360) < 2
    assert one.shape[0] == 2 and torch.equal(one, both[2:])
    torch.testing.assert_close(both.square().mean(1), torch.ones(4), atol=0.05, rtol=0)
