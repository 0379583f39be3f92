"""What autoencoders are trained for and measured by, against sampling, closed forms and constructed signals."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.distributions import Normal

from train.objectives.reconstruction import (
    activity,
    denoising_gain_db,
    entropy_bits,
    kl_to_normal,
    negative_elbo,
    prd,
    snr_db,
    squared_error,
)
from train.views.noisy import noisy_pair


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def rows(n=4, length=640, seed=0):
    return torch.randn(n, length, generator=generator(seed))


def test_kl_is_what_sampling_says():
    mean, log_variance = torch.tensor([[0.7, -1.2, 0.0]]), torch.tensor([[-1.5, 0.8, 0.0]])
    code = Normal(mean, (0.5 * log_variance).exp())
    torch.manual_seed(0)
    z = code.sample((200_000,))
    sampled = (code.log_prob(z) - Normal(0.0, 1.0).log_prob(z)).sum(-1)
    error = float(sampled.std()) / math.sqrt(len(z))
    assert float(kl_to_normal(mean, log_variance)[0]) == pytest.approx(float(sampled.mean()), abs=4 * error)


@given(seed=st.integers(0, 10**6))
def test_kl_is_not_negative_and_zero_for_the_prior(seed):
    mean, log_variance = rows(3, 5, seed), rows(3, 5, seed + 1)
    assert (kl_to_normal(mean, log_variance) >= 0).all()
    assert torch.equal(kl_to_normal(torch.zeros(2, 5), torch.zeros(2, 5)), torch.zeros(2))


def test_negative_elbo_is_the_likelihood_and_the_divergence():
    """Against torch.distributions, with the constant that the docstring leaves out."""
    x, restored, mean, log_variance, variance = rows(), rows(seed=1), rows(4, 8, 2), rows(4, 8, 3), 0.05
    prior = Normal(torch.zeros_like(mean), torch.ones_like(mean))
    divergence = torch.distributions.kl_divergence(Normal(mean, (0.5 * log_variance).exp()), prior).sum(1)
    elbo = Normal(restored, math.sqrt(variance)).log_prob(x).sum(1) - divergence
    constant = 0.5 * x.shape[1] * math.log(2 * math.pi * variance)
    expected = 2 * variance / x.shape[1] * (-elbo - constant).mean()
    torch.testing.assert_close(negative_elbo(x, restored, mean, log_variance, variance), expected, rtol=1e-4, atol=1e-4)


def test_activity_charges_each_number_alike():
    code = torch.tensor([[0.0, 3.0, -1.0], [0.5, 0.0, 0.0]], requires_grad=True)
    value = activity(code)
    value.backward()
    assert value.item() == pytest.approx((4.0 + 0.5) / 2)
    assert torch.equal(code.grad, torch.tensor([[0.0, 0.5, -0.5], [0.5, 0.0, 0.0]]))


@given(seed=st.integers(0, 10**6), before=st.floats(-10, 20), after=st.floats(-10, 20))
def test_denoising_gain_is_the_difference_of_two_ratios(seed, before, after):
    clean, noise = rows(2, 640, seed).double(), rows(2, 640, seed + 1).double()

    def with_noise(snr):
        size = clean.square().sum(1, keepdim=True) / noise.square().sum(1, keepdim=True)
        return clean + noise * (size * 10 ** (-snr / 10)).sqrt()

    torch.testing.assert_close(snr_db(clean, with_noise(before)), torch.full((2,), before).double(), atol=1e-6, rtol=0)
    gain = denoising_gain_db(clean, with_noise(before), with_noise(after))
    torch.testing.assert_close(gain, torch.full((2,), after - before).double(), atol=1e-6, rtol=0)


def test_no_change_is_no_gain_and_a_perfect_one_is_limited():
    clean, noisy = rows(), rows() + rows(seed=1)
    assert torch.equal(denoising_gain_db(clean, noisy, noisy), torch.zeros(4))
    assert torch.equal(snr_db(clean, clean), torch.full((4,), 120.0))


def test_prd_of_a_flat_line_is_100():
    x = rows()
    torch.testing.assert_close(prd(x, torch.zeros_like(x)), torch.full((4,), 100.0))
    torch.testing.assert_close(prd(x, 0.9 * x), torch.full((4,), 10.0))
    assert squared_error(x, 0.9 * x).item() == pytest.approx(0.01 * x.square().mean().item())


def test_entropy_counts_symbols():
    assert entropy_bits(torch.arange(256, dtype=torch.uint8)) == pytest.approx(8.0)
    assert entropy_bits(torch.tensor([3, 3, 3, 3])) == 0.0
    assert entropy_bits(torch.tensor([0, 1, 1, 1])) == pytest.approx(2 - 0.75 * math.log2(3))


@pytest.mark.parametrize("snr", [0.0, 6.0, 12.0])
def test_noisy_pairs_differ_by_noise_of_the_size_asked_for(snr):
    time = np.arange(1280) / 128
    beats = 80 * np.exp(-(((time + 0.4) % 0.8 - 0.4) ** 2) / 2e-3)  # a QRS complex every 0.8 s
    y = torch.from_numpy(np.tile(beats + 128, (64, 1)).round()).to(torch.uint8)
    noisy, clean = noisy_pair(y, rows(3, 5000), (snr, snr), generator())
    assert noisy.shape == clean.shape == (64, 1280)
    assert abs(float(snr_db(clean, noisy).mean()) - snr) < 0.4  # scale and rounding move it a little
    assert torch.equal(noisy * 16, (noisy * 16).round())
    ratio = clean[:, 100:200] / ((y.float() - 128) / 16)[:, 100:200].clamp(min=1e-3)
    assert (ratio[:, :50] <= 1.01).all(), "noise takes room from the signal"
