"""Siamese pairs: who is paired with whom, that distances learn it, and that the pair score is a probability."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import edgeecg
from edgeecg.errors import InputError
from tests.train.records import write_record
from train.data import open_cache
from train.data.front_end import ZERO, default_front_end
from train.data.windows import is_validation
from train.engine import Place
from train.match import Config as MatchConfig
from train.match import main as match
from train.pairs import sampling as matches_module
from train.pairs import score as pair_score
from train.pairs import verification as siamese_test
from train.pairs.sampling import PatientWindows, beat_windows, with_false_pairs
from train.pairs.score import PairScore, reliability
from train.runs.checkpoint import load_encoder
from train.runs.folder import read_log
from train.siamese import Config, Siamese, train
from train.siamese import main as siamese_main
from train.views import Views

pytest.importorskip("wfdb")
PEOPLE = 12
CALM = Views(**{f"p_{name}": 0.0 for name in ("noise", "powerline", "wander", "warp", "cutout", "flip", "amplitude")})


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Twelve people in two corpora; pulses of their own rate and width. Every second one has a few beats called V."""
    root = tmp_path_factory.mktemp("data")
    for number in range(PEOPLE):
        folder = root / ("clinic", "ward")[number % 2]
        folder.mkdir(exist_ok=True)
        codes = (lambda at: "V" if at > 25 else "N") if number % 4 < 2 else (lambda at: "N")
        write_record(
            folder,
            f"p{number}",
            128,
            45.0,
            codes,
            leads=("I", "II"),
            period=0.6 + 0.06 * number,
            width=0.01 + 0.004 * (number % 5),
        )
    return root


@pytest.fixture(scope="module")
def cache(data, tmp_path_factory):
    return open_cache(data, ("clinic", "ward"), default_front_end(), tmp_path_factory.mktemp("cache"), quiet=True)


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(siamese_test, "PAIRS", 24)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def tiny(data, cache, out, **changes) -> Config:
    options = {
        "data": data,
        "corpora": ("clinic", "ward"),
        "batch": 16,
        "steps": 2,
        "validation": 0.6,
        "views": CALM,
        "out": out,
    }
    return Config(**options | {"cache": cache.path.parent} | changes)


@given(seed=st.integers(0, 10**6), n=st.integers(2, 40))
def test_false_pairs_differ_in_who_and_share_what_is_near(seed, n):
    rng = np.random.default_rng(seed)
    who, near = rng.integers(0, 4, n), rng.integers(0, 2, n)
    who[:2] = 0, 1
    x = torch.stack([torch.from_numpy(who), torch.from_numpy(near), torch.arange(n)], 1).float()
    matches = with_false_pairs(x, x, who, near, who)
    a, b, different = matches.first, matches.second, matches.different
    assert len(a) == 2 * n and (~different).sum() == n
    assert torch.equal(a[~different], b[~different])
    assert (a[different, 0] != b[different, 0]).all()
    for first, second in zip(a[different], b[different], strict=True):
        could = ((who != int(first[0])) & (near == int(first[1]))).any()
        assert not could or first[1] == second[1]
    assert np.array_equal(matches.group, a[:, 0].numpy())


def test_one_kind_makes_no_false_pair():
    with pytest.raises(InputError, match="at least two kinds"):
        with_false_pairs(torch.zeros(3, 4), torch.zeros(3, 4), np.zeros(3), np.zeros(3), np.zeros(3))


def test_pairs_of_patients_never_overlap(cache):
    """Each window is found again in the cache: a true pair lies in two halves of one lead, a false one
    in two patients.
    """
    rows = np.ones(len(cache.index["start"]), bool)
    matches = PatientWindows(cache, rows).matches(20, generator())
    stream = np.asarray(cache.samples).tobytes()
    starts, row_of = cache.index["start"], cache.patients()
    for k in (*range(4), *range(20, 24)):
        places = [
            stream.index((x[k] * 16 + ZERO).to(torch.uint8).numpy().tobytes()) for x in (matches.first, matches.second)
        ]
        rows_of = [int(np.searchsorted(starts, place, side="right")) - 1 for place in places]
        patients = [row_of[row] for row in rows_of]
        if matches.different[k]:
            assert patients[0] != patients[1]
            assert cache.index["set"][rows_of[0]] == cache.index["set"][rows_of[1]]
        else:
            assert rows_of[0] == rows_of[1] and places[1] >= places[0] + 1280
        assert matches.group[k] == patients[0]


def test_labelled_windows_are_called_by_their_unusual_beats(cache, data):
    windows = beat_windows(cache, data, "atr", np.ones(len(cache.index["start"]), bool))
    assert windows.classes.tolist() == ["N", "V"]
    second = (windows.start - cache.index["start"][windows.row]) / 128
    called = np.array([int(name[1:]) % 4 < 2 for name in cache.index["record"]])[windows.row]
    assert np.array_equal(windows.label == 1, called & (second + 10 > 25.1)) or (
        # the first V lies up to a period behind 25 s
        np.mean((windows.label == 1) == (called & (second + 10 > 25))) > 0.97
    )
    first, other, label, _ = windows.draw(400, generator())
    assert first.shape == other.shape == (400, 1280) and 150 < int(label.sum()) < 250, "rare classes come as often"
    with pytest.raises(InputError, match="apn"):
        beat_windows(cache, data, "apn", np.ones(len(cache.index["start"]), bool))


def test_pairs_by_label_are_drawn_in_batches_of_any_size_and_tested_on_two_people(cache, data):
    windows = beat_windows(cache, data, "atr", np.ones(len(cache.index["start"]), bool))
    for count in (1, 8, 40):
        assert len(windows.draw(count, generator())[0]) == count
    source = dict(zip(windows.start.tolist(), windows.patient.tolist(), strict=True))
    taken = []
    original, matches_module.take = (
        matches_module.take,
        lambda cache, start: taken.append(start) or original(cache, start),
    )
    try:
        windows.draw(60, generator(), two_people=True)
    finally:
        matches_module.take = original
    assert all(source[a] != source[b] for a, b in zip(*taken, strict=True))


def test_a_batch_goes_through_one_encoder_and_the_loss_is_hadsells(cache, data, tmp_path):
    torch.manual_seed(0)
    learner = Siamese(tiny(data, cache, tmp_path), cache, None).eval()
    batch = learner.draw(8, Place(0, 1))
    loss, shown = learner(batch)
    a, b = learner.encoder(batch["first"]), learner.encoder(batch["second"])
    who, n = batch["who"].numpy(), 8
    true = (a - b).square().sum(1)
    false = []
    for i in range(n):
        partner = next((j % n for j in range(i + 1, i + n) if who[j % n] != who[i]), None)
        if partner is not None:
            false.append((1.0 - (a[i] - b[partner]).norm()).clamp(min=0) ** 2)
    expected = (true.sum() + sum(false)) / (n + len(false))
    torch.testing.assert_close(loss, expected, rtol=1e-4, atol=1e-5)
    assert 0 <= float(shown["accuracy"]) <= 1


@pytest.mark.parametrize("pairs", ["patient", "window", "label"])
def test_the_run_leaves_a_score_and_its_papers(cache, data, tmp_path, pairs, capsys):
    finished = train(tiny(data, cache, tmp_path, pairs=pairs, log_every=1, evaluate_every=1), cache, None)
    names = {path.name for path in tmp_path.iterdir()}
    assert {"pair_score.json", "siamese.json", "pairs.png", "score.png", "accuracy.png", "report.md"} <= names
    figures = json.loads((tmp_path / "siamese.json").read_text())
    ways = figures["held-out patients"]
    assert set(ways) == {"siamese", "random encoder", "rhythm and shape features"}
    assert ways["siamese"]["auc"]["low"] <= ways["siamese"]["auc"]["value"] <= ways["siamese"]["auc"]["high"]
    assert "validation_accuracy" in read_log(tmp_path)[-1]
    load_encoder(finished)
    record = str(data / "clinic" / "p0.hea")
    match(MatchConfig(tmp_path, record, record))
    assert "probability" in capsys.readouterr().out


def test_distances_learn_who_is_who(cache, data, tmp_path):
    config = tiny(data, cache, tmp_path, steps=30, batch=16, log_every=1, evaluate_every=30, lr=3e-3, margin=2.0)
    learner = Siamese(config, cache, None)
    z = learner.encoder.train()(learner.draw(64, Place(0, 1))["first"])
    assert 1.0 < (z - z.roll(1, 0)).norm(dim=1).mean().item() < 3.0, "a margin apart from the start"
    train(config, cache, None)
    lines = [line for line in read_log(tmp_path) if "loss" in line]
    assert np.mean([line["loss"] for line in lines[-5:]]) < 0.7 * np.mean([line["loss"] for line in lines[:3]])
    assert np.mean([line["accuracy"] for line in lines[-5:]]) > 0.7
    start = str(tmp_path / "encoder.safetensors")
    with pytest.raises(InputError, match="is edge, not basic_cnn"):
        siamese_main(replace(config, start=start, encoder="basic_cnn", out=tmp_path / "wrong"))
    assert not (tmp_path / "wrong").exists()
    again = train(replace(config, start=start, out=tmp_path / "second", steps=1), cache, None)
    figures = json.loads((again.parent / "siamese.json").read_text())
    assert "the encoder it started from" in figures["held-out patients"]


def test_the_pair_score_finds_the_curve_it_was_drawn_from():
    rng = np.random.default_rng(0)
    distance = rng.gamma(3.0, 0.4, 40_000)
    truth = PairScore(-2.5, 3.0)
    different = rng.random(len(distance)) >= truth.probability(distance)
    fitted = PairScore.fit(distance, different)
    assert fitted.slope == pytest.approx(-2.5, abs=0.1) and fitted.intercept == pytest.approx(3.0, abs=0.1)
    share, mean, count = reliability(fitted.probability(distance), different)
    assert (np.abs(share - mean)[count > 500] < 0.03).all() and count.sum() == len(distance)


def test_what_is_tested_is_the_order_of_distances():
    different = np.array([False] * 50 + [True] * 50)
    group = np.tile(np.arange(10), 10)
    matches = with_false_pairs(torch.zeros(50, 2), torch.zeros(50, 2), np.arange(50), np.zeros(50), group[:50])
    assert np.array_equal(matches.different, different)
    distance = np.where(different, 2.0, 1.0) + np.linspace(0, 0.5, 100)
    result = pair_score.tested(distance, matches, PairScore.fit(distance, different))
    assert result.auc.value == 1.0 and result.accuracy.value == 1.0 and result.brier < 0.01
    assert pair_score.tested(-distance, matches).auc.value == 0.0


def test_a_saved_score_comes_back(tmp_path):
    PairScore(-1.5, 0.25).save(tmp_path / "s.json")
    assert PairScore.load(tmp_path / "s.json") == PairScore(-1.5, 0.25)
    (tmp_path / "s.json").write_text("{}")
    with pytest.raises(InputError, match="holds no pair score"):
        PairScore.load(tmp_path / "s.json")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"margin": 0.0}, "margin"),
        ({"tests": ("mitdb",)}, "mitdb is"),
        ({"annotator": "apn", "pairs": "label"}, "annotations .apn"),
    ],
)
def test_what_cannot_be_ends_in_a_sentence(cache, data, tmp_path, options, said):
    with pytest.raises(InputError, match=said):
        Siamese(Config(**{"data": data, "out": tmp_path} | options), cache, None)


def test_a_score_needs_patients_on_both_sides(cache, data, tmp_path):
    learner = Siamese(tiny(data, cache, tmp_path), cache, None)
    learner.held_out = cache.patients() == cache.patients()[0]
    with pytest.raises(InputError, match="raise --validation"):
        siamese_test.split_held_out(learner)


def test_too_few_held_out_people_are_named_before_the_training(cache, data, tmp_path):
    shares = np.linspace(0.01, 0.6, 60)
    share = float(next(s for s in shares if is_validation(cache, s).any()))  # the first person alone
    with pytest.raises(InputError, match="too few patients are held out"):
        Siamese(tiny(data, cache, tmp_path, validation=share), cache, None)


def test_a_bundled_model_can_be_gone_on_from(cache, data, tmp_path):
    start = edgeecg.load("default").model
    learner = Siamese(tiny(data, cache, tmp_path, start="default"), cache, None)
    assert learner.encoder.spec.head.dim == start.head.dim - len(start.levels) and not learner.encoder.spec.head.levels
    for pairs, use in (("patient", "pretraining"), ("label", "labels")):
        finished = train(tiny(data, cache, tmp_path / pairs, start="default", pairs=pairs), cache, None)
        _, meta = load_encoder(finished)
        before = start.meta["training"]
        # those of all processes together
        assert (meta["steps"], meta["processes"]) == (before["steps"] * before["processes"] + 2, 1)
        assert meta["sources"][: len(start.meta["sources"])] == start.meta["sources"]
        assert {(s["name"], s["use"]) for s in meta["sources"][len(start.meta["sources"]) :]} == {
            ("clinic", use),
            ("ward", use),
        }
