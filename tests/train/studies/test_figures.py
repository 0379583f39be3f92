"""Pictures of an embedding: the right windows in the right places, drawn into small files."""

import json
from dataclasses import asdict

import numpy as np
import pytest

pytest.importorskip("matplotlib")
pytest.importorskip("sklearn")

from edgeecg.errors import InputError
from edgeecg.model import Model
from train.plots.embeddings import maps, moved, neighbors
from train.probes.evaluation import FLOAT_PROBE, Result
from train.probes.protocol import Score
from train.probes.tasks.base import Windows
from train.probes.tasks.registry import TASKS
from train.studies.figures import Config, main, nearest, project, size_points


@pytest.mark.parametrize("method", ["pca", "tsne"])
def test_a_map_keeps_clusters_apart(method):
    rng = np.random.default_rng(0)
    label = np.repeat([0, 1], 30)
    points = project(5 * label[:, None] + rng.standard_normal((60, 12)), method)
    centers = np.stack([points[label == k].mean(0) for k in (0, 1)])
    nearer = np.linalg.norm(points[:, None] - centers, axis=2).argmin(1)
    assert points.shape == (60, 2) and (nearer == label).mean() > 0.95
    assert np.array_equal(
        points, project(5 * label[:, None] + np.random.default_rng(0).standard_normal((60, 12)), method)
    )


def test_neighbors_are_the_nearest_of_different_other_people(tmp_path):
    rng = np.random.default_rng(1)
    label, group = np.tile([0, 0, 1, 2, 2, 2], 8), np.repeat(np.arange(8), 6)
    z = np.eye(3)[label] + 0.05 * rng.standard_normal((48, 3))
    windows = Windows(np.sin(np.arange(1280) / 9 + group[:, None]).astype(np.float32), label, group)
    names = [f"db {i}" for i in range(8)]
    rows = nearest(windows, names, z)
    assert [name.split(" (")[0] for name, _ in rows] == ["V beat", "V beat", "S beat", "no ectopic beat"]
    assert len({name.split(" (")[1] for name, _ in rows}) == 4, "queries of four people"
    for name, strips in rows:
        kind, person = name.rstrip(")").split(" (")
        found = [what.split(", ") for _, what in strips[1:]]
        assert [what for what, _, _ in found] == [kind] * 3, "classes are far apart here"
        assert len({who for _, who, _ in found} | {person}) == 4
        cosines = [float(cosine) for _, _, cosine in found]
        assert cosines == sorted(cosines, reverse=True) and cosines[-1] > 0.9
    assert 10_000 < neighbors(tmp_path / "n.png", rows).stat().st_size < 150_000


def test_maps_and_curves_are_small_pictures(tmp_path):
    rng = np.random.default_rng(2)
    panel = rng.standard_normal((50, 2)), [f"p{i % 14}" for i in range(50)]
    row = {"mean": 0.99, "percentile_5": 0.9, "windows": 5, "superclass_auc": 0.8}
    changes = (
        "nothing",
        "gain x0.5",
        "gain x2",
        "offset -5 mV",
        "nstdb noise, 6 dB",
        "mains 50 Hz, 0.1 mV",
        "another person",
    )
    pictures = [
        maps(tmp_path / "m.png", {"a": panel, "b": panel, "c": panel}),
        moved(tmp_path / "i.png", [row | {"change": c} for c in changes]),
    ]
    assert all(10_000 < p.stat().st_size < 150_000 and p.read_bytes()[:4] == b"\x89PNG" for p in pictures)
    assert {p.name for p in tmp_path.iterdir()} == {"m.png", "i.png"}, "no part is left"


def write(path, features):
    results = [Result(task, f, 1.0, Score(v, v, v), 1, 50, 0.002) for f, v in features.items() for task in TASKS]
    # the last feature lacks a task
    path.write_text(json.dumps({"settings": {}, "results": [asdict(r) for r in results[:-1]]}))


def test_sizes_come_from_the_models_and_scores_from_the_probes(model_file, tmp_path):
    write(tmp_path / "a.json", {str(model_file): 0.8, f"x {FLOAT_PROBE}": 0.9, "hrv": 0.7, "random": 0.5})
    models, peers = size_points((tmp_path / "a.json",))
    whole = Model.load(model_file)
    assert models == {
        "edge_like": pytest.approx(
            {"score": 0.8, "microseconds": 40, "macs": whole.macs / 1e6, "kilobytes": whole.weight_bytes / 1e3}
        )
    }
    assert peers == {"hrv": pytest.approx({"score": 0.7, "microseconds": 40})}
    (done,) = main(
        Config(
            pictures=("sizes",), probes=(tmp_path / "a.json",), out=tmp_path / "out", data=None, model=str(model_file)
        )
    )
    assert done.name == "sizes.png" and done.stat().st_size > 5000
    write(tmp_path / "b.json", {"hrv": 0.7})
    with pytest.raises(InputError, match="no model with all ten tasks"):
        size_points((tmp_path / "b.json",))
    with pytest.raises(InputError, match="needs --probes"):
        Config(pictures=("sizes",), data=tmp_path)
    with pytest.raises(InputError, match="EDGEECG_DATA"):
        Config(data=None)


@pytest.mark.data
def test_leads_are_drawn_over_their_other_rhythms(data_dir, tmp_path):
    (done,) = main(Config(pictures=("rhythms",), data=data_dir, out=tmp_path))
    assert done.name == "rhythms.png" and 10_000 < done.stat().st_size < 150_000
