"""The objectives under autograd: gradcheck, mixed precision, what they ask for, and two processes against one."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from edgeecg.errors import InputError
from tests.losses import gloo_worker
from train.objectives import OBJECTIVES, positives

LABELS = {
    "patient": torch.arange(8) // 3,
    "segment": torch.arange(8) % 3,
    "lead": torch.arange(8) % 2,
    "index": torch.arange(8),
}
each_objective = pytest.mark.parametrize("name", OBJECTIVES)


def make(name, dim=5):
    options = {"n_items": 8, "dim": dim} if name == "instance_discrimination" else {}
    return OBJECTIVES[name](**options).eval()  # a bank that moves would not be a function


def views(dtype=torch.float64, dim=5):
    draw = torch.Generator().manual_seed(2)
    return [torch.randn(8, dim, generator=draw, dtype=torch.float64).to(dtype).requires_grad_() for _ in range(2)]


@each_objective
def test_gradcheck(name):
    objective = make(name).double()
    if name == "siamese_contrastive":
        objective.margin = 4.0  # so that false pairs are inside it
    parameters = list(objective.parameters())
    assert torch.autograd.gradcheck(lambda a, b, *_: objective(a, b, **LABELS), (*views(), *parameters))


@each_objective
def test_half_precision_comes_back_in_its_own_dtype(name):
    objective, pair = make(name), views(torch.bfloat16)
    value = objective(*pair, **LABELS)
    value.backward()
    full = objective(*(z.detach().float() for z in pair), **LABELS)
    assert value.dtype == torch.float32 and value == full
    assert all(z.grad.dtype == torch.bfloat16 and z.grad.isfinite().all() for z in pair)


@each_objective
def test_the_outer_gradient_is_passed_on(name):
    objective, pair = make(name), views()
    once = torch.autograd.grad(objective(*pair, **LABELS), pair)
    thrice = torch.autograd.grad(3 * objective(*pair, **LABELS), pair)
    assert all(torch.allclose(3 * a, b) for a, b in zip(once, thrice, strict=True))


@pytest.mark.parametrize("name", [n for n, kind in OBJECTIVES.items() if kind.needs])
def test_missing_labels_are_named(name):
    with pytest.raises(InputError, match=r"needs (patient|index)="):
        make(name)(*views())


@pytest.mark.parametrize("name", ["cmsc", "cmlc", "cmsmlc"])
def test_clocs_is_the_published_loss(name):
    """Kiyasseh et al. (2021), from the paper's sums: all pairs of a patient, both directions; not the masked form."""
    pair = [z.detach() for z in views()]
    a, b = (z.numpy() / np.linalg.norm(z, axis=1, keepdims=True) for z in pair)
    patient, similar = LABELS["patient"].tolist(), np.exp(a @ b.T / 0.1)
    pairs = [(i, j) for i in range(8) for j in range(8) if patient[i] == patient[j]]
    forward = np.mean([-np.log(similar[i, j] / similar[i].sum()) for i, j in pairs])
    backward = np.mean([-np.log(similar[i, j] / similar[:, j].sum()) for i, j in pairs])
    value = float(OBJECTIVES[name]()(*pair, **LABELS))
    assert value == pytest.approx(forward + backward, rel=1e-9)
    assert value != pytest.approx(float(OBJECTIVES[f"supervised_{name}"]()(*pair, **LABELS)), rel=1e-3)


def test_who_is_a_positive():
    patient = np.array([0, 0, 0, 0, 1])
    segment = np.array([0, 1, 2, 0, 0])
    lead = np.array([0, 0, 0, 1, 0])
    pairs = {
        kind.__name__: {(i, j) for i, j in np.argwhere(kind(patient, segment, lead)).tolist() if i < j}
        for kind in (positives.cmsc, positives.cmlc, positives.cmsmlc)
    }
    assert pairs == {"cmsc": {(0, 1), (1, 2)}, "cmlc": {(0, 3)}, "cmsmlc": {(0, 1), (1, 2), (0, 3), (1, 3)}}


def test_false_pairs_are_of_another_patient():
    patient = np.array([0, 0, 0, 1])
    partner, found = positives.other_patient(patient, 4)
    assert found.all() and (patient[partner] != patient).all()
    assert not positives.other_patient(np.zeros(3), 3)[1].any()
    assert positives.other_patient(None, 3)[0].tolist() == [1, 2, 0]


@pytest.fixture(scope="module")
def two_processes(tmp_path_factory):
    """What each rank found, by objective."""
    folder = tmp_path_factory.mktemp("gloo")
    root = Path(__file__).resolve().parents[2]
    ranks = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.losses.gloo_worker", str(rank), folder / "store", folder / "out"],
            cwd=root,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(gloo_worker.WORLD)
    ]
    for rank in ranks:
        _, errors = rank.communicate(timeout=120)
        assert rank.returncode == 0, errors
    return [torch.load(folder / f"out.{rank}", weights_only=True) for rank in range(gloo_worker.WORLD)]


@each_objective
def test_two_processes_are_one(name, two_processes):
    objective, net = gloo_worker.make(name)
    alone = gloo_worker.gradients(objective, net, *gloo_worker.batch())
    for rank in two_processes:
        assert rank[name].keys() == alone.keys()
        for key, expected in alone.items():
            torch.testing.assert_close(rank[name][key], expected, rtol=1e-10, atol=1e-12)
