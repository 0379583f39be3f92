"""Views: on the device's grid, reproducible, and as strong as they say."""

from dataclasses import fields, replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from edgeecg.errors import InputError
from train.data.front import default_front_end
from train.views import Augment, Views, load_noise
from train.views.augment import at_snr, rescale, sines

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
