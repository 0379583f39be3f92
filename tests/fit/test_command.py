"""`edgeecg fit` from files to a head that embeds, with synthetic recordings of two heart rates."""

import numpy as np
import pytest

from edgeecg import cli, heads
from tests.models import ecg

pytest.importorskip("sklearn")
RATE = 128


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """36 recordings of 12 people of 20 s: slow hearts and fast ones."""
    place = tmp_path_factory.mktemp("recordings")
    rows = ["recording,label,subject,split"]
    for i in range(36):
        fast, person = i % 2, i % 12
        x = ecg(20, RATE, seed=i, bpm=(55 if not fast else 130) + person)
        np.savetxt(place / f"r{i:02}.csv", x, fmt="%.4f", header="ecg_mV", comments="")
        rows.append(f"r{i:02},{'fast' if fast else 'slow'},p{person},{'test' if person > 9 else 'train'}")
    (place / "labels.csv").write_text("\n".join(rows) + "\n")
    return place


def run(capsys, *args):
    try:
        code = cli.main([str(arg) for arg in args])
    except SystemExit as stop:
        code = stop.code
    out, err = capsys.readouterr()
    return code, out, err


def test_from_labels_to_verdicts(folder, tmp_path, capsys):
    head = tmp_path / "fast.eech"
    call = ["fit", folder, "--labels", folder / "labels.csv", "-o", head, "--fs", RATE, "--positive", "fast", "-q"]
    code, out, err = run(capsys, *call)
    assert code == 0, err
    assert "AUC of fast" in out and "test sensitivity to fast" in out and "same verdict" in out
    found = heads.load(head)
    assert found.classes == ("fast",) and found.name == "fast" and found.info["metrics"]["AUC of fast"][0] > 0.9
    assert (
        "Learning curve" not in (report := head.with_suffix(".html").read_text()) and report.count("data:image/png") > 0
    )
    before = head.read_bytes()
    assert run(capsys, *call)[0] == 0 and head.read_bytes() == before  # from the cache
    code, _, err = run(
        capsys,
        "embed",
        "-q",
        folder / "r00.csv",
        folder / "r01.csv",
        "--fs",
        RATE,
        "--head",
        head,
        "-o",
        tmp_path / "o.csv",
    )
    assert code == 0, err
    rows = [line.split(",")[3:5] for line in (tmp_path / "o.csv").read_text().splitlines()]
    assert rows[0] == ["fast", "fast_fast"] and [row[0] for row in rows[1:]] == ["none", "none", "fast", "fast"]
    assert "class       fast" in run(capsys, "info", head)[1]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (["-o", "x.txt"], "ends in .eech"),
        (["-o", "/nothere/x.eech"], "cannot be written"),
        (["--sensitivity", "2"], "--sensitivity"),
        (["--positive", "slower"], "no class 'slower'"),
        (["--labels", "nothere.csv"], "nothere.csv: cannot be read"),
        (["--fs", "1"], "r00.csv"),
    ],
)
def test_one_sentence(folder, tmp_path, capsys, change, said):
    call = ["fit", folder, "--labels", folder / "labels.csv", "-o", tmp_path / "h.eech", "--fs", RATE, "-q", *change]
    code, _, err = run(capsys, *call)
    assert code == 2 and said in err and err.count("\n") == 1
    assert not (tmp_path / "h.eech").exists()


def test_rhythm_annotations_of_wfdb_records(tmp_path, capsys):
    wfdb = pytest.importorskip("wfdb")
    for i in range(10):
        x = np.concatenate([ecg(40, 250, i, bpm=60), ecg(40, 250, i + 50, bpm=140)])
        name, where = f"p{i}", str(tmp_path)
        wfdb.wrsamp(name, fs=250, units=["mV"], sig_name=["II"], p_signal=x[:, None], fmt=["16"], write_dir=where)
        marks = np.array([0, 10_000]), ["+", "+"]
        wfdb.wrann(name, "atr", *marks, aux_note=["(N", "(SVTA"], write_dir=where)
    head = tmp_path / "fast.eech"
    code, out, err = run(capsys, "fit", tmp_path, "--rhythms", "atr", "--positive", "SVTA", "-o", head, "--hop", 5)
    assert code == 0, err
    assert "10 subjects" in out and heads.load(head).info["metrics"]["AUC of SVTA"][0] > 0.95
    code, _, err = run(capsys, "fit", tmp_path, "--rhythms", "qrs", "-o", head)
    assert code == 2 and "no record has rhythm annotations in a file .qrs" in err
