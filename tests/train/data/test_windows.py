"""Which windows are drawn: several leads at once, a grid, around beats; and folders of WFDB records as
they are found.
"""

from dataclasses import replace

import numpy as np
import pytest
import torch

from edgeecg.errors import InputError
from tests.train.records import write_record
from train import export
from train.data import open_cache
from train.data.front_end import default_front_end, front_end_reader
from train.data.windows import SamplerConfig, WindowSampler
from train.pretrain import Config, Pretraining, train
from train.runs.checkpoint import load_encoder

FRONT = default_front_end()


def generator():
    return torch.Generator().manual_seed(0)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Three records of two or three leads at 250 Hz and one of one lead at 500 Hz in a sub-folder;
    beats in files .qrs.
    """
    data = tmp_path_factory.mktemp("data") / "mine"
    (data / "p9").mkdir(parents=True)
    for number, leads in enumerate((("I", "II"), ("I", "II", "V1"), ("I", "II"))):
        write_record(
            data, f"r{number}", 250, codes=lambda _: "N", annotator="qrs", leads=leads, period=0.8 + 0.1 * number
        )
    write_record(data / "p9", "deep", 500)
    return data


@pytest.fixture(scope="module")
def cache(folder, tmp_path_factory):
    return open_cache(folder, ("mitdb",), FRONT, tmp_path_factory.mktemp("cache"), quiet=True)


def test_a_folder_of_records_is_a_corpus_with_rates_from_the_headers(cache, folder):
    assert set(cache.index["set"].tolist()) == {"mine"}
    assert cache.index["record"].tolist() == ["p9/deep"] + ["r0"] * 2 + ["r1"] * 3 + ["r2"] * 2
    assert np.abs(cache.index["length"] - 41.5 * 128).max() <= 1, "250 and 500 Hz alike"


def test_a_table_of_patients_joins_records(folder, tmp_path):
    copy = tmp_path / "mine"
    copy.mkdir()
    for path in folder.glob("r*"):
        (copy / path.name).symlink_to(path)
    (copy / "patients.csv").write_text("record,patient\nr0,anna\nr2,anna\n")
    index = open_cache(copy, (), FRONT, tmp_path / "cache", quiet=True).index
    assert dict(zip(index["record"].tolist(), index["patient"].tolist(), strict=True)) == {
        "r0": "anna",
        "r1": "r1",
        "r2": "anna",
    }


def test_headers_of_segments_are_no_records(tmp_path):
    from train.data.wfdb_files import wfdb_headers

    for name in ("a", "a_0001", "a_layout", "b_0001"):
        (tmp_path / f"{name}.hea").touch()
    assert [path.stem for path in wfdb_headers(tmp_path)] == ["a", "b_0001"]


def test_leads_are_drawn_aligned(cache):
    sampler = WindowSampler(cache, None, SamplerConfig(leads=2))
    batch = sampler.draw(60, generator(), shift=1.0)
    assert batch.first.shape == batch.second.shape == (60, 2, 1280)
    assert cache.index["record"][sampler.rows].tolist() == ["r0", "r1", "r2"], "the record of one lead is left out"
    # The second lead is twice the first: behind the front end, which scales each lead by itself, the two are all but
    # equal.
    apart = (batch.first[:, 0].int() - batch.first[:, 1].int()).abs()
    assert apart.float().mean() < 0.5 and batch.first.float().std() > 3
    with pytest.raises(InputError, match="4 leads"):
        WindowSampler(cache, None, SamplerConfig(leads=4))
    with pytest.raises(InputError, match="do not go with --leads"):
        SamplerConfig("lead", leads=2)


def test_sliding_windows_start_on_their_grid(cache):
    row = np.arange(len(cache.index["start"])) == 1
    sampler = WindowSampler(cache, row, SamplerConfig("window", windows="sliding", hop=7.5))
    starts, _ = np.unique(sampler.places.offset.numpy(), return_counts=True)
    assert starts.tolist() == [0, 960, 1920, 2880, 3840]
    rows, offset = sampler.first(500, 0, generator())
    assert set(offset.tolist()) == set(starts.tolist()) and not rows.any()
    _, offset = sampler.first(500, 100, generator())
    assert set(offset.tolist()) == {860, 1820, 2780, 3740}, "with context only where the recording goes on"
    with pytest.raises(InputError, match="context"):
        sampler.first(1, 5000, generator())


def test_windows_around_beats_have_the_beat_in_the_middle(cache, folder):
    sampler = WindowSampler(cache, None, SamplerConfig("window", windows="beats", annotator="qrs", data=folder))
    batch = sampler.draw(300, generator())
    middle = batch.first.float().reshape(300, -1, 20)[:, 31:34].amax((1, 2))
    peak = batch.first.float().amax(1)
    assert (middle > 0.8 * peak).float().mean() > 0.95
    # one window a beat: pulses stand at (i + 1/2) period; those within 5 s of an end have none
    for row, period in ((1, 0.8), (3, 0.9), (6, 1.0)):
        at = np.round(np.arange(period / 2, 41.3, period) * 250) / 250
        expected = np.round(at * 128).astype(int) - 640
        length = cache.index["length"][row]
        mine = sampler.places.offset[sampler.places.row == int(np.flatnonzero(sampler.rows == row)[0])]
        assert mine.tolist() == expected[(expected >= 0) & (expected <= length - 1280)].tolist()
    with pytest.raises(InputError, match=r"\.atr"):
        WindowSampler(cache, None, SamplerConfig("window", windows="beats", data=folder))


@pytest.mark.parametrize("fusion", ["average", "channels"])
def test_several_leads_train(cache, folder, tmp_path, fusion):
    config = Config(
        data=folder,
        corpora=(),
        batch=8,
        steps=2,
        projector=(8, 8),
        leads=2,
        fusion=fusion,
        out=tmp_path,
        windows="beats",
        annotator="qrs",
        validation=0.0,
    )
    encoder, _ = load_encoder(train(config, cache, None))
    assert encoder.spec.channels == (2 if fusion == "channels" else 1)
    assert ("export.py" in (tmp_path / "report.md").read_text()) == (fusion == "average")
    if fusion == "channels":
        with pytest.raises(InputError, match="reads 2 leads"):
            export.run(export.Config(tmp_path / "encoder.safetensors", out=tmp_path / "model", data=folder))


def test_averaged_leads_are_the_mean_of_their_embeddings(cache, folder):
    config = Config(data=folder, leads=2, projector=(8, 8))
    learner = Pretraining(config, cache, None).eval()
    x = torch.randn(3, 2, 1280, generator=generator())
    with torch.no_grad():
        each = [learner.encoder(x[:, lead]) for lead in range(2)]
        torch.testing.assert_close(learner.embed(x, 0), (each[0] + each[1]) / 2)


@pytest.mark.parametrize("changes", [{"view": "vcg", "windows": "beats"}, {"view": "vcg", "leads": 13}])
def test_what_does_not_go_with_several_leads_is_said(changes):
    with pytest.raises(InputError, match="lead"):
        replace(Config(objective="nt_xent"), **changes)


def test_cached_windows_are_the_front_ends(cache, folder):
    from edgeecg import io

    read, source = front_end_reader(FRONT), io.open_source(folder / "p9" / "deep.hea")
    expected = read(source.load(0), 500.0, source.leads[0].gain)[:, 0]
    batch = WindowSampler(
        cache, cache.index["record"] == "p9/deep", SamplerConfig("window", windows="sliding", hop=40.0)
    ).draw(1, generator())
    np.testing.assert_array_equal(batch.first[0].numpy(), expected[:1280])
