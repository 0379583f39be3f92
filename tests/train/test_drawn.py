"""What was drawn into a window, against a count beat by beat."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from train.targets import DRAWN, DrawnTargets
from train.targets.drawn import KINDS, LEAST, MUCH
from train.views.rhythm import EARLY, IRREGULAR, PAUSE, VENTRICULAR, Drawn


def some_drawn(seed, count):
    rng = np.random.default_rng(seed)
    position = 5000 + np.cumsum(rng.integers(40, 300, count))
    return Drawn(position, rng.integers(0, 5, count).astype(np.uint8), rng.choice([0, 1, 1.6], count).astype(np.float32))


@given(seed=st.integers(0, 10**6), count=st.integers(0, 60))
def test_numbers_are_those_of_a_count_beat_by_beat(seed, count):
    drawn = some_drawn(seed, count)
    start = np.random.default_rng(seed).integers(3500, 5000 + 200 * count, 20)
    values, known = DrawnTargets(drawn).describe(start)
    assert values.shape == (20, len(DRAWN)) and values.dtype == torch.float32
    for row, a in enumerate(start):
        inside = [i for i in range(count) if a <= drawn.position[i] < a + 1280][1:]  # the first one's interval began outside
        assert bool(known[row]) == (len(inside) >= LEAST)
        early = [i for i in inside if drawn.kind[i] == EARLY]
        rr = np.diff(drawn.position)
        much = [i for i in early if i >= 2 and rr[i - 1] < MUCH * rr[i - 2]]
        other_p = [i for i in early if drawn.p_wave[i] != 1]
        ventricular, irregular, pauses = ([i for i in inside if drawn.kind[i] == kind] for kind in (VENTRICULAR, IRREGULAR, PAUSE))
        expected = {
            "early": len(early) ** 0.5, "early_any": float(len(early) > 0), "early_much": len(much) ** 0.5, "early_other_p": len(other_p) ** 0.5,
            "ventricular": len(ventricular) ** 0.5, "ventricular_any": float(len(ventricular) > 0),
            "irregular": len(irregular) / max(1, len(inside)), "pauses": len(pauses) ** 0.5,
        }  # fmt: skip
        assert values[row].tolist() == pytest.approx([expected[name] for name in DRAWN])


@given(seed=st.integers(0, 10**6), stride=st.sampled_from([16, 32]))
def test_frames_say_which_kind_of_beat_they_hold(seed, stride):
    drawn = some_drawn(seed, 40)
    start = np.random.default_rng(seed).integers(3500, 12000, 6)
    kinds, beat = DrawnTargets(drawn).frames(start, stride)
    for row, a in enumerate(start):
        place = {}
        for p, k in zip(drawn.position, drawn.kind, strict=True):
            if a <= p < a + 1280:
                place[min((p - a + stride // 2) // stride, 1280 // stride - 1)] = k
        assert torch.nonzero(beat[row])[:, 0].tolist() == sorted(place)
        for at, k in place.items():
            assert kinds[row, at].tolist() == [float(k == kind) for kind in KINDS]
    assert not kinds[beat == 0].any()
