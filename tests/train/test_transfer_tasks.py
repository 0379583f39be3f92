"""Tasks between sets: what counts as a label in each, and that no side holds the other's recordings."""

import numpy as np
import pytest

pytest.importorskip("sklearn")

from train.probes.tasks import read_task
from train.probes.transfer_tasks import TRANSFER_TASKS, premature

STATEMENTS = ("{'PVC': 100.0}", "{'PAC': 0.0, 'SR': 0.0}", "{'BIGU': 0.0}", "{'NORM': 100.0}", "{'PVC': 0.0, 'TRIGU': 0.0}", "{'SVARR': 0.0}")


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


@pytest.mark.data
def test_sides_are_of_different_sets(data_dir):
    whole = {
        "ds1": len(read_task("V_ds1_ds2", data_dir).train.label), "ds2": len(read_task("V_ds1_ds2", data_dir).test.label),
        "ptbxl": 2277, "cinc2017": len(read_task("cinc2017_cv5", data_dir).train.label),
    }  # fmt: skip
    for name in TRANSFER_TASKS:
        task = read_task(name, data_dir)
        source, target = (side.removesuffix("_I").removesuffix("_II") for side in name.split("_", 1)[1].split("_to_"))
        assert len(task.train.label) == whole[source], name
        assert 0.95 * whole[target] < len(task.test.label) <= whole[target], name
        for side in (task.train, task.test):
            assert set(side.label) == {0, 1} and side.signal.shape == (len(side.label), 1280), name
    flutter = read_task("af_ds1_to_ptbxl_II", data_dir).test
    assert flutter.label.sum() == 173 and len(set(flutter.group)) > 2000, "groups are patients"
    assert read_task("af_cinc2017_to_ds2", data_dir).test.label.sum() == 609
