"""AdamW and LARS."""

import numpy as np
import torch
from torch import nn

from train.engine.optimizers import LARS, MOMENTUM, SMALL, make_optimizer, parameter_groups


def test_lars_takes_the_steps_of_the_paper():
    """Against the formula written out with numpy for two tensors and three steps."""
    rng = np.random.default_rng(0)
    w, b = rng.standard_normal((4, 3)), rng.standard_normal(4)
    weight, bias = nn.Parameter(torch.tensor(w)), nn.Parameter(torch.tensor(b))
    optimizer = make_optimizer("lars", parameter_groups([weight, bias], 0.01), lr=0.5)
    vw, vb = np.zeros_like(w), np.zeros_like(b)
    for _ in range(3):
        gw, gb = rng.standard_normal(w.shape), rng.standard_normal(b.shape)
        weight.grad, bias.grad = torch.tensor(gw), torch.tensor(gb)
        optimizer.step()
        update = gw + 0.01 * w
        vw = MOMENTUM * vw + 0.001 * np.linalg.norm(w) / np.linalg.norm(update) * update
        vb = MOMENTUM * vb + gb
        w, b = w - 0.5 * vw, b - 0.5 * SMALL * vb
        np.testing.assert_allclose(weight.detach(), w, rtol=1e-12)
        np.testing.assert_allclose(bias.detach(), b, rtol=1e-12)


def test_lars_leaves_no_tensor_at_zero():
    zero = nn.Parameter(torch.zeros(2, 2))
    optimizer = LARS([zero], lr=1.0)
    zero.grad = torch.ones(2, 2)
    optimizer.step()
    assert torch.equal(zero.detach(), -torch.ones(2, 2)), "a weight of no size takes a plain step"
