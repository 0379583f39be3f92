"""Targets that are computed once for a cache and kept beside it: beats of every lead, shape of a grid of windows.

    CACHE/<key>/targets-<version>/beats.npz     train.targets.beats, all leads one after another
    CACHE/<key>/targets-<version>/grid.npz      windows every 10 s: row and start, and their MiniRocket components
"""

import os
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from edgeecg.errors import InputError
from train.data import Cache
from train.nets.spec import WINDOW
from train.targets.beats import Beats, find_beats, join
from train.targets.rocket import MiniRocket

VERSION = 1  # raise when a target changes its meaning
FEATURES, COMPONENTS = 840, 96
FIT = 12000  # windows that the components are computed from


@dataclass(frozen=True)
class Bank:
    """`beats`; grid windows: `row` of the cache and `start` sample (n,) int64, `rocket` (n, COMPONENTS) float32 of
    unit variance, `share` (COMPONENTS,) the deviation each component had."""

    beats: Beats
    row: np.ndarray
    start: np.ndarray
    rocket: np.ndarray
    share: np.ndarray


def open_bank(cache: Cache, quiet: bool = False) -> Bank:
    """The cache's targets, computed if they are not there."""
    folder = cache.path / f"targets-{VERSION}"
    if not folder.is_dir():
        build(cache, folder, quiet)
    with np.load(folder / "beats.npz") as beats, np.load(folder / "grid.npz") as grid:
        return Bank(Beats(**beats), **grid)


def build(cache: Cache, folder: Path, quiet: bool) -> None:
    part = folder.with_name(f".{folder.name}.{os.getpid()}.part")
    part.mkdir()
    try:
        np.savez(part / "beats.npz", **asdict(all_beats(cache, quiet)))
        row, start = grid(cache)
        rocket, share = components(cache, start, quiet)
        np.savez(part / "grid.npz", row=row, start=start, rocket=rocket, share=share)
        os.rename(part, folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def all_beats(cache: Cache, quiet: bool) -> Beats:
    rows = zip(cache.index["start"], cache.index["length"], strict=True)
    bar = tqdm(list(rows), "heartbeats", unit=" leads", disable=quiet, mininterval=1.0)
    return join([find_beats(np.asarray(cache.samples[a : a + n]), int(a)) for a, n in bar])


def grid(cache: Cache) -> tuple[np.ndarray, np.ndarray]:
    """Row and start of every window of 10 s, one after another."""
    count = cache.index["length"].astype(np.int64) // WINDOW
    row = np.repeat(np.arange(len(count)), count)
    place = np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count)
    return row, cache.index["start"][row].astype(np.int64) + place * WINDOW


def components(cache: Cache, start: np.ndarray, quiet: bool) -> tuple[np.ndarray, np.ndarray]:
    """Principal components of the grid windows' MiniRocket features, and the deviation of each before scaling."""
    if len(start) < COMPONENTS:
        raise InputError(f"{len(start)} windows are too few for {COMPONENTS} components: give more ECG with --data")
    rng = np.random.default_rng(0)
    some = take(cache, start[rng.permutation(len(start))[:FIT]])
    rocket = MiniRocket.fit(some, FEATURES)
    features = rocket.transform(some).astype(np.float64)
    mean, deviation = features.mean(0), features.std(0) + 1e-3
    _, singular, axes = np.linalg.svd((features - mean) / deviation, full_matrices=False)
    axes, share = axes[:COMPONENTS].T, singular[:COMPONENTS] / np.sqrt(len(features))
    out = np.empty((len(start), COMPONENTS), np.float32)
    for at in tqdm(range(0, len(start), 1024), "MiniRocket", unit=" k windows", disable=quiet, mininterval=1.0):
        piece = rocket.transform(take(cache, start[at : at + 1024]))
        out[at : at + 1024] = (piece - mean) / deviation @ axes / share
    return out, share.astype(np.float32)


def take(cache: Cache, start: np.ndarray) -> np.ndarray:
    return np.asarray(cache.samples[start[:, None] + np.arange(WINDOW)]).astype(np.float32)
