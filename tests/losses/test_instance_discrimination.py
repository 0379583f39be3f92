"""Instance discrimination: the bank, and the module that keeps it."""

import numpy as np
import pytest
import torch

from edgeecg import losses
from edgeecg.errors import InputError
from tests.losses import bounds, exact
from train.objectives import OBJECTIVES


@pytest.mark.parametrize(
    "bank, index, sentence",
    [
        (np.eye(5, 3), [0, 9], "the bank has entries 0 to 4"),
        (np.eye(5, 3), [0, -1], "the bank has entries 0 to 4"),
        (np.eye(5, 3), [0.0, 1.0], "index is float64"),
        (np.eye(5, 4), [0, 1], "do not fit"),
        (np.eye(5, 3, dtype=np.float32), [0, 1], "do not fit"),
        (np.full((5, 3), np.nan), [0, 1], "bank holds NaN"),
    ],
)
def test_what_does_not_fit_is_named(rng, bank, index, sentence):
    with pytest.raises(InputError, match=sentence):
        losses.instance_discrimination(rng.standard_normal((2, 3)), bank, index)


def test_next_to_its_own_entry_the_gradient_is_finite():
    """Its own score is 61 in base 2 above the other's: what the kernel would make of the columns' share overflows."""
    z = np.array([[0.887, 0.46178]], np.float32)
    value, (dz,) = losses.instance_discrimination(z, np.eye(2, dtype=np.float32), [0], temperature=0.01)
    assert abs(value) < 1e-5
    np.testing.assert_allclose(dz, 0.0, atol=1e-15)


@exact.needs_extended
@pytest.mark.parametrize("dtype, temperature", [(np.float32, 0.01), (np.float32, 1e-3), (np.float64, 1e-3)])
def test_low_temperatures(rng, dtype, temperature):
    for z in rng.standard_normal((400, 1, 2)).astype(dtype):
        options = {"bank": np.eye(2, dtype=dtype), "index": [0], "temperature": temperature}
        value, (dz,) = losses.instance_discrimination(z, **options)
        right, (slope,) = exact.evaluate(exact.instance_discrimination, [z], options)
        ulp = np.finfo(bounds.computed_in("instance_discrimination", [z], options)).eps
        bound, (slope_bound,) = bounds.instance_discrimination(z, ulp=ulp, **options)
        assert abs(value - right) <= bound
        assert (abs(dz - slope) <= slope_bound + np.finfo(dtype).eps * abs(slope)).all()


def test_a_bank_of_one_entry_costs_nothing():
    value, (dz,) = losses.instance_discrimination(np.ones((3, 2)), np.array([[1.0, 0.0]]), [0, 0, 0])
    assert value == pytest.approx(0.0, abs=1e-14)
    np.testing.assert_allclose(dz, 0.0, atol=1e-14)


def test_the_bank_follows_its_windows_in_training_only():
    objective = OBJECTIVES["instance_discrimination"](n_items=10, dim=4)
    start = objective.bank.clone()
    z, index = torch.randn(3, 4, generator=torch.Generator().manual_seed(0)), torch.tensor([1, 4, 7])
    objective.eval()(z, z, index=index)
    assert torch.equal(objective.bank, start)
    objective.train()
    first = objective(z, z, index=index)
    moved = (objective.bank != start).any(dim=1)
    assert moved.nonzero().ravel().tolist() == index.tolist()
    assert torch.allclose(objective.bank.norm(dim=1), torch.ones(10))
    assert objective(z, z, index=index) < first, "an entry that came closer is found more easily"
    assert "bank" in objective.state_dict()


def test_held_out_windows_find_their_other_view_and_leave_the_bank_alone():
    objective = OBJECTIVES["instance_discrimination"](n_items=10, dim=4).eval()
    start, index = objective.bank.clone(), torch.tensor([1, 4, 7])
    z = torch.randn(3, 4, generator=torch.Generator().manual_seed(0))
    alike, other = objective.of_held_out(z, z, index=index), objective.of_held_out(z, -z, index=index)
    assert alike < 1 < other, "the same view is found, the opposite one is not"
    assert torch.equal(objective.bank, start)


def test_a_bank_without_a_size_grows_and_is_restored():
    objective = OBJECTIVES["instance_discrimination"]()
    z = torch.randn(3, 4, generator=torch.Generator().manual_seed(0))
    objective(z, z, index=torch.tensor([0, 2, 1]))
    before = objective.bank.clone()
    objective(z, z, index=torch.tensor([0, 1, 6]))
    assert objective.bank.shape == (7, 4) and torch.equal(objective.bank[2], before[2])
    restored = OBJECTIVES["instance_discrimination"]()
    restored.load_state_dict(objective.state_dict())
    assert torch.equal(restored.bank, objective.bank)
