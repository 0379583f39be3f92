"""Where a long recording is cut for threads."""

import numpy as np

from edgeecg._segments import segments
from tests.models import edge_like


def test_long_recordings_are_cut():
    pieces = segments(edge_like(), np.zeros(128 * 3600), 128_000, 1280, 360, 600, 2)
    assert [(p.first, p.last) for p in pieces] == [(0, 180), (180, 360)]
    assert pieces[1].start > 128 * 1770 and pieces[0].stop < 128 * 1830


def test_a_recording_without_a_measured_sample_is_not_cut():
    """A piece that began in a gap would hold another value than the whole does."""
    pieces = segments(edge_like(), np.full(128 * 3600, np.nan), 128_000, 1280, 360, 600, 4)
    assert [(p.start, p.first, p.last) for p in pieces] == [(0, 0, 360)]
