"""Views and positives in pretraining: every kind trains, what makes no sense is said, a resumed
viewmaker run is exact.
"""

from dataclasses import replace

import numpy as np
import pytest
import torch

from edgeecg.errors import InputError
from train.data import open_cache
from train.data.front_end import default_front_end, front_end_reader
from train.data.twelve_lead import read_twelve_lead, split_twelve_lead
from train.engine import Place
from train.objectives import OBJECTIVES
from train.pretrain import Config, Pretraining, train
from train.runs.checkpoint import load_tensors
from train.runs.folder import read_log
from train.views.pairs import VcgPairs, check_pairs
from train.views.vcg import Vcg, VcgViews
from train.views.viewmaker import ViewmakerOptions, likeness

PATIENTS = 12


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A folder like ptbxl: two records a patient, each of a constant that tells the patient, with a wave on top."""
    folder = tmp_path_factory.mktemp("data") / "ptbxl"
    folder.mkdir()
    time = np.arange(1280) / 128
    rng = np.random.default_rng(0)
    beats = np.maximum(0, np.sin(2 * np.pi * 1.1 * time)) ** 40
    gains = rng.normal(0, 800, (2 * PATIENTS, 8, 1))
    noise = rng.normal(0, 20, (2 * PATIENTS, 8, 1280))
    np.save(folder / "ecg_128hz_uV_int16.npy", (gains * beats + noise).astype(np.int16))
    rows = ["ecg_id,patient_id,superclass", *[f"{i},{i // 2},NORM" for i in range(2 * PATIENTS)]]
    (folder / "metadata.csv").write_text("\n".join(rows) + "\n")
    return folder.parent


@pytest.fixture(scope="module")
def cache(data, tmp_path_factory):
    return open_cache(data, ("ptbxl",), default_front_end(), tmp_path_factory.mktemp("cache"), quiet=True)


def config(data, out, **changes) -> Config:
    options = {"batch": 8, "steps": 3, "projector": (16, 16), "validation": 0.3, "objective": "nt_xent"}
    return Config(**options | {"data": data, "corpora": ("ptbxl",), "out": out, "save_every": 1} | changes)


@pytest.mark.parametrize(
    ("view", "positives", "objective"),
    [
        ("vcg", None, "barlow_twins"),
        ("vcg", "lead", "cmlc"),
        ("viewmaker", "patient", "pclr"),
        ("vcg_viewmaker", None, "nt_xent"),
        ("augment", "lead", "supervised_cmsmlc"),
    ],
)
def test_views_positives_and_objectives_train_together(data, cache, tmp_path, view, positives, objective):
    train(config(data, tmp_path, view=view, positives=positives, objective=objective), cache, None)
    losses = [line["loss"] for line in read_log(tmp_path) if "loss" in line]
    assert losses and np.isfinite(losses).all()
    assert f"views: {view}" in (tmp_path / "report.md").read_text()
    assert (tmp_path / "viewmaker.png").exists() == view.endswith("viewmaker")


@pytest.mark.parametrize("fusion", ["average", "channels"])
@pytest.mark.parametrize("view", ["viewmaker", "vcg_viewmaker"])
def test_a_viewmaker_perturbs_several_leads(data, cache, tmp_path, view, fusion):
    """Each draw is another view of every lead: of what stands behind the turned dipole too."""
    options = config(data, tmp_path, view=view, leads=3, fusion=fusion, viewmaker=ViewmakerOptions(width=4, blocks=1))
    learner = Pretraining(options, cache, None)
    batch = learner.draw(4, Place(0, 1))
    assert batch["first"].shape == (4, 3, 1280) and batch["noise"].shape[:2] == (4, 2)
    assert likeness(learner.viewmaker, batch["first"], 6)[1].median(1).values.median(0).values.max() < 0.5
    loss, values = learner(batch)
    loss.backward()
    assert values["embedding"].shape == (8, 128)
    assert all(p.grad.abs().sum() > 0 for p in learner.viewmaker.parameters() if p.ndim > 1)


def test_a_resumed_viewmaker_run_is_exact(data, cache, tmp_path):
    options = {"view": "viewmaker", "viewmaker": ViewmakerOptions(width=4, blocks=1), "steps": 6}
    whole, broken = (config(data, tmp_path / name, **options) for name in ("whole", "broken"))
    train(whole, cache, None)
    make = Pretraining.forward
    steps = []

    def stop_in_the_middle(self, batch):
        steps.append(1)
        if len(steps) == 4:
            raise KeyboardInterrupt
        return make(self, batch)

    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Pretraining, "forward", stop_in_the_middle)
        train(broken, cache, None)
    train(replace(broken, resume=True), cache, None)
    first, second = (load_tensors(c.out / "checkpoint.safetensors")[0] for c in (whole, broken))
    assert any(name.startswith("viewmaker.") for name in first)
    assert first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


def test_viewmaker_and_encoder_both_move(data, cache, tmp_path):
    torch.manual_seed(0)  # as the run does
    start = Pretraining(config(data, tmp_path, view="viewmaker"), cache, None)
    train(config(data, tmp_path, view="viewmaker", steps=2), cache, None)
    after = load_tensors(tmp_path / "checkpoint.safetensors")[0]
    for name in ("viewmaker", "encoder"):
        moved = [not torch.equal(after[f"{name}.{key}"], p) for key, p in getattr(start, name).named_parameters()]
        assert all(moved)


def test_independent_leads_are_the_recordings_own(data):
    cache = read_twelve_lead(data, ("ptbxl", "absent"))
    original = np.load(data / "ptbxl" / "ecg_128hz_uV_int16.npy")
    np.testing.assert_array_equal(cache.samples, original)
    training, validation = split_twelve_lead(cache, 0.3, "patient")
    assert not set(training.patient.tolist()) & set(validation.patient.tolist())
    batch = training.draw(200, torch.Generator().manual_seed(0))
    assert batch.first.shape == (200, 8, 1280) and batch.first.dtype == torch.float32
    np.testing.assert_array_equal((batch.first * 1000).round().numpy(), original[batch.index])
    same = (batch.first == batch.second).flatten(1).all(1)
    assert 0.3 < same.float().mean() < 0.7, "half of a patient's windows are the other record"


@pytest.mark.parametrize("positives", ["window", "lead"])
def test_the_leads_that_a_vcg_pair_shows(data, positives):
    still = VcgViews(rotation=0, scale=1, p_gaussian=0, p_time_mask=0)
    training, _ = split_twelve_lead(read_twelve_lead(data, ("ptbxl",)), 0.3, positives)
    pairs = VcgPairs(training, None, Vcg(still, front_end_reader(default_front_end())))
    batch = pairs.draw(50, torch.Generator().manual_seed(0), 0, False)
    same = (batch["first"] == batch["second"]).all(1)
    assert same.all() if positives == "window" else not same.any()
    assert len(batch["lead"].unique()) == 12


def test_vcg_pairs_of_every_lead(data):
    training, _ = split_twelve_lead(read_twelve_lead(data, ("ptbxl",)), 0.3, "window")
    vcg = Vcg(VcgViews(), front_end_reader(default_front_end()))
    batch = VcgPairs(training, None, vcg, every=True).draw(5, torch.Generator().manual_seed(0), 0, False)
    assert batch["first"].shape == batch["second"].shape == (5, 12, 1280)
    training.positives = "lead"
    with pytest.raises(InputError, match="one lead of a window at a time"):
        VcgPairs(training, None, vcg, every=True)


@pytest.mark.parametrize(
    ("view", "positives", "objective", "words"),
    [
        ("vcg", "segment", "nt_xent", "pieces of 10 s"),
        ("augment", "lead", "cmsc", "neighboring segments of one lead"),
        ("augment", "nearby", "cmsc", "choose segment$"),
        ("augment", "lead", "supervised_cmsc", "choose nearby, window, segment"),
        ("augment", "segment", "cmlc", "leads of one segment"),
        ("augment", "patient", "cmsmlc", "segment_lead"),
        ("vcg", "lead", "instance_discrimination", "memory bank"),
    ],
)
def test_what_makes_no_sense_is_said(data, tmp_path, view, positives, objective, words):
    with pytest.raises(InputError, match=words):
        config(data, tmp_path, view=view, positives=positives, objective=objective)


def test_the_default_positives_go_with_every_objective():
    own = {"pclr": "patient", "cmsc": "segment", "cmlc": "lead", "cmsmlc": "segment_lead"}
    for name in OBJECTIVES:
        assert check_pairs("augment", None, name) == own.get(name, "nearby")
    for name in OBJECTIVES.keys() - {"cmsc", "cmsmlc"}:
        assert check_pairs("vcg", None, name) == own.get(name, "window")


def test_vcg_without_its_leads_is_said(cache, tmp_path):
    with pytest.raises(InputError, match="V1, V2"):
        train(config(None, tmp_path, view="vcg"), cache, None)
