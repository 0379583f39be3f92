"""The viewmaker: its budget, whom its gradient serves, and that it learns."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.fft import dct as scipy_dct
from torch import nn

from edgeecg.errors import InputError
from train.objectives import OBJECTIVES
from train.views.viewmaker import ReverseGradient, Viewmaker, ViewmakerOptions, dct, draw_views, likeness


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def windows(count=4, length=1280, seed=0, leads=None):
    shape = (count, length) if leads is None else (count, leads, length)
    return (torch.randn(shape, generator=generator(seed)) * 12).round().clamp(-128, 127) / 16


def noise(maker, x, seed=0):
    return maker.draw_noise(len(x), x.shape[-1], generator(seed))


def viewmaker(seed=0, leads=1, **options):
    torch.manual_seed(seed)
    return Viewmaker(ViewmakerOptions(**{"width": 4, "blocks": 1} | options), leads)


@given(
    budget=st.floats(0.005, 0.3),
    domain=st.sampled_from(["time", "dct"]),
    seed=st.integers(0, 10**6),
    length=st.sampled_from([1280, 1300, 1676]),
    leads=st.sampled_from([None, 3]),
    flat=st.booleans(),
)
def test_the_budget_is_kept_exactly(budget, domain, seed, length, leads, flat):
    x = windows(3, length, seed, leads)
    if flat:
        x[0] = 0
    maker = viewmaker(seed, leads or 1, budget=budget, domain=domain)
    made = maker.perturbation(x, noise(maker, x, seed))
    assert made.shape == x.shape
    scale = x.abs().amax(-1).clamp(min=1 / 16)
    torch.testing.assert_close(made.abs().mean(-1), budget * scale, rtol=1e-4, atol=1e-7)


def test_views_lie_on_the_devices_grid_and_near_the_window():
    x = windows()
    x[0, :300] = 127 / 16  # at the limit
    maker = viewmaker(budget=0.05)
    view = maker(x, noise(maker, x)).detach()
    steps = view * 16
    assert torch.equal(steps, steps.round()) and steps.min() >= -128 and steps.max() <= 127
    assert ((view - x).abs().mean(1) <= 0.05 * x.abs().amax(1) + 1 / 32).all() and not torch.equal(view, x)


def test_noise_makes_many_views_and_the_generator_decides_which():
    maker, x = viewmaker(), windows()
    assert torch.equal(maker(x, noise(maker, x, 1)), maker(x, noise(maker, x, 1)))
    assert not torch.equal(maker(x, noise(maker, x, 1)), maker(x, noise(maker, x, 2)))


@pytest.mark.parametrize("leads", [None, 3])
@pytest.mark.parametrize("domain", ["time", "dct"])
def test_two_draws_are_two_views_before_training_and_behind_it(domain, leads):
    """Without the random curves these are .95 (time) and .99 (dct)."""
    maker, x = viewmaker(domain=domain, leads=leads or 1, width=16), windows(6, leads=leads)
    encoder, objective = nn.Sequential(nn.Flatten(), nn.LazyLinear(8)), OBJECTIVES["nt_xent"]()
    encoder(x)
    assert likeness(maker, x, 8)[1].median() < 0.3
    steps = torch.optim.AdamW([*maker.parameters(), *encoder.parameters()], 1e-2)
    for seed in range(15):
        loss = objective(*(encoder(maker(x, noise(maker, x, 2 * seed + i))) for i in (0, 1)))
        steps.zero_grad()
        loss.backward()
        steps.step()
    views, alike = likeness(maker, x, 8)
    assert alike.median() < 0.3 and alike.shape == (28, 6, leads or 1)
    moved = (views - x).abs().mean(-1) / x.abs().amax(-1)
    assert (moved > 0.8 * 0.05).all() and (moved < 1.2 * 0.05).all(), "at the budget, but for rounding"


def test_noise_of_every_stage_matters():
    maker, x = viewmaker(blocks=2).double(), windows().double()
    drawn = noise(maker, x).double()
    start, before = 0, maker.perturbation(x, drawn)
    for length in [*maker.lengths(1280), 1280 // 32 + 1]:
        changed = drawn.clone()
        changed[:, start : start + length] = 0.7
        assert not torch.equal(maker.perturbation(x, changed), before)
        start += length
    assert start == drawn.shape[1]


def test_the_reversal_changes_the_sign_of_the_gradient_only():
    x = torch.randn(5, requires_grad=True)
    y = ReverseGradient.apply(x)
    (y * torch.arange(5.0)).sum().backward()
    assert torch.equal(y, x) and torch.equal(x.grad, -torch.arange(5.0))


@pytest.mark.parametrize("domain", ["time", "dct"])
def test_a_step_of_the_viewmaker_raises_the_loss_and_one_of_the_encoder_lowers_it(domain):
    maker, objective, x = viewmaker(domain=domain, budget=0.2), OBJECTIVES["nt_xent"](), windows(16)
    encoder = nn.Sequential(nn.Linear(1280, 16), nn.Tanh(), nn.Linear(16, 8))

    def loss():
        first, second = (encoder(maker(x, noise(maker, x, seed))) for seed in (1, 2))
        return objective(first, second)

    start = loss()
    start.backward()
    for module, sign in ((maker, 1), (encoder, -1)):
        saved = [p.detach().clone() for p in module.parameters()]
        norm = torch.stack([p.grad.norm() for p in module.parameters()]).norm()
        with torch.no_grad():
            for p in module.parameters():
                p.sub_(0.02 * p.grad / norm)
            assert sign * float(loss() - start) > 0
            for p, value in zip(module.parameters(), saved, strict=True):
                p.copy_(value)


@given(length=st.sampled_from([8, 100, 1280]), seed=st.integers(0, 1000))
def test_the_cosine_transform_is_scipys_and_goes_there_and_back(length, seed):
    x = torch.randn(3, length, generator=generator(seed))
    np.testing.assert_allclose(dct(x).numpy(), scipy_dct(x.numpy(), norm="ortho"), atol=2e-5)
    torch.testing.assert_close(dct(dct(x), inverse=True), x, atol=1e-5, rtol=0)


@pytest.mark.parametrize("leads", [None, 2])
def test_the_picture(tmp_path, leads):
    assert 0 < draw_views(viewmaker(leads=leads or 1), windows(2, leads=leads), tmp_path / "views.png") < 0.5
    assert (tmp_path / "views.png").read_bytes()[:4] == b"\x89PNG"
    assert [path.name for path in tmp_path.iterdir()] == ["views.png"]


@pytest.mark.parametrize("wrong", [{"budget": 0.0}, {"budget": 1.5}, {"width": 0}])
def test_options_that_mean_nothing_are_refused(wrong):
    with pytest.raises(InputError, match="viewmaker"):
        ViewmakerOptions(**wrong)
