"""Labels of one's own: what a table may say, what is refused, and who is on which side."""

import shutil

import numpy as np
import pytest

from edgeecg import io
from edgeecg.errors import InputError
from tests.train.own_labels import SUBJECTS, class_of, write_clinic
from train.data.labels import read_labels
from train.data.resample import resample


@pytest.fixture(scope="module")
def clinic(tmp_path_factory):
    pytest.importorskip("wfdb")
    folder = tmp_path_factory.mktemp("data") / "clinic"
    write_clinic(folder)
    return folder


def table(tmp_path, *rows):
    path = tmp_path / "t.csv"
    path.write_text("\n".join(rows) + "\n")
    return str(path)


def test_recordings_that_are_labeled_as_a_whole(clinic):
    own = read_labels(str(clinic / "labels.csv"), clinic)
    assert own.classes == ("narrow", "wide") and own.single and own.pooled and own.test is None
    assert own.signal.shape == (2 * SUBJECTS * 3, 1280), "31 s are three windows"
    assert len(set(own.record.tolist())) == 2 * SUBJECTS and len(set(own.subject.tolist())) == SUBJECTS
    assert all(own.classes[k] == class_of(int(s[1:])) for k, s in zip(own.truth.argmax(1), own.subject, strict=True))
    assert "72 windows of 24 recordings of 12 subjects (narrow 36, wide 36)" in own.summary()


def test_windows_and_beats_of_a_recording(clinic, tmp_path):
    recording = io.read(clinic / "p00a.hea")
    whole = resample(recording.millivolts(), recording.fs)
    own = read_labels(table(tmp_path, "record,label,start", "p00a,x,2.5", "p00a,y,20", "p00a,x,25"), clinic)
    assert not own.pooled and len(own.signal) == 2, "the last does not lie in the recording"
    np.testing.assert_array_equal(own.signal, [whole[320:1600], whole[2560:3840]])
    own = read_labels(table(tmp_path, "Record, Label , TIME", "p00a, x ,7.5", "p00a.hea,y;z,25", "p01b,z,2"), clinic)
    np.testing.assert_array_equal(own.signal, [whole[320:1600], whole[2560:3840]])
    assert own.classes == ("x", "y", "z") and own.truth.tolist() == [[1, 0, 0], [0, 1, 1]] and not own.single


def test_annotation_files_call_windows(clinic):
    own = read_labels("atr", clinic)
    assert own.classes == ("N", "V") and not own.pooled and len(own.signal) == 2 * SUBJECTS * 3
    assert set(own.subject.tolist()) == {f"s{subject:02d}" for subject in range(SUBJECTS)}, "of patients.csv"


def test_minutes_of_apnea_are_no_beats(published):
    with pytest.raises(InputError, match="splits need at least 4 subjects"):
        read_labels("apn", published / "apnea-ecg").folds(2)
    assert read_labels("apn", published / "apnea-ecg").classes == ("A", "N"), "not S and N, as A of a beat would be"


def test_subjects_are_in_one_fold_and_in_every_command_the_same(clinic, tmp_path):
    own = read_labels(str(clinic / "labels.csv"), clinic)
    fold = own.folds(4)
    assert all(len(set(fold[own.subject == name].tolist())) == 1 for name in set(own.subject.tolist()))
    assert sorted(np.bincount(fold).tolist()) == [18, 18, 18, 18]
    shuffled = (clinic / "labels.csv").read_text().splitlines()
    again = read_labels(table(tmp_path, shuffled[0], *shuffled[:0:-1]), clinic)
    assert dict(zip(again.subject, again.folds(4), strict=True)) == dict(zip(own.subject, fold, strict=True))
    with pytest.raises(InputError, match="14 splits need at least 28 subjects"):
        own.folds(14)


def test_a_table_may_say_who_is_tested(clinic, tmp_path):
    rows = [
        f"p{s:02d}a,{class_of(s)},s{s},{split}"
        for s, split in enumerate(["train", "train", "val", "val", "test", "Test"])
    ]
    own = read_labels(table(tmp_path, "record,label,subject,split", *rows), clinic)
    assert own.test.tolist() == [False] * 12 + [True] * 6 and (own.split == "val").sum() == 6


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        (["record,name", "p00a,x"], "needs the columns record and label, and has name, record"),
        ([""], "needs the columns record and label, and has none"),
        (["record,label", "p00a,x", "p01a,"], "line 3: a row has a record, a label"),
        (["record,label,split", "p00a,x,tset"], "line 2: a row has .* as split train, val or test"),
        (["record,label,start", "p00a,x,soon"], "line 2: 'soon' is no number of seconds"),
        (["record,label,start,time", "p00a,x,1,2"], "start and time"),
        (["record,label", "p00a,x", "p01a,x"], "two classes at least, and there is x"),
        (["record,label", "p00a,x", "p99a,y"], "recording p99a .* there is no such file"),
        (
            ["record,label,subject,split", "p00a,x,s,test", "p00b,y,s,train"],
            "subject s is in the split test and in another",
        ),
        (["record,label,split", "p00a,x,test", "p00b,y,test"], "everything is in the split test"),
        (["record,label,split", "p00a,x,train", "p00b,y,val"], "none of them is test"),
    ],
)
def test_what_makes_no_sense_is_said(clinic, tmp_path, rows, says):
    with pytest.raises(InputError, match=says):
        read_labels(table(tmp_path, *rows), clinic)


def test_what_is_neither_a_table_nor_annotations(clinic, tmp_path):
    with pytest.raises(InputError, match=r"nowhere\.csv cannot be read"):
        read_labels(str(tmp_path / "nowhere.csv"), clinic)
    with pytest.raises(InputError, match="neither a table of labels nor the suffix"):
        read_labels("qrs", clinic)


def test_records_of_subfolders_and_other_formats(clinic, tmp_path):
    inside = tmp_path / "data" / "deep"
    inside.mkdir(parents=True)
    for path in clinic.glob("p00a.*"):
        shutil.copy(path, inside)
    recording = io.read(clinic / "p01a.hea")
    lines = ["time_s,I_mV", *(f"{i / 250},{v:.4f}" for i, v in enumerate(recording.millivolts()))]
    (tmp_path / "data" / "one.csv").write_text("\n".join(lines) + "\n")
    own = read_labels(table(tmp_path, "record,label", "p00a,x", "one.csv,y"), tmp_path / "data")
    assert len(own.signal) == 6
    shutil.copytree(inside, tmp_path / "data" / "twice")
    with pytest.raises(InputError, match="more than one file is called so"):
        read_labels(table(tmp_path, "record,label", "p00a,x", "one.csv,y"), tmp_path / "data")


def test_rates_that_are_no_whole_number():
    x = np.sin(np.arange(2577) / 40)
    assert len(resample(x, 257.7)) == 1280 and len(resample(x, 360)) == 917
