"""A cache of twice the size: every lead as recorded, and once more with a resynthesized rhythm (train/views/rhythm.py).

CACHE/<key>/rhythms-<version>/samples.u8, index.npz   first all leads as recorded, then the others in the same order
"""

from pathlib import Path

import numpy as np
from tqdm import tqdm

from train.data.cache import COLUMNS, Cache, read_cache, read_or_build, whole_folder
from train.data.front_end import ZERO
from train.views.rhythm import other_rhythm

VERSION = 2  # raise when other rhythms would come out
SEED = 7


def with_other_rhythms(cache: Cache, peaks: np.ndarray, quiet: bool = False) -> Cache:
    """The larger cache, built if it is not there. `peaks` (n,): samples of the cache with an R peak, ascending.

    The other version of a window lies half of the samples further on, and belongs to the same set, record and patient.
    """
    folder = cache.path / f"rhythms-{VERSION}"
    return read_or_build(folder, read_cache, lambda: build(cache, peaks, folder, quiet))


def build(cache: Cache, peaks: np.ndarray, folder: Path, quiet: bool) -> None:
    starts, lengths = cache.index["start"].astype(np.int64), cache.index["length"].astype(np.int64)
    other = np.array(cache.samples)
    rows = tqdm(
        zip(starts, lengths, strict=True), "other rhythms", len(starts), unit=" leads", disable=quiet, mininterval=1.0
    )
    for number, (start, length) in enumerate(rows):
        first, last = np.searchsorted(peaks, [start, start + length])
        lead = slice(start, start + length)
        y = other_rhythm(
            other[lead].astype(np.float64) - ZERO, peaks[first:last] - start, np.random.default_rng((SEED, number))
        )
        other[lead] = np.clip(np.round(y) + ZERO, 0, 255)
    index = {name: np.tile(cache.index[name], 2) for name in COLUMNS}
    index["start"] = np.concatenate([starts, starts + len(cache.samples)])
    with whole_folder(folder) as part:
        with open(part / "samples.u8", "wb") as file:
            file.write(cache.samples)
            file.write(other)
        np.savez_compressed(part / "index.npz", **index)
