"""Changes of a recording are what they say, and a model's cosines are measured between the right windows."""

import numpy as np
import pytest

pytest.importorskip("sklearn")

from edgeecg.errors import InputError
from train.probes.protocol import row_cosines
from train.probes.tasks.base import Windows
from train.reporting.tables import invariance_table
from train.studies.invariance import Config, SuperclassProbe, changes, measure
from train.views.corruptions import draw_noise


def test_noise_has_the_ratio_asked_for():
    rng = np.random.default_rng(0)
    x, noise = rng.standard_normal((50, 1280)), rng.standard_normal((3, 50000)) * 7
    added = draw_noise(x, noise, 12.0, rng)
    assert np.allclose(20 * np.log10(x.std(1) / added.std(1)), 12, atol=0.01)


def test_changes_leave_the_signal_as_it_was_given():
    x = np.random.default_rng(1).standard_normal((4, 1280))
    before, made = x.copy(), dict(changes(x, None, np.random.default_rng(0)))
    assert np.array_equal(x, before)
    assert np.array_equal(made["gain x4"], 4 * x) and np.array_equal(made["lead turned round"], -x)
    assert not any("nstdb" in name for name in made)


@pytest.mark.parametrize(
    ("name", "hz", "share"),
    [
        ("low pass 25 Hz", 25.0, 0.5**0.5),
        ("high pass 0.67 Hz", 0.67, 0.5**0.5),
        ("low pass 15 Hz", 2.0, 1.0),
        ("high pass 1 Hz", 10.0, 1.0),
    ],
)
def test_filters_leave_half_of_the_power_at_their_corner(name, hz, share):
    wave = np.sin(2 * np.pi * hz * np.arange(12800) / 128)[None]
    made = dict(changes(wave, None, np.random.default_rng(0)))[name]
    assert made[:, 3840:-3840].std() / wave[:, 3840:-3840].std() == pytest.approx(share, abs=0.01)


def test_cosine_of_rows():
    a = np.array([[1.0, 0], [3, 4], [0, 0]])
    assert np.allclose(row_cosines(a, np.array([[0, 2.0], [3, 4], [1, 1]])), [0, 1, 0])


def test_no_folder_ends_in_a_sentence():
    with pytest.raises(InputError, match="EDGEECG_DATA"):
        Config(data=None)


def test_the_probe_is_scored_on_patients_it_was_not_fitted_on():
    rng = np.random.default_rng(2)
    label = rng.integers(0, 2, (200, 2))
    windows = Windows(np.zeros((200, 1280)), label, np.arange(200) // 4)
    known = label + 0.05 * rng.standard_normal((200, 2))
    probe = SuperclassProbe(windows, known)
    assert probe.auc(known) > 0.99 and probe.auc(known[:, ::-1]) < 0.7
    memory = np.eye(50)[windows.group]
    assert SuperclassProbe(windows, memory).auc(memory) < 0.7


@pytest.mark.data
def test_the_front_end_takes_out_gain_and_offset(data_dir, model_file):
    rows = {r["change"]: r for r in measure(Config(model=str(model_file), data=data_dir, windows=60))}
    assert all(rows[f"gain x{g}"]["mean"] > 0.99 for g in ("0.5", "2", "4"))
    assert rows["offset 100 mV"]["mean"] > 0.99
    assert rows["source rate 1000 Hz"]["mean"] > 0.99
    assert rows["another person"]["mean"] < rows["one second later"]["mean"]
    same = rows["nothing"]["superclass_auc"]
    assert abs(rows["gain x2"]["superclass_auc"] - same) < 0.02 and 0.3 < same < 1
    assert len(invariance_table(list(rows.values())).splitlines()) == len(rows) + 2
