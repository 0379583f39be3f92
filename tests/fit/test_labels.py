"""Tables of labels, and the recordings that they name."""

import math

import pytest

import edgeecg
from edgeecg.fit import Label, find_recordings, read_labels
from edgeecg.fit.labels import by_file


def written(tmp_path, text):
    path = tmp_path / "labels.csv"
    path.write_text(text)
    return path


def test_every_column(tmp_path):
    path = written(
        tmp_path, "\ufeffRecord;Class;Patient;start;end;split\na;N;1;;;train\nb;A;2;10;20.5;test\n\nc;A;3;;;\n"
    )
    assert read_labels(path) == [
        Label("a", "N", "1"),
        Label("b", "A", "2", 10.0, 20.5, True),
        Label("c", "A", "3", 0.0, math.inf, False),
    ]
    assert [label.subject for label in read_labels(written(tmp_path, "file,label\na,N\nb,A\n"))] == ["a", "b"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "needs the columns 'recording' and 'label'"),
        ("recording,x\na,b\n", "there is recording, x"),
        ("recording,label\na,\n", "line 2: the cell 'label' is empty"),
        ("recording,label\na,N\nb,nan\n", "line 3: the cell 'label' is empty"),
        ("recording,label,subject\na,N,\n", "the cell 'subject' is empty"),
        ("recording,label\na,N\nb,N\n", "needs two classes or more, and there is N"),
        ("recording,label\n", "there is no label"),
        ("recording,label,start,end\na,N,x,3\n", "are seconds, not 'x' and '3'"),
        ("recording,label,start,end\na,N,5,3\n", "0 <= start < end"),
        ("recording,label,split\na,N,maybe\n", "'train' or 'test', not 'maybe'"),
        ("recording,label,subject,split\na,N,1,train\nb,A,2,train\nc,A,1,test\n", "1 subjects are both in .* [(]1[)]"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, text, said):
    with pytest.raises(edgeecg.InputError, match=said) as caught:
        read_labels(written(tmp_path, text))
    assert "\n" not in str(caught.value)


def test_recordings_are_found_by_path_name_and_stem(tmp_path):
    for name in ("100.hea", "100.dat", "x.mat", "x.hea", "deep/y.CSV", "deep/100.edf", "z.csv.gz", ".hidden.csv"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
    found = find_recordings([Label(n, "N", n) for n in ("x", "y", "deep/100", "z.csv.gz", "z")], [str(tmp_path)])
    assert found == {
        "x": f"{tmp_path}/x.hea",
        "y": f"{tmp_path}/deep/y.CSV",
        "deep/100": f"{tmp_path}/deep/100.edf",
        "z.csv.gz": f"{tmp_path}/z.csv.gz",
        "z": f"{tmp_path}/z.csv.gz",
    }
    with pytest.raises(edgeecg.InputError, match="'100' may mean"):
        find_recordings([Label("100", "N", "1")], [str(tmp_path)])
    with pytest.raises(edgeecg.InputError, match=r"2 of 3 labelled recordings are not in .*: .hidden, nothere"):
        find_recordings([Label(n, "N", "1") for n in ("x", "nothere", ".hidden")], [str(tmp_path)])
    with pytest.raises(edgeecg.InputError, match="no such file or folder"):
        find_recordings([Label("x", "N", "1")], [str(tmp_path / "nothere")])


def test_two_names_of_one_file_are_one_person():
    paths = {"a": "r/a.csv", "a.csv": "r/a.csv", "b": "r/b.csv"}
    labels = [Label("a", "N", "a"), Label("a.csv", "A", "a.csv"), Label("b", "A", "7")]
    assert [label.subject for label in by_file(labels, paths)] == ["r/a.csv", "r/a.csv", "7"]
    for test in (Label("a.csv", "A", "a.csv", test=True), Label("a.csv", "A", "someone else", test=True)):
        with pytest.raises(edgeecg.InputError, match="1 subjects are both in train and in test"):
            by_file([Label("a", "N", "a"), Label("b", "A", "7"), test], paths)
