"""What `analyze` and streams return: masks, clock times, frames, and how they show themselves."""

import datetime
import re
from xml.etree import ElementTree

import numpy as np
import pytest

import edgeecg
from edgeecg import Quality
from edgeecg.results import Analysis


def analysis(n=4, recorded=None):
    """Windows of which the second is flat and the fourth is noisy."""
    rng = np.random.default_rng(0)
    quality = np.zeros(n, np.uint8)
    quality[1:2], quality[3:4] = Quality.FLAT, Quality.NOISY
    found = Analysis(
        np.arange(n) * 10.0,
        rng.standard_normal((n, 3)).astype(np.float32),
        rng.integers(-9, 9, (n, 3)).astype(np.int8),
        quality,
    )
    found.recorded = recorded
    return found


def test_good_is_a_mask():
    found = analysis()
    assert found.good.tolist() == [True, False, True, False]
    assert found.embedding[found.good].shape == (2, 3)


def test_it_is_still_a_tuple_of_four():
    start, embedding, int8, quality = analysis()
    assert len(start) == len(embedding) == len(int8) == len(quality) == 4


def test_clock_times_are_utc_where_a_zone_is_known():
    zone = datetime.timezone(datetime.timedelta(hours=2))
    aware = analysis(recorded=datetime.datetime(2024, 3, 1, 1, 30, tzinfo=zone))
    assert aware.time[1] == np.datetime64("2024-02-29T23:30:10")
    assert analysis(recorded=datetime.datetime(2024, 3, 1, 1, 30)).time[0] == np.datetime64("2024-03-01T01:30")
    with pytest.raises(edgeecg.InputError, match="does not tell when it began"):
        _ = analysis().time


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_frames(library):
    pytest.importorskip(library)
    frame = analysis(recorded=datetime.datetime(2024, 3, 1)).to_frame(library)
    assert type(frame).__module__.startswith(library)
    assert list(frame.columns) == ["start", "time", "quality", "good", "e0", "e1", "e2"]
    np.testing.assert_array_equal(np.asarray(frame["e1"]), analysis().embedding[:, 1])
    assert "time" not in analysis().to_frame(library).columns


def test_a_frame_of_a_library_that_is_not_there(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "polars", None)
    with pytest.raises(edgeecg.MissingDependencyError, match="pip install polars"):
        analysis().to_frame("polars")
    with pytest.raises(edgeecg.InputError, match='library is "pandas" or "polars"'):
        analysis().to_frame("numpy")


def test_one_line_of_text():
    assert repr(analysis()) == "<edgeecg.Analysis: 4 windows of 3 numbers, 0:00 to 0:30, 2 good>"
    assert repr(analysis(0)) == "<edgeecg.Analysis: 0 windows of 3 numbers, 0 good>"
    begun = repr(analysis(recorded=datetime.datetime(2024, 3, 1, 22)))
    assert begun.endswith("2 good, recorded 2024-03-01 22:00:00>")


@pytest.mark.parametrize("n", [0, 1, 4, 1000])
def test_the_picture_for_notebooks_is_well_formed_and_small(n):
    html = analysis(n)._repr_html_()
    assert len(html) < 40_000
    root = ElementTree.fromstring(html.replace("<br>", "<br/>"))
    strip = root.findall(".//{http://www.w3.org/2000/svg}rect")
    assert (len(strip) > 0) == (n > 0)
    assert n == 0 or abs(sum(float(rect.get("width")) for rect in strip) - 640) < 1
    flags = set(re.findall(r"<title>([\w+-]+)</title>", html))
    assert flags == {0: set(), 1: {"good"}, 4: {"good", "flat", "noisy"}, 1000: {"good", "flat+noisy"}}[n]


def test_results_of_streams():
    result = edgeecg.load().stream().push(np.zeros(128 * 20))[0]
    assert result.good is False and repr(result).startswith("<edgeecg.Result: 128 numbers, window at 0 s, flat")
