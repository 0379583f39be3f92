"""Features: each window alone, several side by side, some of their dimensions."""

import numpy as np
import pytest

pytest.importorskip("sklearn")

import edgeecg
from edgeecg.errors import InputError
from train.data.resample import cut_windows, resample
from train.evaluate import Config
from train.probes.evaluation import settings
from train.probes.features import features_by_name, hrv_and_shape
from train.probes.minirocket import TRIPLES, MiniRocket, response


def test_minirocket_is_its_formula():
    """Each feature counts how often the dilated kernel's response exceeds its bias."""
    rng = np.random.default_rng(6)
    x = rng.standard_normal((30, 1280)).astype(np.float32)
    rocket = MiniRocket.fit(x, 840)
    z = (x[0] - x[0].mean()) / (x[0].std() + 1e-6)
    features, at = rocket.transform(x)[0], 0
    for d, (dilation, count) in enumerate(zip(rocket.dilations, rocket.counts, strict=True)):
        for k, triple in enumerate(TRIPLES):
            weights = np.full(9, -1.0)
            weights[triple] = 2
            padded = np.pad(z, 4 * dilation)
            slow = sum(weights[t] * padded[t * dilation : t * dilation + 1280] for t in range(9))
            if k < 3:
                assert np.allclose(response(z.astype(np.float32), triple, dilation), slow, atol=1e-4)
            inside = slow if (d + k) % 2 == 0 else slow[4 * dilation : 1280 - 4 * dilation]
            expected = (inside > rocket.biases[at : at + count, None]).mean(1)
            assert np.allclose(features[at : at + count], expected, atol=3 / len(inside))
            at += count
    assert at == len(features) == 840


def test_hrv_features_of_flat_and_real_windows(toy_ecg):
    samples, fs = toy_ecg
    real = cut_windows(resample(samples, fs))[:3]
    out = hrv_and_shape(np.concatenate([real, np.zeros((1, 1280), np.float32)]))
    assert out.shape == (4, 15) and np.isfinite(out).all()
    assert np.all(out[3] == 0)
    assert 0.4 < out[0, 5] < 1.5  # mean RR interval, seconds


def test_a_window_embeds_alike_alone_and_in_company(model_file, toy_ecg):
    samples, fs = toy_ecg
    x = cut_windows(resample(samples, fs))[:4]
    features = features_by_name(str(model_file))
    assert np.array_equal(features(x)[2:3], features(x[2:3]))
    assert features(x).shape == (4, 128)


def test_features_with_a_plus_stand_beside_each_other(model_file, toy_ecg, tmp_path):
    samples, fs = toy_ecg
    x = cut_windows(resample(samples, fs))[:4]
    odd = tmp_path / "a+b.eecg"  # a file of this name is one model
    odd.write_bytes(model_file.read_bytes())
    alone = [features_by_name(name)(x) for name in (str(odd), "hrv")]
    assert np.array_equal(features_by_name(f"{model_file}+hrv")(x), np.concatenate(alone, 1))
    held = settings(Config(model=(f"{model_file}+hrv", str(odd)), data=tmp_path))
    assert held["models"] == [edgeecg.load(model_file).model.id] * 2


def test_some_dimensions_are_those_of_the_whole(model_file, toy_ecg, tmp_path):
    samples, fs = toy_ecg
    x = cut_windows(resample(samples, fs))[:4]
    z, hrv = (np.asarray(features_by_name(name)(x), float) for name in (str(model_file), "hrv"))
    for name, expected in (
        ("[:55]", z[:, :55]),
        ("[47:55]", z[:, 47:55]),
        ("[125:]+hrv", np.concatenate([z[:, 125:], hrv], 1)),
    ):
        assert np.array_equal(features_by_name(f"{model_file}{name}")(x), expected), name
    odd = tmp_path / "a[1:2]"  # a file of this name is one model
    odd.write_bytes(model_file.read_bytes())
    assert features_by_name(str(odd))(x).shape == z.shape
    with pytest.raises(InputError, match="no such dimensions"):
        features_by_name(f"{model_file}[500:]")(x)
    assert settings(Config(model=(f"{model_file}[:9]",), data=tmp_path))["models"] == [
        edgeecg.load(model_file).model.id
    ]
    for name in ("default[:9]", "default+hrv"):
        with pytest.raises(InputError, match="compared with whole models"):
            Config(model=(name,), float=(tmp_path,), data=tmp_path)


def test_leads_stand_beside_each_other(model_file, toy_ecg):
    samples, fs = toy_ecg
    x = cut_windows(resample(samples, fs))[:6].reshape(3, 2, 1280)
    for name in (str(model_file), "hrv", f"{model_file}+hrv"):
        of_one = features_by_name(name)
        assert np.array_equal(features_by_name(name)(x), np.concatenate([of_one(x[:, 0]), of_one(x[:, 1])], 1)), name
