"""Disturbances are what their names say; a probe that was fitted on clean windows is scored on disturbed ones."""

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("sklearn")

from edgeecg.errors import InputError
from train.probes.tasks.base import Task, Windows
from train.studies import robustness
from train.studies.robustness import Config, curve, fit_probes, main
from train.views.corruptions import RAIL, clipped, corrupted, corruptions, lead_off, quantized, resampled

TIME = np.arange(1280) / 128
RNG = np.random.default_rng(0)


def waves(n=5) -> np.ndarray:
    return np.sin(2 * np.pi * np.arange(1, n + 1)[:, None] * TIME)


def test_lead_off_is_one_stretch_at_the_rail():
    moved = lead_off(waves(), 2.0, np.random.default_rng(1))
    assert ((moved == RAIL).sum(1) == 256).all()
    assert (np.abs(np.diff(moved == RAIL, axis=1)).sum(1) <= 2).all()
    assert np.array_equal(moved[moved != RAIL], waves()[moved != RAIL])


def test_clipping_keeps_the_middle():
    x = waves() + 3.0
    moved = clipped(x, 0.25, RNG)
    middle = np.median(x, 1, keepdims=True)
    limit = 0.25 * np.abs(x - middle).max(1, keepdims=True)
    assert (np.abs(moved - middle) <= limit + 1e-12).all()
    inside = np.abs(x - middle) <= limit
    assert np.allclose(moved[inside], x[inside])


def test_resampling_loses_what_lies_above_half_the_rate():
    low, high = np.sin(2 * np.pi * 5 * TIME)[None], np.sin(2 * np.pi * 30 * TIME)[None]
    middle = slice(128, -128)
    assert resampled(low, 50, RNG).shape == low.shape
    assert np.abs(resampled(low, 50, RNG) - low)[:, middle].max() < 0.02
    assert np.abs(resampled(high, 50, RNG))[:, middle].max() < 0.2 < np.abs(resampled(high, 100, RNG))[:, middle].max()


def test_steps_of_microvolts():
    moved = quantized(waves(), 100.0, RNG)
    assert np.allclose(moved * 10, np.round(moved * 10)) and np.abs(moved - waves()).max() <= 0.05 + 1e-12


def test_every_feature_is_shown_the_same_and_noise_grows():
    noise = {"em": np.random.default_rng(2).standard_normal((2, 5000))}
    every = corruptions(noise)
    assert next(iter(every)) == "electrode motion noise, dB" and len(every) == 5
    x = waves().astype(np.float32)
    for steps, change in every.values():
        first, again = (list(corrupted(x, steps, change, seed=3)) for _ in range(2))
        assert [step for step, _ in first] == list(steps)
        for (_, a), (_, b) in zip(first, again, strict=True):
            assert np.array_equal(a, b) and a.dtype == np.float32 and a.shape == x.shape and np.isfinite(a).all()
        away = [np.abs(moved - x).mean() for _, moved in first]
        assert away[-1] > away[0]


def two_rates(n=160, seed=0) -> Windows:
    """Windows whose label is the rate of a sine wave, four a patient."""
    rng = np.random.default_rng(seed)
    label = rng.integers(0, 2, n)
    signal = np.sin(2 * np.pi * (2 + 3 * label[:, None]) * TIME) + 0.05 * rng.standard_normal((n, 1280))
    return Windows(signal.astype(np.float32), label, np.arange(n) // 4)


def spectrum(signal: np.ndarray) -> np.ndarray:
    return np.log1p(np.abs(np.fft.rfft(signal, axis=1))[:, 10:60])


@pytest.mark.parametrize("folds", [False, True])
def test_a_probe_of_clean_windows_loses_by_noise_and_not_by_rounding(folds, tmp_path):
    task = Task(two_rates(), kind="folds", folds=4) if folds else Task(two_rates(), two_rates(seed=1))
    rng = np.random.default_rng(1)
    noise = {kind: 0.1 * rng.standard_normal((2, 5000)) for kind in ("em", "ma", "bw")}
    rows = curve(task, spectrum, noise, Config(data=tmp_path, windows=100))
    score = {(row["disturbance"], row["step"]): row for row in rows}
    assert score["clean", 0]["value"] > 0.99 and score["amplitude step, uV", 10]["value"] > 0.99
    assert all(row["low"] <= row["value"] <= row["high"] for row in rows)
    flat = curve(task, lambda s: np.zeros((len(s), 3)), noise, Config(data=tmp_path, windows=100))
    assert all(row["value"] == 0.5 for row in flat)


def test_held_out_windows_are_scored_by_probes_that_have_not_met_them():
    windows = two_rates()
    memory = np.eye(40)[windows.group]  # who it is, and nothing else
    scored_windows, predict = fit_probes(Task(windows, kind="folds", folds=4), memory)
    p = predict(memory[:50], np.arange(50))
    assert p.shape == (50, 1) and len(scored_windows.label) == 160
    assert np.ptp(p) < 0.5
    with pytest.raises(InputError, match="single windows"):
        fit_probes(Task(windows, windows, kind="identity"), memory)


def test_the_command_resumes_and_draws(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(robustness, "read_task", lambda name, data: Task(two_rates(), two_rates(seed=1)))
    (tmp_path / "nstdb").mkdir()
    for kind in ("em", "ma", "bw"):
        np.save(
            tmp_path / "nstdb" / f"{kind}_128hz_uV_int16.npy",
            np.random.default_rng(0).integers(-500, 500, (2, 9000)).astype(np.int16),
        )
    monkeypatch.setitem(robustness.FEATURES, "spectrum", lambda seed: spectrum)
    monkeypatch.setattr(robustness, "features_by_name", lambda name: spectrum)
    config = Config(
        model="nano", baselines=("spectrum",), tasks=("V_ds1_ds2",), windows=60, data=tmp_path, out=tmp_path / "out"
    )
    main(config)
    text = (config.out / "report.md").read_text()
    assert (config.out / "V_ds1_ds2.png").stat().st_size > 1000 and "| electrode motion noise, dB | -6 |" in text
    kept = (config.out / "cells" / "V_ds1_ds2-nano.json").stat().st_mtime_ns
    (config.out / "cells" / "V_ds1_ds2-spectrum.json").unlink()
    main(replace(config, resume=True))
    assert (config.out / "cells" / "V_ds1_ds2-nano.json").stat().st_mtime_ns == kept
    assert (config.out / "report.md").read_text() == text
    capsys.readouterr()


def test_wrong_options_end_in_a_sentence(tmp_path):
    with pytest.raises(InputError, match="EDGEECG_DATA"):
        Config(data=None)
    with pytest.raises(InputError, match="baseline 'x' is not one of random"):
        Config(data=tmp_path, baselines=("x",))
