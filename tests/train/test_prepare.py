"""What a folder of recordings is said to hold, and that what was said is built."""

from dataclasses import replace

import numpy as np
import pytest

from edgeecg.errors import InputError
from tests.train.published import counts, write_dat
from train.data import open_cache
from train.data.corpora import LARGER, PRETRAINING
from train.data.front_end import default_front_end
from train.data.inventory import holding
from train.prepare import Config, main


def printed(capsys, config) -> str:
    main(config)
    return capsys.readouterr().out


def test_a_published_folder_is_described_and_built(published, tmp_path, capsys):
    config = Config(published, cache=tmp_path)
    said = printed(capsys, config)
    assert "mitdb: 21 records, 21 people, WFDB files" in said and "ptbxl: 14 of 2277 records, 14 people" in said
    assert (
        "cinc2018: 10 records, WFDB files" in said and "which minutes of Challenge 2018 they read is not known" in said
    )
    assert "Missing" not in said, "all of the default is there"
    for what in (
        "DS2 is the test set; 201 shares a patient with 202",
        "fold 10 is the official test",
        "svdb, unless named",
    ):
        assert what in said.split("Never trained on:")[1]
    assert f"Trained on with --corpora {' '.join(PRETRAINING)}: {', '.join(PRETRAINING)}" in said
    assert f"Next: python train/pretrain.py --data {published}\n" in said
    built = [path for path in tmp_path.iterdir() if path.is_dir()]
    again = open_cache(published, PRETRAINING, default_front_end(), tmp_path, quiet=True)
    assert built == [again.path] and set(again.index["set"].tolist()) == set(PRETRAINING)
    assert again.summary() in said


def test_only_said(published, tmp_path, capsys):
    said = printed(capsys, Config(published, corpora=("larger",), check=True, cache=tmp_path))
    assert not list(tmp_path.iterdir()) and f"--corpora larger: {', '.join(LARGER)}" in said


def test_what_is_missing_comes_with_a_command(tmp_path, capsys):
    write_dat(tmp_path / "clinic", "a", 250, counts(250, 20, 1, 0), ("I",))
    (tmp_path / "ptbxl").mkdir()
    write_dat(tmp_path / "ptbxl/records500", "00001_hr", 500, counts(500, 10, 1, 0), ("I",))
    config = Config(tmp_path, cache=tmp_path / "cache")
    said = printed(capsys, config)
    assert "to name with --corpora: clinic" in said and "nothing: download some of the above" in said
    assert "ptbxl: cannot be read" in said and "ptbxl has no ptbxl_database.csv" in said
    assert "wget -r -N -c -np -P DIR https://physionet.org/files/ptb-xl/1.0.3/" in said
    assert "wfdb.dl_database('mitdb', 'DIR/mitdb')" in said and "nstdb: missing" in said
    assert not (tmp_path / "cache").exists()
    said = printed(capsys, replace(config, corpora=("clinic",)))
    assert "Trained on with --corpora clinic: clinic" in said and "--corpora clinic\n" in said
    with pytest.raises(InputError, match="does not exist"):
        Config(tmp_path / "nowhere")


def test_arrays_are_told_from_files(tmp_path):
    folder = tmp_path / "vfdb"
    folder.mkdir()
    np.save(folder / "ecg_128hz_uV_int16.npy", np.zeros((2, 1300), np.int16))
    (folder / "labels.csv").write_text("record,person\n418,418\n419,419\n")
    assert "vfdb: 2 of 22 records, 2 people, arrays" in holding(tmp_path, "vfdb").line()
    (folder / "labels.csv").write_text("record,person\n418,418\n")
    assert "cannot be read" in holding(tmp_path, "vfdb").line()
