"""Encoders that read several leads at once: trained, probed, fine-tuned and applied, beside one lead at a time."""

import json

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("wfdb")

from edgeecg import io
from edgeecg.errors import InputError
from train import apply, evaluate, finetune, pretrain
from train.classifiers.network import encode
from train.classifiers.training import Training
from train.data import open_cache
from train.data.front_end import default_front_end, to_input, windows_to_bytes
from train.data.labels import read_labels
from train.nets import Encoder, edge
from train.probes.features import features_by_name
from train.probes.tasks.registry import read_task
from train.runs.checkpoint import load_encoder


@pytest.fixture(scope="module")
def runs(published, tmp_path_factory):
    """An encoder of leads I and II as channels, and one of each by itself, averaged; of two steps each."""
    folder = tmp_path_factory.mktemp("runs")
    cache = open_cache(published, ("ptbxl",), default_front_end(), folder / "cache", quiet=True)
    for fusion in ("channels", "average"):
        config = pretrain.Config(
            data=published,
            corpora=("ptbxl",),
            encoder="nano",
            leads=2,
            fusion=fusion,
            steps=2,
            batch=8,
            projector=(16, 16),
            validation=0.3,
            context=0.0,
            out=folder / fusion,
        )
        pretrain.train(config, cache, None)
    return folder


def test_the_run_names_its_leads(runs):
    for fusion, channels in (("channels", 2), ("average", 1)):
        encoder, meta = load_encoder(runs / fusion / "encoder.safetensors")
        assert encoder.spec.channels == channels and meta["leads"] == ["I", "II"]


def test_features_are_of_all_leads_together_or_of_each(runs, published):
    windows = read_task("ptbxl_super_two_leads_cv4", published).train.signal
    both, each = (str(runs / fusion / "encoder.safetensors") for fusion in ("channels", "average"))
    encoder, _ = load_encoder(runs / "channels" / "encoder.safetensors")
    with torch.no_grad():
        expected = encoder(to_input(torch.from_numpy(windows_to_bytes(windows)))).numpy()
    np.testing.assert_array_equal(features_by_name(both)(windows), expected)
    one, other = (features_by_name(each)(windows[:, lead]) for lead in (0, 1))
    np.testing.assert_array_equal(features_by_name(each)(windows), np.concatenate([one, other], 1))
    np.testing.assert_allclose(features_by_name(f"{each}@mean")(windows), (one + other) / 2, rtol=1e-6)
    with pytest.raises(InputError, match="reads 2 leads at once, and the windows have 1"):
        features_by_name(both)(windows[:, 0])
    with pytest.raises(InputError, match="and the windows have 8"):
        features_by_name(both)(np.repeat(windows, 4, 1))


def test_the_probe_bench_compares_them(runs, published, tmp_path):
    both, each = (str(runs / fusion / "encoder.safetensors") for fusion in ("channels", "average"))
    config = evaluate.Config(
        model=(both, f"{each}@mean", each),
        tasks=("ptbxl_super_two_leads_cv4",),
        data=published,
        json=tmp_path / "a.json",
    )
    evaluate.main(config)
    results = json.loads(config.json.read_text())["results"]
    assert [r["dim"] for r in results] == [56, 56, 112]


@pytest.mark.parametrize("fusion", ["channels", "average"])
def test_fine_tuning_trains_them(runs, published, tmp_path, fusion):
    config = finetune.Config(
        encoder=str(runs / fusion / "encoder.safetensors"),
        task="superclass_two_leads",
        arms=("linear", "finetune", "scratch"),
        fractions=(1.0,),
        splits=2,
        training=Training(epochs=1, least_steps=2, batch=8),
        data=published,
        out=tmp_path / "run",
        keep=True,
    )
    finetune.main(config)
    kept, _ = load_encoder(config.out / "encoders" / "1-0.safetensors")
    assert kept.spec.channels == {"channels": 2, "average": 1}[fusion]


def test_windows_of_one_lead_are_refused_by_an_encoder_of_two(runs, published):
    config = finetune.Config(encoder=str(runs / "channels" / "encoder.safetensors"), task="af_I", data=published)
    with pytest.raises(InputError, match="reads 2 leads at once, and the windows have 1"):
        finetune.Runner(config, finetune.read_labeled("af_I", published))


def test_leads_are_averaged_where_the_encoder_reads_one():
    torch.manual_seed(0)
    encoder = Encoder(edge()).eval()
    x = torch.randn(3, 4, 1280)
    with torch.no_grad():
        expected = torch.stack([encoder(lead) for lead in x.unbind(1)]).mean(0)
        torch.testing.assert_close(encode(encoder, x), expected)


def test_they_are_applied_to_a_folder(runs, published, tmp_path):
    folder = published / "physionet.org/files/challenge-2011/1.0.0/set-a"
    encoder = str(runs / "channels" / "encoder.safetensors")
    records = tuple(sorted(path.stem for path in folder.glob("*.hea")))[:2]
    apply.run(apply.Config(encoder, folder, tmp_path / "a", lead="I,II", records=records))
    windows = np.load(tmp_path / "a" / "windows.npy")
    assert windows.shape == (2, 2, 5000)
    recording = io.read(folder / f"{records[1]}.hea", "II")
    np.testing.assert_array_equal(windows[1, 1], recording.millivolts().astype(np.float32))
    embedding = np.loadtxt(tmp_path / "a" / "encoder.txt")
    apply.run(apply.Config(encoder, folder, tmp_path / "b", records=records))  # the first voltages: I and II
    np.testing.assert_array_equal(np.loadtxt(tmp_path / "b" / "encoder.txt"), embedding)
    with pytest.raises(InputError, match="reads 2 leads at once, and 3 are named"):
        apply.run(apply.Config(encoder, folder, tmp_path / "c", lead="I,II,V1", records=records))
    around = apply.Config(encoder, published / "mitdb", tmp_path / "d", windows="annotated", records=("100",), hop=20.0)
    assert apply.run(around)[0] == len(range(100, 45 * 360, 300)), "a window a beat"


def test_own_labels_of_several_leads(published, tmp_path):
    folder = published / "physionet.org/files/challenge-2011/1.0.0/set-a"
    names = sorted(path.stem for path in folder.glob("*.hea"))[:2]
    path = tmp_path / "t.csv"
    path.write_text(f"record,label\n{names[0]},x\n{names[1]},y\n")
    own = read_labels(str(path), folder, "I,V2")
    assert own.signal.shape == (2, 2, 1280)
    np.testing.assert_array_equal(own.signal[:, 1], read_labels(str(path), folder, "V2").signal)
