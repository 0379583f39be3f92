"""Pairs of windows: each kind of positive is what its name says."""

from pathlib import Path

import numpy as np
import pytest
import torch

from edgeecg.errors import InputError
from train.data.cache import Cache
from train.data.positives import RowGroups
from train.data.windows import SamplerConfig, WindowSampler

WINDOW = 1280


def cache(recordings) -> Cache:
    """recordings: (patient, leads, samples). A sample's value tells its recording, lead and second."""
    rows, samples, position = [], [], 0
    for record, (patient, leads, length) in enumerate(recordings):
        for lead in range(leads):
            rows.append(("set", f"r{record}", patient, f"L{lead}", "", position, length))
            samples.append((np.arange(length) // 128 + 64 * lead).astype(np.uint8))
            position += length
    names = ("set", "record", "patient", "lead", "label", "start", "length")
    index = {name: np.array(column) for name, column in zip(names, zip(*rows, strict=True), strict=True)}
    return Cache(np.concatenate(samples), index, Path())


RECORDINGS = [("a", 2, 6400), ("a", 1, 1280), ("b", 3, 3200), ("c", 1, 7680), ("d", 2, 1280)]


def draw(positives, count=400, margin=0, recordings=RECORDINGS, **options):
    sampler = WindowSampler(cache(recordings), None, SamplerConfig(positives))
    return sampler, sampler.draw(count, torch.Generator().manual_seed(0), margin, **options)


def lead_and_second(y):
    """Where the windows start: (N,) lead, (N,) second."""
    return y[:, 0] // 64, (y[:, 0] % 64).long()


def test_window_is_the_same_window_shifted():
    _, batch = draw("window", shift=1.0, positive=1.0)
    (lead, start), (other, moved) = map(lead_and_second, (batch.first, batch.second))
    assert torch.equal(lead, other) and (moved - start).abs().max() <= 2 and (moved != start).any()


def test_nearby_reaches_thirty_seconds_for_its_share():
    _, batch = draw("nearby", 2000, shift=0.0, positive=0.5, recordings=[("a", 1, 128 * 60)])
    start, moved = (lead_and_second(y)[1] for y in (batch.first, batch.second))
    far = (moved - start).abs() > 1
    assert 0.4 < far.float().mean() < 0.55 and (moved - start).abs().max() <= 31


@pytest.mark.parametrize("margin", [0, 64])
def test_segment_is_the_ten_seconds_next_to_it(margin):
    sampler, batch = draw("segment", margin=margin)
    (lead, start), (other, moved) = map(lead_and_second, (batch.first, batch.second))
    assert torch.equal(lead, other)
    long_enough = sampler.length[batch.index] >= 3 * WINDOW + 2 * margin
    step = (moved - start)[long_enough]
    assert (step.abs() == 10).all() and (step > 0).any() and (step < 0).any()
    assert (sampler.length[batch.index] >= 2 * WINDOW + 2 * margin).all(), "recordings of one window have no neighbor"
    assert (moved != start).all()


def test_lead_is_another_lead_of_the_same_moment():
    _, batch = draw("lead")
    (lead, start), (other, moved) = map(lead_and_second, (batch.first, batch.second))
    assert (lead != other).all() and torch.equal(start, moved)
    assert set(other[batch.patient == batch.patient[lead == 2][0]].tolist()) == {0, 1, 2}
    assert not (batch.index == 6).any(), "a recording of one lead has no other"


def test_segment_lead_is_both():
    sampler, batch = draw("segment_lead")
    (lead, start), (other, moved) = map(lead_and_second, (batch.first, batch.second))
    assert (lead != other).all() and (moved != start).all()
    assert (sampler.length[batch.index] >= 2 * WINDOW).all()


def test_patient_reaches_all_of_the_patients_recordings():
    made = cache(RECORDINGS)
    made.samples[:] = np.repeat(made.patients(), made.index["length"]).astype(np.uint8)
    sampler = WindowSampler(made, None, SamplerConfig("patient"))
    batch = sampler.draw(400, torch.Generator().manual_seed(0))
    assert torch.equal(batch.first[:, 0], batch.second[:, 0]) and torch.equal(batch.second[:, 0].long(), batch.patient)
    made.samples[:] = np.repeat(np.arange(len(made.index["start"])), made.index["length"]).astype(np.uint8)
    batch = sampler.draw(400, torch.Generator().manual_seed(0))
    assert set(batch.second[batch.patient == 0, 0].tolist()) == {0, 1, 2}
    with_margin = sampler.draw(400, torch.Generator().manual_seed(0), margin=64)
    assert not (with_margin.second[:, 0] == 2).any(), "too short for the margin"


@pytest.mark.parametrize("positives", ["nearby", "window", "segment", "lead", "segment_lead", "patient"])
def test_windows_stay_inside_their_recording(positives):
    made = cache(RECORDINGS)
    made.samples[:] = np.repeat(np.arange(len(made.index["start"])), made.index["length"]).astype(np.uint8)
    batch = WindowSampler(made, None, SamplerConfig(positives)).draw(
        500, torch.Generator().manual_seed(1), shift=3.0, positive=0.5
    )
    for y in (batch.first, batch.second):
        assert (y == y[:, :1]).all()


@pytest.mark.parametrize(
    ("positives", "recordings", "words"),
    [
        ("lead", [("a", 1, 6400)], "two leads"),
        ("segment", [("a", 2, 1280)], "20.0 s"),
        ("segment_lead", [("a", 1, 6400), ("b", 1, 6400)], "two leads"),
    ],
)
def test_recordings_that_have_no_such_pairs_are_named(positives, recordings, words):
    with pytest.raises(InputError, match=words):
        draw(positives, recordings=recordings)


def test_groups_give_every_other_member_equally_often():
    groups = RowGroups(np.array(["b", "a", "b", "c", "b"]))
    generator, row = torch.Generator().manual_seed(0), torch.tensor([2]).repeat(3000)
    others = groups.other(row, generator)
    assert set(others.tolist()) == {0, 4} and 0.45 < (others == 0).float().mean() < 0.55
    members = torch.bincount(groups.member(row, generator), minlength=5) / 3000
    torch.testing.assert_close(members, torch.tensor([1 / 3, 0, 1 / 3, 0, 1 / 3]), atol=0.05, rtol=0)
    assert groups.other(torch.tensor([1, 3]), generator).tolist() == [1, 3]
