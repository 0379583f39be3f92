"""Tasks between sets: what counts as a label in each, and that no side holds the other's recordings."""

import numpy as np
import pytest

pytest.importorskip("sklearn")

from train.probes.tasks import transfer as transfer_tasks
from train.probes.tasks.base import Task, Windows
from train.probes.tasks.registry import read_task
from train.probes.tasks.transfer import TRANSFER_TASKS, premature

STATEMENTS = (
    "{'PVC': 100.0}",
    "{'PAC': 0.0, 'SR': 0.0}",
    "{'BIGU': 0.0}",
    "{'NORM': 100.0}",
    "{'PVC': 0.0, 'TRIGU': 0.0}",
    "{'SVARR': 0.0}",
)


def test_recordings_that_leave_the_kind_of_beat_open_are_left_out(tmp_path):
    folder = tmp_path / "ptbxl"
    folder.mkdir()
    signal = np.arange(6 * 8, dtype=np.int16).reshape(6, 8, 1) * np.ones((1, 1, 1280), np.int16)
    np.save(folder / "ecg_128hz_uV_int16.npy", signal)
    rows = "".join(f'{n},{100 + n},"{codes}",\n' for n, codes in enumerate(STATEMENTS))
    (folder / "metadata.csv").write_text("ecg_id,patient_id,scp_codes,superclass\n" + rows)
    ventricular, supraventricular = (premature(tmp_path, 1, kind) for kind in "VS")
    assert ventricular.group.tolist() == [100, 101, 103, 104] and ventricular.label.tolist() == [1, 0, 0, 1]
    assert supraventricular.group.tolist() == [100, 101, 103] and supraventricular.label.tolist() == [0, 1, 0]
    assert np.allclose(ventricular.signal[:, 0], [0.001, 0.009, 0.025, 0.033]), "lead II in mV"


def test_sides_are_of_the_sets_that_the_name_says(monkeypatch, tmp_path):
    """Sets that are known by their size, with labels 0 to 3 where four rhythms are told apart."""

    def windows(count, classes=2):
        return Windows(np.zeros((count, 1), np.float32), np.arange(count) % classes, np.arange(count))

    leads = {0: windows(60), 1: windows(70)}
    monkeypatch.setattr(
        transfer_tasks, "beats", lambda data, kind, test: Task(windows({"V": 10, "S": 20}[kind]), windows(1))
    )
    monkeypatch.setattr(transfer_tasks, "rhythm", lambda data: Task(windows(30), windows(40)))
    monkeypatch.setattr(transfer_tasks, "cinc2017", lambda data: Task(windows(52, 4)))
    monkeypatch.setattr(transfer_tasks, "ptbxl", lambda data, lead, what: Task(leads[lead]) if what == "af" else None)
    monkeypatch.setattr(
        transfer_tasks, "premature", lambda data, lead, kind: windows({(1, "V"): 80, (1, "S"): 90}[lead, kind])
    )
    tasks = {name: read_task(name, tmp_path) for name in TRANSFER_TASKS}
    assert {name: (len(t.train.label), len(t.test.label)) for name, t in tasks.items()} == {
        "V_ds1_to_ptbxl_II": (10, 80),
        "S_ds1_to_ptbxl_II": (20, 90),
        "af_ds1_to_ptbxl_II": (30, 70),
        "af_ds1_to_cinc2017": (30, 52),
        "af_ptbxl_I_to_cinc2017": (60, 52),
        "af_ptbxl_II_to_ds2": (70, 40),
        "af_cinc2017_to_ptbxl_I": (52, 60),
        "af_cinc2017_to_ds2": (52, 40),
    }
    for task in tasks.values():
        assert task.kind == "split" and set(task.train.label) == set(task.test.label) == {0, 1}
    assert tasks["af_cinc2017_to_ds2"].train.label.sum() == 13, "one rhythm of four"


@pytest.mark.data
def test_recordings_have_the_labels_that_were_given(data_dir):
    task = read_task("af_cinc2017_to_ptbxl_I", data_dir)
    assert len(set(task.train.group)) == 200 and len(set(task.train.group[task.train.label == 1])) == 33
    assert len(task.test.label) == 2277 and task.test.label.sum() == 173 and len(set(task.test.group)) > 2000, (
        "groups are patients"
    )
    premature_beats = [premature(data_dir, 1, kind) for kind in "VS"]
    assert [w.label.sum() for w in premature_beats] == [123, 45]
