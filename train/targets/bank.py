"""Targets that are computed once per cache and stored with it: beats of every lead, and a grid of windows.

CACHE/<key>/targets-<version>/beats.npz     train.targets.beats, all leads one after another
"""

from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, fields
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from tqdm import tqdm

from edgeecg.constants import RATE, WINDOW
from train.data import Cache
from train.data.cache import read_or_build, whole_folder
from train.targets.beats import Beats, find_beats, join

VERSION = 3  # raise when a target changes its meaning


@dataclass(frozen=True)
class Bank:
    """`beats`; grid windows, one after another: `row` of the cache and `start` sample (n,) int64."""

    beats: Beats
    row: np.ndarray
    start: np.ndarray


def open_bank(cache: Cache, quiet: bool = False, smaller: Cache | None = None) -> Bank:
    """The cache's targets, computed if they are not there. `smaller`: a cache with the first leads of this one, whose
    beats need not be looked for again.
    """
    folder = cache.path / f"targets-{VERSION}"
    beats = read_or_build(folder, read_beats, lambda: build(cache, folder, quiet, smaller))
    return Bank(beats, *grid(cache))


def read_beats(folder: Path) -> Beats:
    names = {field.name for field in fields(Beats)}
    with open(folder / "beats.npz", "rb") as opened, np.load(opened, allow_pickle=False) as file:
        if set(file.files) != names:
            raise ValueError("it holds other columns")
        return Beats(**{name: file[name] for name in names})


def build(cache: Cache, folder: Path, quiet: bool, smaller: Cache | None) -> None:
    with whole_folder(folder) as part:
        known = len(smaller.index["start"]) if smaller else 0
        beats = [open_bank(smaller, quiet).beats] if smaller else []
        np.savez(part / "beats.npz", **asdict(join(beats + lead_beats(cache, known, quiet))))


def lead_beats(cache: Cache, first: int, quiet: bool) -> list[Beats]:
    """Of each lead from row `first` on.

    Detection takes a minute for forty hours, so the processors share what is long.
    """
    starts, lengths = (cache.index[name][first:].astype(np.int64) for name in ("start", "length"))
    leads = (np.asarray(cache.samples[a : a + n]) for a, n in zip(starts, lengths, strict=True))
    bar = {"desc": "heartbeats", "total": len(starts), "unit": " leads", "disable": quiet, "mininterval": 1.0}
    if lengths.sum() < 10 * 3600 * RATE:
        return list(tqdm(map(find_beats, leads, starts), **bar))
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
        return list(tqdm(pool.map(find_beats, leads, starts, chunksize=32), **bar))


def grid(cache: Cache) -> tuple[np.ndarray, np.ndarray]:
    """Row and start of every window of 10 s, one after another."""
    count = cache.index["length"].astype(np.int64) // WINDOW
    row = np.repeat(np.arange(len(count)), count)
    place = np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count)
    return row, cache.index["start"][row].astype(np.int64) + place * WINDOW
