"""The harness: a runtime that is missing or fails is an answer with a reason, never a crash of the run."""

import numpy as np
import pytest

import edgeecg
from benchmarks import rotation
from benchmarks.recordings import RECORDINGS
from benchmarks.worker import slice_of


@pytest.fixture
def turns():
    processes = rotation.Rotation()
    yield processes
    processes.close()


def test_a_runtime_that_is_not_installed_is_named(turns, tmp_path, monkeypatch):
    monkeypatch.setattr(rotation, "ROOT", tmp_path)
    assert turns.measure(["litert-int8"], tmp_path, "one", 1) == {
        "litert-int8": {"error": "not installed: make bench-peers"}
    }


def test_an_error_in_a_process_is_its_answer(turns, tmp_path):
    result = turns.measure(["edgeecg"], tmp_path, "one", 1)["edgeecg"]
    assert result["error"].startswith("ModelError: cannot read model file")
    assert "error" in turns.process("edgeecg").ask(load=str(tmp_path), work="one")  # it is still there to answer


def test_a_process_that_dies_says_so(turns):
    process = turns.process("edgeecg")
    process.start()
    process.process.kill()
    assert "ended with status -9" in process.ask(about=True)["error"]


def test_works_that_cannot_be_loaded_say_so(turns, tmp_path):
    results = turns.measure_works("edgeecg", tmp_path, ["minute", "day"], 1, twice="day")
    assert set(results) == {"minute", "day"} and all("ModelError" in result["error"] for result in results.values())


def test_works_take_turns_and_one_of_them_twice(turns, tmp_path):
    (tmp_path / "model.eecg").write_bytes(edgeecg.load("nano").model.to_bytes())
    results = turns.measure_works("edgeecg", tmp_path, ["minute", "ten-minutes"], 2, twice="minute", seconds=0.01)
    assert all(len(result["cpu"]) == len(result["wall"]) == 2 for result in results.values())
    assert len(results["minute"]["wall_of_two"]) == 2 and "wall_of_two" not in results["ten-minutes"]
    assert min(results["ten-minutes"]["cpu"]) > 3 * min(results["minute"]["cpu"])


def test_slices_report_the_clocks():
    calls = []
    result = slice_of(lambda: calls.append(sum(range(2000))), 0.02)
    assert result["calls"] == len(calls) - 1 > 1  # the first tells how many go between two readings of the clocks
    assert 0 < result["cpu"] < 0.02 and 0 < result["wall"] < 0.02


def test_agreement_tells_encoders_apart():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 256, 16))
    assert rotation.agreement(a, 3 * a + 1) == pytest.approx(1)
    assert abs(rotation.agreement(a, b)) < 0.1


def test_recordings_have_the_length_they_claim():
    day = RECORDINGS["day-360"]
    assert day.windows == 8640 and RECORDINGS["day-hop-1"].windows == 86_391
    assert RECORDINGS["minute"].signal().shape == (7680,)
    hour = RECORDINGS["hour-long"].signal()
    assert hour.dtype == np.float32 and np.isfinite(hour).all() and 0.1 < hour.std() < 5
