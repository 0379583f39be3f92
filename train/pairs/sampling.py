"""Pairs of windows that match or do not: to train a Siamese network, and to test one on unseen patients.

    window    true: two views of the same ten seconds; false: views of different ones
    patient   true: two moments of one patient; false: of two patients
    label     true: two windows with the same beat label (annotations.py); false: with different labels

Label pairs of a test are cross-subject where possible, so identity cannot solve them. The other false pairs of a test
share corpus and lead where possible, so recorder and electrode cannot solve them.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from edgeecg.constants import RATE, WINDOW
from edgeecg.errors import InputError
from train.data.annotations import CLASSES, label_windows
from train.data.cache import Cache
from train.data.front_end import to_input, windows_to_bytes
from train.data.labels import OwnLabels
from train.data.marks import annotations_of
from train.data.windows import WindowSampler
from train.objectives.positives import other_patient

Kind = Literal["window", "patient", "label"]


@dataclass(frozen=True)
class MatchedPairs:
    """`first`, `second` (n, 1280) network input; `different` (n,) bool; `group` (n,) the first one's patient."""

    first: Tensor
    second: Tensor
    different: np.ndarray
    group: np.ndarray


def with_false_pairs(
    first: Tensor, second: Tensor, who: np.ndarray, near: np.ndarray, group: np.ndarray
) -> MatchedPairs:
    """True pairs and as many false ones: each first window with the second one of another `who`, with the same `near`
    if possible.

    first, second: (n, 1280); who, near, group: (n,) numbers: what a pair must differ in, what it should share, the
    patient.
    """
    order = np.argsort(near, kind="stable")
    first, second, who, near, group = first[order], second[order], who[order], near[order], group[order]
    partner, found = np.arange(len(who)), np.zeros(len(who), bool)
    for name in np.unique(near):
        rows = np.flatnonzero(near == name)
        other, there = other_patient(who[rows], len(rows))
        partner[rows], found[rows] = rows[other], there
    anyone, there = other_patient(who, len(who))
    partner, found = np.where(found, partner, anyone), found | there
    if not found.any():
        raise InputError("false pairs need windows of at least two kinds (patients or labels), and there is one")
    first, second = torch.cat([first, first[found]]), torch.cat([second, second[partner[found]]])
    different = np.arange(len(first)) >= len(who)
    return MatchedPairs(first, second, different, np.concatenate([group, group[found]]))


class PatientWindows:
    """Two moments of a patient: a window from the first and one from the second half of a lead, so that they never
    overlap.

    Patients are drawn as often as one another, whatever their hours.
    """

    def __init__(self, cache: Cache, rows: np.ndarray):
        self.cache, index = cache, cache.index
        self.rows = np.flatnonzero(rows & (index["length"] >= 2 * WINDOW))
        if len(self.rows) == 0:
            raise InputError("pairs of patients need recordings of at least 20 s")
        self.patient, self.drawn = cache.patients(), self.rows
        place = np.unique(self.patient[self.rows], return_inverse=True)[1]
        self.weight = torch.from_numpy(np.cumsum(1.0 / np.bincount(place)[place]))

    def draw(self, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor, np.ndarray]:
        """first, second (count, 1280) uint8, their patient (count,), and the cache's rows."""
        chance = torch.rand(3, count, generator=generator, dtype=torch.float64)
        at = torch.searchsorted(self.weight, chance[0] * self.weight[-1], right=True).clamp(max=len(self.rows) - 1)
        row, index = self.rows[at.numpy()], self.cache.index
        start, length = index["start"][row].astype(np.int64), index["length"][row].astype(np.int64)
        half = length // 2
        early, late = (chance[1:].numpy() * (half - WINDOW + 1)).astype(np.int64)
        first, second = (take(self.cache, begin) for begin in (start + early, start + length - half + late))
        return first, second, torch.from_numpy(self.patient[row]), row

    def matches(self, count: int, generator: torch.Generator) -> MatchedPairs:
        """`count` true pairs, and false ones of the same corpus and lead where that can be."""
        first, second, patient, row = self.draw(count, generator)
        near = np.unique(np.char.add(self.cache.index["set"], self.cache.index["lead"]), return_inverse=True)[1][row]
        return with_false_pairs(to_input(first), to_input(second), patient.numpy(), near, patient.numpy())


def take(cache: Cache, start: np.ndarray) -> Tensor:
    return torch.from_numpy(np.asarray(cache.samples[np.asarray(start)[:, None] + np.arange(WINDOW)]))


class LabeledWindows:
    """Windows by class, drawn class by class, so that rare ones come as often as common ones."""

    def __init__(self, cache: Cache, start: np.ndarray, row: np.ndarray, name: np.ndarray):
        """start, row, name (n,): where each window begins in the samples, its row of the cache, its class."""
        self.cache, self.start, self.row = cache, start, row
        self.classes, self.label = np.unique(name, return_inverse=True)
        if len(self.classes) < 2:
            raise InputError(f"all labeled windows are of one class ({self.classes[0]}): pairs by label need two")
        self.patient, self.drawn = cache.patients()[self.row], np.unique(self.row)
        self.members = [np.flatnonzero(self.label == c) for c in range(len(self.classes))]

    def draw(
        self, count: int, generator: torch.Generator, two_people: bool = False
    ) -> tuple[Tensor, Tensor, Tensor, np.ndarray]:
        """first, second (count, 1280) uint8 of one class each, their class (count,), and the cache's rows of the first
        ones.

        `two_people`: the second is of another patient, where the class has one.
        """
        label = torch.randint(len(self.classes), (count,), generator=generator)
        chance = torch.rand(2, count, generator=generator, dtype=torch.float64).numpy()
        first, second = np.empty((2, count), np.int64)
        for i, (c, p, q) in enumerate(zip(label.tolist(), *chance, strict=True)):
            members = self.members[c]
            first[i] = members[int(p * len(members))]
            others = members[self.patient[members] != self.patient[first[i]]] if two_people else members
            others = others if len(others) else members
            second[i] = others[int(q * len(others))]
        return take(self.cache, self.start[first]), take(self.cache, self.start[second]), label, self.row[first]

    def matches(self, count: int, generator: torch.Generator) -> MatchedPairs:
        """`count` true pairs of two people each, where a class has two, and false ones."""
        first, second, label, row = self.draw(count, generator, two_people=True)
        patient = self.cache.patients()[row]
        return with_false_pairs(to_input(first), to_input(second), label.numpy(), np.zeros(count), patient)


def beat_windows(cache: Cache, data: Path | None, annotator: str, rows: np.ndarray) -> LabeledWindows:
    """Windows around the annotated beats of the cache's records, by class (N, S, V, F of EC57): a window is of the
    class that its label is, so one with a ventricular beat anywhere is V.
    """
    start, name, row = [], [], []
    for r in np.flatnonzero(rows):
        found = annotated(cache, data, annotator, int(r))
        if found:
            start.append(found[0])
            name.append(found[1])
            row.append(np.full(len(found[0]), r))
    if not start:
        raise InputError(f"none of the recordings has annotations .{annotator}: pairs by label need them")
    return LabeledWindows(cache, np.concatenate(start), np.concatenate(row), np.concatenate(name))


def own_cache(own: OwnLabels) -> Cache:
    """Labels of one's own as a cache, a row a window; `split` says who trains (train), fits the score and is tested.

    The table's own split, or a fifth of the subjects each for the score and for its test.
    """
    if own.signal.ndim > 2:
        raise InputError(f"{own.name}: pairs are of one lead: give one with --lead")
    if not own.single:
        raise InputError(f"{own.name}: pairs by label need one label a window")
    split = np.full(len(own.subject), "train")
    if own.test is None:
        fold = own.folds(5)
        split[fold == 0], split[fold == 1] = "test", "score"
    else:
        split[own.test] = "test"
        split[own.split == "val" if (own.split == "val").any() else ~own.test & (own.folds(5) == 0)] = "score"
    count, names = len(own.subject), np.array(own.classes)
    record = np.array([f"{name}/{number}" for number, name in enumerate(own.record)])
    index = {"set": np.full(count, own.name), "record": record, "patient": own.subject, "lead": np.full(count, "")}
    index |= {"label": names[own.truth.argmax(1)], "split": split}
    index |= {"start": np.arange(count) * WINDOW, "length": np.full(count, WINDOW)}
    return Cache(windows_to_bytes(own.signal).reshape(-1), index, Path())


def own_windows(cache: Cache, rows: np.ndarray) -> LabeledWindows:
    row = np.flatnonzero(rows)
    return LabeledWindows(cache, cache.index["start"][row].astype(np.int64), row, cache.index["label"][row])


def annotated(cache: Cache, data: Path | None, annotator: str, row: int) -> tuple[np.ndarray, np.ndarray] | None:
    """Starts in the cache and classes of the windows around the beats of a lead, all whole; None where it has no
    annotations.
    """
    index = cache.index
    notes = annotations_of(data, str(index["set"][row]), str(index["record"][row]), annotator)
    if notes is None:
        return None
    first = np.round(notes.second * RATE).astype(np.int64) - WINDOW // 2
    first = np.unique(first[(first >= 0) & (first <= index["length"][row] - WINDOW)])
    labels = label_windows(notes, first / RATE, WINDOW / RATE)[0]
    name = np.array([CLASSES.get(label, "") for label in labels])
    kept = np.isin(name, list("NSVF"))
    return (int(index["start"][row]) + first[kept], name[kept]) if kept.any() else None


def view_matches(sampler: WindowSampler, views, count: int, generator: torch.Generator) -> MatchedPairs:
    """`count` windows in two views each (`views`: uint8 windows -> network input)."""
    batch = sampler.draw(count, generator)
    first, second = views(torch.cat([batch.first, batch.first]), generator).chunk(2)
    return with_false_pairs(first, second, np.arange(count), batch.index.numpy(), batch.patient.numpy())
