"""Drawn beats: what counts as one, and that codes drawn from where real codes are give more of them."""

import numpy as np
import pytest
import torch

pytest.importorskip("sklearn")

from train.reconstruction.latents import chosen, draw, mixture, reach, walks, within


class Rings:
    """Decodes a code as it is: real windows lie on a ring in the first two numbers, where the prior is mostly not."""

    def decode(self, code):
        return code


def ring(count, seed):
    rng = torch.Generator().manual_seed(seed)
    angle = torch.rand(count, generator=rng) * 2 * np.pi
    flat = 0.02 * torch.randn(count, 6, generator=rng)
    return torch.cat([2 * angle.cos()[:, None], 2 * angle.sin()[:, None], flat], 1)


def test_beats_are_counted_by_how_near_real_ones_are_to_each_other():
    training, held_out = ring(2000, 0), ring(600, 1)
    found = draw(Rings(), training, training, held_out, counted=True)
    prior, fitted = found.values()
    assert prior.plausible < 0.05 and fitted.plausible > 0.6 * fitted.real > 0.3 and fitted.real == prior.real
    assert fitted.coverage > 0.3 > prior.coverage
    assert fitted.windows.shape == (1000, 8)
    assert "plausible" in fitted.line("a mixture") and f"{fitted.plausible:.0%}" in fitted.line("a mixture")
    assert draw(Rings(), training, training, held_out, counted=False)["the prior"].plausible is None


def test_near_is_what_the_third_neighbor_of_a_real_one_is():
    x = torch.tensor([[0.0], [1.0], [3.0], [6.0], [20.0]])
    assert reach(x).tolist() == [6.0, 5.0, 3.0, 6.0, 19.0]
    assert within(torch.tensor([[-6.1], [-5.9], [12.1], [39.5]]), x, reach(x)) == 0.5


def test_the_mixture_has_the_codes_moments():
    codes = torch.randn(4000, 3, generator=torch.Generator().manual_seed(0)) @ torch.tensor(
        [[1.0, 0.9, 0.0], [0.0, 0.4, 0.0], [0.0, 0.0, 2.0]]
    )
    drawn = mixture(codes, 4000)
    torch.testing.assert_close(torch.cov(drawn.T), torch.cov(codes.T), atol=0.2, rtol=0.1)


def test_a_latent_is_its_first_numbers_and_walks_change_one_each():
    start = chosen((1.0, -2.0), 5)
    assert start.tolist() == [[1.0, -2.0, 0.0, 0.0, 0.0]] and chosen((), 2).tolist() == [[0.0, 0.0]]
    codes, titles = walks(start, torch.tensor([0.1, 0.9, 0.2, 0.0, 0.5]), count=2)
    assert codes.shape == (10, 5) and titles[0] == "number 1 = -2" and titles[-1] == "number 4 = 2"
    changed = (codes != start).any(0)
    assert changed.tolist() == [False, True, False, False, True]
