"""The last linear layer of the recipe, put together anew."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from train import recipe
from train.engine.distributed import Processes
from train.engine.recorders import restore_progress
from train.engine.trainer import Trainer
from train.multitask.last_layer import MORE, NUMBERS, assemble, steady_axes
from train.multitask.learner import Multitask
from train.nets import ENCODERS, Encoder
from train.runs.checkpoint import load_encoder
from train.targets import SIGNAL, STATISTICS
from train.targets.heads import Heads


def share_between(first, second):
    """How much of the total variance two windows of a pair do not share."""
    return np.trace(np.cov(first - second, rowvar=False)) / np.trace(
        np.cov(np.concatenate([first, second]), rowvar=False)
    )


def test_axes_turn_away_from_what_varies_within_a_recording():
    rng = np.random.default_rng(0)
    person = rng.standard_normal((4000, 1)) * np.array([0, 0, 1.0, 1.0, 0])
    first, second = (person + rng.standard_normal((4000, 5)) * np.array([3, 1, 0.3, 0.3, 1]) for _ in range(2))
    turn = steady_axes(first, second, 5)
    assert share_between(first @ turn.T, second @ turn.T) < 0.75 * share_between(first, second)
    fewer = steady_axes(first, second, 3)
    assert fewer.shape == (3, 5) and np.linalg.matrix_rank(fewer) == 3
    deviation = (np.concatenate([first, second]) @ turn.T).std(0)
    assert deviation.max() < 4 * deviation.min()  # no axis alone in a dimension
    assert np.isfinite(steady_axes(first, first, 2)).all()  # windows that do not differ at all


def test_the_finished_embedding_holds_the_heads_numbers_as_they_are(toy_cache, small):
    small.out.mkdir(parents=True)
    recipe.train(small, toy_cache)
    trainer = Trainer(Multitask(small, toy_cache), small, Processes(independent=True))
    restore_progress(small.out / "checkpoint.safetensors", trainer)
    learner = trainer.learner
    finished = load_encoder(small.out / "encoder.safetensors")[0]
    x = torch.randn(4, 1280)
    with torch.no_grad():
        pooled = learner.pooled.eval()(learner.encoder.eval().pool(learner.encoder.tensors(x)[-1][:, :, 0]))
        names = (*NUMBERS, *MORE)  # 47 numbers with those of the signal leave more than half of 125 dimensions
        statistics = learner.heads.linear["statistics"](pooled)[:, [STATISTICS.index(name) for name in names]]
        assert torch.allclose(finished(x)[:, : len(names)], statistics, atol=1e-4)
    # those are arithmetic
    assert finished.spec.head.levels and finished.spec.head.dim == learner.encoder.spec.head.dim - 3
    trained = load_encoder(small.out / "latest.safetensors")[0].state_dict()
    same = {
        key: value.shape == trained[key].shape and torch.equal(value, trained[key])
        for key, value in finished.state_dict().items()
    }
    assert [key for key, kept in same.items() if not kept] == ["linear.weight", "linear.bias"]


def test_the_other_dimensions_hold_the_contrast_first_and_pooled_features_too():
    torch.manual_seed(0)
    encoder = Encoder(ENCODERS["nano"]())
    features, dim = encoder.linear.in_features, encoder.linear.out_features
    heads, pooled = Heads(features, 40), torch.nn.BatchNorm1d(features, affine=False)
    z = torch.randn(2, 3000, features) * torch.linspace(0.5, 2, features) + 3
    pooled.running_mean, pooled.running_var = z.mean((0, 1)), z.var((0, 1))
    encoder.linear.weight.data[:, 1:] = 0  # this contrast looks at the first feature only
    assemble(encoder, pooled.eval(), heads, *z, levels=False)
    count = dim - len(NUMBERS) - SIGNAL - 1
    axes = encoder.linear.weight.detach()[-count:] * z.std((0, 1))
    assert torch.linalg.matrix_rank(axes) == count
    share = axes.square().sum(0)
    assert share[0] > 2 * share[1:].max() and (share[1:] > 0).all()
    assert encoder.linear(z)[..., -count:].mean((0, 1)).abs().max() < 1e-3 * axes.abs().max()
