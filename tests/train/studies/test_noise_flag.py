"""The threshold of NOISY is what it says, the figures are counted right, and a model file gets it without losing
anything.
"""

import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("torch")
pytest.importorskip("sklearn")

import edgeecg
from edgeecg.constants import STEP_LIMIT
from edgeecg.errors import InputError
from edgeecg.model import Model
from tests.models import ecg, edge_like
from train.quantization.golden_vectors import check_compiled_core
from train.quantization.noise_threshold import NOISE, with_noise_flag, write_noise_flag
from train.studies import noise_flag
from train.studies.noise_flag import (
    CALIBRATED,
    FALSE_ALARMS,
    Config,
    WindowSet,
    choice,
    findings,
    flagged_statistic,
    main,
    names,
    steps,
    threshold_of,
)


@given(st.lists(st.lists(st.integers(0, 60), min_size=60, max_size=200), min_size=1, max_size=3))
def test_the_threshold_is_the_least_that_few_clean_values_reach(sets):
    sets = [[*values, 1000] if len(values) > 150 else values for values in sets]
    clean = {str(i): np.array(values) for i, values in enumerate(sets)}

    def share(least):
        return np.mean([(v >= least).mean() for v in clean.values()])

    every = np.unique(np.concatenate(list(clean.values())))
    least = threshold_of(clean)
    assert share(least) <= FALSE_ALARMS + 1e-12
    assert all(share(v) > FALSE_ALARMS - 1e-12 for v in every[every < least])


def test_the_flags_statistic_is_the_references():
    y = np.random.default_rng(0).integers(100, 156, (7, 1280)).astype(np.uint8)
    np.testing.assert_array_equal(flagged_statistic(y), steps(y, STEP_LIMIT))
    assert flagged_statistic(np.full((1, 1280), 9, np.uint8)) == [0]


@pytest.mark.parametrize(
    ("note", "leads"),
    [
        ("", ""),
        (" , alles,  ", "I II V1 V5"),
        (" , I-AVF,  ", "I II"),
        (" , I-V2,", "I II V1"),
        (" , I,", "I"),
        ("V1,V2", "V1"),
        (" , leicht,", ""),
        ("v5", "V5"),
        ("II,III", "II"),
    ],
)
def test_leads_that_a_note_names(note, leads):
    assert [lead for lead in ("I", "II", "V1", "V5") if names(note, lead)] == leads.split()


def restless(n, step, seed=0) -> WindowSet:
    """Bytes that walk up and down by at most `step`."""
    rng = np.random.default_rng(seed)
    return WindowSet((128 + rng.integers(0, step + 1, (n, 1280))).astype(np.uint8), np.arange(n))


def test_tables_of_a_made_up_bench():
    clean = {title: restless(100, 2, seed) for seed, title in enumerate(CALIBRATED)}
    noisy = {
        "X with ma noise, 6 dB": (restless(20, 40), CALIBRATED[0]),
        "X with ma noise, 0 dB": (restless(20, 60), CALIBRATED[0]),
        "X, noted as noisy": (restless(20, 2, 9), CALIBRATED[0]),
    }
    bench = SimpleNamespace(clean=clean, noisy=noisy, further={})
    lines, least = choice(bench)
    sums = [flagged_statistic(s.y) for s in clean.values()]
    assert np.mean([(v >= least).mean() for v in sums]) <= FALSE_ALARMS
    assert lines[2].startswith("| steps, each at most 6 (the flag) |") and "| 100.0 % | 100.0 % |" in lines[2]
    text = "\n".join(findings(bench, least))
    assert "| X with ma noise, 0 dB | 20 | 100.0 % (100.0-100.0) | 1.000 (1.000-1.000) |" in text


def test_a_file_gets_the_threshold_and_keeps_its_embeddings(tmp_path):
    path = tmp_path / "some.eecg"
    edge_like().save(path)
    before = path.read_bytes()
    changed = write_noise_flag(path, NOISE)
    assert changed.front.noise == NOISE and Model.load(path).id == changed.id != Model.from_bytes(before).id
    with np.load(tmp_path / "some.golden.npz", allow_pickle=False) as file:
        vectors = dict(file)
    assert str(vectors["model_id"]) == changed.id and check_compiled_core(changed, vectors) == []
    assert any((vectors[f"{name}.flags"] & 16).any() for name in vectors["names"])
    signal = ecg(25, 250)
    old, new = (edgeecg.load(m).analyze(signal, 250) for m in (Model.from_bytes(before), changed))
    np.testing.assert_array_equal(old.embedding, new.embedding)
    main(Config(write=(path,), noise=0))
    assert path.read_bytes() == before


def test_a_wrong_flag_in_golden_vectors_is_noticed(tmp_path):
    path = tmp_path / "some.eecg"
    edge_like().save(path)
    model = write_noise_flag(path, NOISE)
    with np.load(tmp_path / "some.golden.npz", allow_pickle=False) as file:
        vectors = dict(file)
    vectors["gap_129_7hz.flags"] = vectors["gap_129_7hz.flags"] ^ 8
    assert check_compiled_core(model, vectors) == ["gap_129_7hz"]


def test_a_shorter_window_has_its_share():
    model = edge_like(window=640)
    assert with_noise_flag(model).front.noise == NOISE // 2
    front = dataclasses.replace(model.front, noise=with_noise_flag(model, 0).front.noise)
    assert dataclasses.replace(model, front=front).id == model.id


def test_bundled_models_have_the_threshold():
    from edgeecg.loading import bundled_models

    for path in bundled_models().values():
        assert Model.load(path).front.noise == NOISE


def test_without_recordings_one_sentence(monkeypatch):
    with pytest.raises(InputError, match="--data"):
        main(Config(data=None))
    assert noise_flag.NOISE > 0
