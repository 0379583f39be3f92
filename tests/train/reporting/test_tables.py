"""Tables of a document come from the bench's files and nothing else of it changes."""

import json
from dataclasses import asdict

import pytest

pytest.importorskip("sklearn")

from edgeecg.errors import InputError
from train.probes.evaluation import FLOAT_PROBE, Result
from train.probes.protocol import Score
from train.reporting.tables import fill
from train.studies.fill_tables import Config, run

NAMES = ("probes", "quantization", "few", "more", "transfer", "moved")


def write(path, *results):
    made = [
        Result(t, f, s, Score(v, v - 0.1, min(1.0, v + 0.1)), 1, 1, 0.0, *cosines) for t, f, s, v, *cosines in results
    ]
    path.write_text(json.dumps({"settings": {}, "results": [asdict(r) for r in made]}))
    return path


def test_each_table_is_filled_from_the_files(tmp_path):
    document = tmp_path / "doc.md"
    document.write_text("before\n" + "".join(f"<!-- {n} -->\nold\n<!-- /{n} -->\nbetween {n}\n" for n in NAMES))
    own = write(
        tmp_path / "own.json",
        ("identity", "x/default.eecg", 1.0, 0.8),
        ("identity", "r/encoder.safetensors", 1.0, 0.81),
        ("identity", f"x/default.eecg {FLOAT_PROBE}", 1.0, 0.805, 0.9991, 0.9987),
    )
    cheap = write(tmp_path / "cheap.json", ("identity", "hrv", 1.0, 0.5), ("identity", "default", 1.0, 0.7))
    few = write(tmp_path / "few.json", ("V_ds1_ds2", "default", 0.01, 0.6), ("V_ds1_ds2", "default", 1.0, 0.95))
    moved = tmp_path / "moved.json"
    moved.write_text(
        json.dumps([{"change": "gain x2", "mean": 1.0, "percentile_5": 0.5, "windows": 3, "superclass_auc": None}])
    )
    between = write(
        tmp_path / "between.json", ("af_ds1_to_cinc2017", "default", 1.0, 0.9), ("af_ds1_to_cinc2017", "hrv", 1.0, 0.8)
    )
    filled = run(Config(probes=(own, cheap, few, between), moved=moved, document=document))
    assert filled == ["probes", "quantization", "few", "transfer", "moved"]
    text = document.read_text()
    assert "| identity, 126 recordings (rank-1) | **.800** | .700-.900 | .820 | .500 |\n" in text, (
        "the first file counts"
    )
    assert "| identity, 126 recordings (rank-1) | .810 | .805 | -0.005 | 0.9991 | 0.9987 |\n" in text
    assert "| task | 1% of the patients | 100% of the patients |" in text
    assert "| .600 (.500-.700) | .950 (.850-1.000) |" in text
    assert "| gain x2 | 1.000 | 0.500 | 3 |  |" in text
    assert text.startswith("before\n") and all(f"<!-- /{n} -->\nbetween {n}\n" in text for n in NAMES)
    assert "| task | default | HRV + shape |" in text
    assert "| AF, DS1 -> Challenge 2017 (AUC) | **.900** (.800-1.000) | .800 (.700-.900) |" in text
    assert text.count("old") == 1, "no file had a further task"
    assert run(Config(document=document)) == [] and document.read_text() == text


def test_missing_marks_and_foreign_files_end_in_a_sentence(tmp_path):
    with pytest.raises(InputError, match="needs one line <!-- few -->"):
        fill("<!-- /few -->\n<!-- few -->", "few", "x")
    (tmp_path / "a.json").write_text("{}")
    with pytest.raises(InputError, match="no output of train/evaluate"):
        run(Config(probes=(tmp_path / "a.json",), document=tmp_path / "none.md"))
    (tmp_path / "b.json").write_text("[1]")
    with pytest.raises(InputError, match="no output of train/studies/invariance"):
        run(Config(moved=tmp_path / "b.json", document=tmp_path / "none.md"))
