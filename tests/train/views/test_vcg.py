"""3KG views: the published matrices, the geometry, and what reaches the network."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from edgeecg.errors import InputError
from train.data.front_end import default_front_end, front_end_reader
from train.views.vcg import DOWER, INVERSE, TWELVE, Vcg, VcgViews, from_vcg, rotation, to_vcg, twelve_leads

STILL = VcgViews(rotation=0.0, scale=1.0, p_gaussian=0.0, p_time_mask=0.0, p_channel_mask=0.0)


@pytest.fixture(scope="module")
def read():
    return front_end_reader(default_front_end())


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def leads(count=3, seed=0):
    return torch.randn(count, 8, 1280, generator=generator(seed)) * 0.3


def test_the_inverse_is_the_one_in_print():
    """Edenbrandt and Pahlm 1988 print it to 3 digits, for I, II, V1 to V6."""
    printed = torch.tensor(
        [
            [0.156, -0.010, -0.172, -0.074, 0.122, 0.231, 0.239, 0.194],
            [-0.227, 0.887, 0.057, -0.019, -0.106, -0.022, 0.041, 0.048],
            [0.022, 0.102, -0.229, -0.310, -0.246, -0.063, 0.055, 0.108],
        ]
    )
    torch.testing.assert_close(INVERSE, printed, atol=1.5e-3, rtol=0)


def test_derived_leads_agree_with_the_printed_rows_of_the_dower_matrix():
    derived = twelve_leads(DOWER[None])[0]
    printed = {
        "III": (-0.397, 1.301, -0.191),
        "aVR": (-0.434, -0.415, 0.037),
        "aVL": (0.515, -0.768, 0.125),
        "aVF": (-0.081, 1.184, -0.162),
    }
    for name, row in printed.items():
        torch.testing.assert_close(derived[TWELVE.index(name)], torch.tensor(row), atol=2.5e-3, rtol=0)


def test_einthoven_and_goldberger_hold():
    x = dict(zip(TWELVE, twelve_leads(leads())[0], strict=True))
    torch.testing.assert_close(x["I"] + x["III"], x["II"])
    torch.testing.assert_close(x["aVR"] + x["aVL"] + x["aVF"], torch.zeros(1280), atol=1e-6, rtol=0)


def test_without_a_turn_the_view_is_the_projection_on_the_dipole(read):
    x = leads()
    still = Vcg(STILL, read).turn(x, generator())
    projector = (DOWER @ INVERSE).double()
    torch.testing.assert_close(projector @ projector, projector, atol=1e-5, rtol=0)
    torch.testing.assert_close(still.double(), projector @ x.double(), atol=1e-5, rtol=0)
    torch.testing.assert_close(Vcg(STILL, read).turn(still, generator()), still, atol=1e-5, rtol=0)


@given(angle=st.floats(0, 180), seed=st.integers(0, 10**6))
def test_rotation_keeps_the_length_of_the_dipole(angle, seed):
    x = from_vcg(torch.randn(2, 3, 50, generator=generator(seed)))
    turned = Vcg(replace(STILL, rotation=angle), read=None).turn(x, generator(seed))
    torch.testing.assert_close(to_vcg(turned).norm(dim=1), to_vcg(x).norm(dim=1), atol=1e-4, rtol=1e-4)


@given(seed=st.integers(0, 10**6))
def test_rotations_are_proper(seed):
    turn = rotation((torch.rand(5, 3, generator=generator(seed)) - 0.5) * 2 * math.pi).double()
    torch.testing.assert_close(turn @ turn.mT, torch.eye(3, dtype=torch.double).expand(5, 3, 3), atol=1e-5, rtol=0)
    torch.testing.assert_close(torch.linalg.det(turn), torch.ones(5, dtype=torch.double), atol=1e-5, rtol=0)


def test_a_quarter_turn_about_z_brings_x_to_y():
    turned = rotation(torch.tensor([[0.0, 0.0, math.pi / 2]]))[0] @ torch.tensor([1.0, 0.0, 0.0])
    torch.testing.assert_close(turned, torch.tensor([0.0, 1.0, 0.0]), atol=1e-6, rtol=0)


def test_scaling_stretches_each_axis_within_its_range(read):
    x = from_vcg(torch.ones(200, 3, 4))
    stretched = to_vcg(Vcg(replace(STILL, scale=1.5), read).turn(x, generator()))[..., 0]
    assert stretched.min() >= 1 - 1e-4 and stretched.max() <= 1.5 + 1e-4
    assert (stretched.std(0) > 0.1).all()


def test_views_are_what_the_compiled_front_end_gives(read):
    x = leads()
    view = Vcg(STILL, read)(x, generator())
    assert view.shape == (3, 12, 1280)
    clean = twelve_leads(from_vcg(to_vcg(x)))[1, 7].numpy()
    expected = (read(clean, 128.0, None)[:, 0].astype(np.float32) - 128) / 16
    np.testing.assert_array_equal(view[1, 7].numpy(), expected)


def test_one_lead_of_each_window(read):
    x, vcg = leads(), Vcg(STILL, read)
    one = vcg(x, generator(), torch.tensor([0, 5, 11]))
    every = vcg(x, generator())
    assert one.shape == (3, 1280)
    assert torch.equal(one, every[torch.arange(3), torch.tensor([0, 5, 11])])


def test_masks(read):
    x = leads(40)
    masked = Vcg(replace(STILL, p_channel_mask=0.9), read, TWELVE[:4])(x, generator())
    silent = (masked == 0).all(2)
    assert (silent.sum(1) <= 3).all() and 0.5 < silent.float().mean() < 0.8
    masked = Vcg(replace(STILL, p_time_mask=1.0, time_mask=(0.25, 0.25)), read)(x[:8], generator())
    gap = (masked == 0).all(1)
    assert (gap.sum(1) - 320).abs().max() <= 2
    assert ((gap[:, 1:] & ~gap[:, :-1]).sum(1) + gap[:, 0] == 1).all()


def test_views_follow_their_generator(read):
    x, vcg = leads(), Vcg(VcgViews(), read)
    assert torch.equal(vcg(x, generator(1)), vcg(x, generator(1)))
    assert not torch.equal(vcg(x, generator(1)), vcg(x, generator(2)))


def test_other_leads_are_refused(read):
    with pytest.raises(InputError, match="I, II, V1"):
        Vcg(STILL, read)(torch.zeros(2, 12, 1280), generator())
    for wrong in ({"p_gaussian": 2.0}, {"rotation": 181.0}, {"time_mask": (0.5, 0.1)}):
        with pytest.raises(InputError, match="vcg"):
            VcgViews(**wrong)
