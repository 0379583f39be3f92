"""Whole recordings through the C core: a day, an hour of a minute and of a week, two threads."""

import pytest

from benchmarks.conftest import clock
from benchmarks.recordings import RECORDINGS
from benchmarks.rotation import hidden_threads

GROUPS = {"day": "a day", "day-hop-1": "a day", "day-360": "a day", "day-2-threads": "a day"}
CASES = [
    pytest.param(name, id=name, marks=pytest.mark.benchmark(group=GROUPS.get(name, "lengths"), timer=clock))
    for name in RECORDINGS
]


@pytest.fixture(scope="module")
def measured(rotation, net_folder, figures, request):
    """The recordings take turns, so that a slow minute of the machine affects all of them."""
    rounds = request.config.getoption("--rounds")
    figures["recordings"] = results = rotation.measure_works(
        "edgeecg", net_folder("edge"), RECORDINGS, rounds, twice="day"
    )
    for name, result in results.items():
        if "error" not in result:
            recording = RECORDINGS[name]
            result.update(windows=recording.windows, seconds=min(result["cpu"]), wall_seconds=min(result["wall"]))
            result["label"], result["milliseconds_an_hour"] = recording.label, result["seconds"] * 1e3 / recording.hours
    return results


@pytest.mark.parametrize("name", CASES)
def test_recording(name, measured, replay):
    result = measured[name]
    if "error" in result:
        pytest.skip(result["error"])
    replay(result["cpu"])
    assert RECORDINGS[name].threads > 1 or not hidden_threads(result)
