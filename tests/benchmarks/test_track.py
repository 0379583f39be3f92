"""The history of ratios: what counts as a fall, and against what."""

import json

import pytest

from benchmarks import bars, report, track


def run(ratio: float, torch: str = "2.13.0", processor: str = "P", contention: float = 1.0) -> dict:
    about = {"commit": f"c{ratio}", "processor": processor, "torch": torch}
    return {"about": about, "ratios": {"edge one edgeecg": ratio, "edge batch edgeecg": 5.0}, "contention": contention}


def add(tmp_path, **options) -> int:
    path = tmp_path / "run.json"
    path.write_text(json.dumps(run(**options)))
    return track.main([str(path), "--history", str(tmp_path / "history.jsonl")])


def test_a_fall_fails_and_is_kept(tmp_path, capsys):
    assert add(tmp_path, ratio=10.0) == 0
    assert add(tmp_path, ratio=8.6) == 0
    assert add(tmp_path, ratio=8.4) == 1
    assert "edge one edgeecg: 8.4 times torch, 16 % below the 10 of commit c10.0" in capsys.readouterr().err
    kept = track.read(tmp_path / "history.jsonl")
    assert [entry["ratios"]["edge one edgeecg"] for entry in kept] == [10.0, 8.6, 8.4]
    assert (tmp_path / "history.png").read_bytes().startswith(b"\x89PNG")


def test_other_processors_and_versions_do_not_count(tmp_path):
    assert add(tmp_path, ratio=10.0) == 0
    assert add(tmp_path, ratio=2.0, processor="Q") == 0
    assert add(tmp_path, ratio=2.0, torch="3.0.0") == 0


def test_a_run_without_ratios_is_refused(tmp_path):
    path = tmp_path / "run.json"
    path.write_text(json.dumps({**run(1.0), "ratios": {}}))
    assert track.main([str(path), "--history", str(tmp_path / "history.jsonl")]) == 2
    assert not (tmp_path / "history.jsonl").exists()


def test_a_busy_machine_is_not_kept(tmp_path, capsys):
    assert add(tmp_path, ratio=10.0, contention=1.5) == 2
    assert "the machine was busy (1.50 s" in capsys.readouterr().err
    assert track.read(tmp_path / "history.jsonl") == []


FIGURES = {
    "about": {"kernels": "avx512-vnni"},
    "peak": {"vpdpbusd zmm": 500.0},
    "startup": {},
    "recordings": {
        "day": {"label": "24 h", "seconds": 0.2, "wall_seconds": 0.2, "windows": 8640, "milliseconds_an_hour": 8.3}
    },
    "inference": {
        "m1": {
            "one": {"edgeecg": {"us": 8.0}, "torch": {"us": 200.0}},
            "batch": {
                "edgeecg": {"us": 10.0},
                "ort-int8": {"us": 16.0},
                "litert-int8": {"us": 12.0},
                "torch": {"us": 50.0},
            },
        }
    },
}


def test_bars_compare_with_the_fastest_peer():
    judged = {bar.name: bar for bar in bars.bars(FIGURES)}
    peer = judged["m1, batch: against litert-int8, the fastest of 2 peers"]
    assert (peer.value, peer.reached) == (1.2, False)
    share = judged["m1, batch: share of the int8 peak"]
    assert abs(share.value - 100 * 1_697_024 / 10e-6 / 500e9) < 1e-9
    assert judged["24 h"].verdict == "short"


def test_ratios_are_to_torch_in_the_same_run():
    assert report.ratios(FIGURES) == {"m1 one edgeecg": 25.0, "m1 batch edgeecg / one": 20.0}
    edge = {**FIGURES, "inference": {"edge": {"one": {"torch": {"us": 400.0}}}}}
    assert report.ratios(edge) == {"recording day / one": pytest.approx(400e-6 * 8640 / 0.2)}


def test_tables_line_up():
    lines = report.table(["a", "b"], [["first", "1"], ["x", "22.5"]]).splitlines()
    assert len({len(line) for line in lines}) == 1
    assert lines[2] == "| first |    1 |"


def test_contention_is_wall_over_processor_time():
    inference = {
        "edge": {"one": {"torch": {"cpu": [1.0, 1.0], "wall": [1.0, 2.0]}, "litert-int8": {"error": "not installed"}}}
    }
    assert report.contention({"inference": inference}) == 1.5
    assert report.contention({"inference": {}}) == 1.0
