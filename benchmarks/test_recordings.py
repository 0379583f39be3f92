"""Whole recordings through the C core: a day, an hour of a minute and of a week, two threads."""

import pytest

from benchmarks.conftest import clock
from benchmarks.recordings import RECORDINGS
from benchmarks.rotation import hidden_threads

GROUPS = {"day": "a day", "day-hop-1": "a day", "day-360": "a day", "day-2-threads": "a day"}
CASES = [
    pytest.param(name, id=name, marks=pytest.mark.benchmark(group=GROUPS.get(name, "lengths"), timer=clock)) for name in RECORDINGS
]


@pytest.mark.parametrize("name", CASES)
def test_recording(name, rotation, net_folder, figures, replay, request):
    recording = RECORDINGS[name]
    rounds = request.config.getoption("--rounds")
    result = rotation.measure(["edgeecg"], net_folder("edge"), name, 2 if name == "week" else rounds)["edgeecg"]
    figures["recordings"][name] = result
    if "error" in result:
        pytest.skip(result["error"])
    result.update(label=recording.label, windows=recording.windows, seconds=min(result["cpu"]), wall_seconds=min(result["wall"]))
    result["milliseconds_an_hour"] = result["seconds"] * 1e3 / recording.hours
    replay(result["cpu"])
    assert recording.threads > 1 or not hidden_threads(result)
