"""Where a long recording is cut for threads."""

import warnings

import numpy as np
import pytest

import edgeecg
from edgeecg._segments import memory, segments
from tests.models import edge_like


def test_long_recordings_are_cut():
    pieces = segments(edge_like(), np.zeros(128 * 3600), 128_000, 1280, 360, 600, 2)
    assert [(p.first, p.last) for p in pieces] == [(0, 180), (180, 360)]
    assert pieces[1].start > 128 * 1770 and pieces[0].stop < 128 * 1830


def test_a_recording_without_a_measured_sample_is_not_cut():
    """A piece that began in a gap would hold another value than the whole does."""
    pieces = segments(edge_like(), np.full(128 * 3600, np.nan), 128_000, 1280, 360, 600, 4)
    assert [(p.start, p.first, p.last) for p in pieces] == [(0, 0, 360)]


@pytest.mark.parametrize(
    ("fs", "front"),
    [
        (128, {"baseline": 256, "reach": 1}),
        (50, {"baseline": 16, "reach": 1, "table_half": 32}),
        (128, {"baseline": 16, "reach": 1, "table_half": 4}),
        (1000, {"baseline": 16, "reach": 16}),
    ],
    ids=["baseline", "resampler", "trunk", "reach"],
)
def test_memory_is_how_far_back_a_sample_can_change_a_window(fs, front):
    """Never less than measured; one stage after the other decides."""
    model = edge_like(**front)
    encoder, rng, window = edgeecg.load(model), np.random.default_rng(fs), 30
    stated, hop = memory(model, fs * 1000), 2
    place = window * hop * fs
    x = rng.normal(0, 1, place + round(fs * (encoder.window + 2)))

    def changes(distance):
        """Does any of some beginnings, up to so many samples at 128 Hz before the window, change it?"""
        end = place - round(distance * fs / 128)
        return any(not np.array_equal(last(np.concatenate([other[:end], x[end:]])), want) for other in others)

    def last(signal):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", edgeecg.AmplitudeWarning)
            return encoder.embed(signal, fs, hop)[window]

    want, others = last(x), [rng.normal(0, size, len(x)) + offset for size, offset in ((30, 0), (0.01, 9), (3, -5))]
    reached = next(distance for distance in range(stated + 32, 0, -4) if changes(distance))
    assert 90 < reached <= stated
