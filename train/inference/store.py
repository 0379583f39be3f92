"""The results of `train/apply.py`: one part per record, joined at the end.

A part is written completely or not at all, so every part that exists is complete. Parts made with other options are
discarded.
"""

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edgeecg.errors import InputError
from edgeecg.io.output import EmbeddingTable, save
from train.runs.folder import write_json

COLUMNS = ("start", "label", "codes", "quality", "embedding", "fs", "lead")


@dataclass(frozen=True)
class Part:
    """The n windows of a record. start (n,) s; label, codes (n,) str; quality (n,); embedding (n, dim); windows (n,
    samples) mV or (0, 0) where they are not kept.
    """

    start: np.ndarray
    label: np.ndarray
    codes: np.ndarray
    quality: np.ndarray
    embedding: np.ndarray
    fs: float
    lead: str
    windows: np.ndarray


class LabelledTable(EmbeddingTable):
    """A table whose windows are of records, with what is known of them first."""

    def head(self) -> dict[str, np.ndarray]:
        return {"record": self.file, **self.more, "start": self.start, "quality": self.quality}


class Collection:
    """The parts of a folder OUT. `options`: the options they were made with."""

    def __init__(self, out: Path, options: dict):
        self.out, self.folder = out, out / ".parts"
        stamp = self.folder / "options.json"
        try:
            same = json.loads(stamp.read_text(encoding="utf-8")) == options
        except (OSError, ValueError):
            same = False
        if not same:
            shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True, exist_ok=True)
        write_json(stamp, options)

    def has(self, record: str) -> bool:
        return self.path(record).exists()

    def path(self, record: str) -> Path:
        return self.folder / f"{record}.npz"

    def add(self, record: str, part: Part) -> None:
        """Write the windows first: the other file marks both as complete."""
        for name, write in (
            (f"{record}.npy", lambda file: np.save(file, part.windows)),
            (f"{record}.npz", lambda file: np.savez(file, **{name: getattr(part, name) for name in COLUMNS})),
        ):
            unfinished = self.folder / f".{name}.part"
            with open(unfinished, "wb") as file:
                write(file)
            os.replace(unfinished, self.folder / name)

    def parts(self, records: list[str]) -> Iterator[tuple[str, Part]]:
        for record in records:
            with np.load(self.path(record), allow_pickle=False) as file:
                arrays = {name: file[name] for name in COLUMNS}
            windows = np.load(self.folder / f"{record}.npy", mmap_mode="r", allow_pickle=False)
            yield record, Part(**arrays | {"fs": float(arrays["fs"]), "lead": str(arrays["lead"]), "windows": windows})

    def finish(self, records: list[str], about: dict) -> tuple[int, list[Path]]:
        """Write the files of OUT from the parts of these records, and remove the parts.

        How many windows, and the paths.
        """
        parts = [(record, part) for record, part in self.parts(records) if len(part.start)]
        if not parts:
            raise InputError("no window could be embedded: nothing is written")
        written = [
            write_lines(self.out / "encoder.txt", (embedding_line(row) for _, part in parts for row in part.embedding)),
            write_lines(self.out / "description.txt", (str(label) for _, part in parts for label in part.label)),
            *self.write_windows([part for _, part in parts]),
        ]
        path = self.out / "windows.parquet"
        save(table(parts, about), path)
        shutil.rmtree(self.folder)
        return sum(len(part.start) for _, part in parts), [*written, path]

    def write_windows(self, parts: list[Part]) -> list[Path]:
        """One array where the rates are the same, else one a rate."""
        for old in self.out.glob("windows*.npy"):
            old.unlink()
        kept = [part for part in parts if part.windows.size]
        rates = sorted({part.fs for part in kept})
        paths = []
        for rate in rates:
            path = self.out / ("windows.npy" if len(rates) == 1 else f"windows_{rate:g}Hz.npy")
            same = [part.windows for part in kept if part.fs == rate]
            unfinished, at = path.with_suffix(".part"), 0
            array = np.lib.format.open_memmap(unfinished, "w+", np.float32, (sum(map(len, same)), *same[0].shape[1:]))
            for windows in same:
                array[at : at + len(windows)] = windows
                at += len(windows)
            array.flush()
            os.replace(unfinished, path)
            paths.append(path)
        return paths


def embedding_line(row: np.ndarray) -> str:
    """The shortest digits that nine places allow: they give back the same float32."""
    return " ".join(["%.9g"] * len(row)) % tuple(row.tolist())


def write_lines(path: Path, lines: Iterator[str]) -> Path:
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.part")
    with open(unfinished, "w", encoding="utf-8") as file:
        file.writelines(f"{line}\n" for line in lines)
    os.replace(unfinished, path)
    return path


def table(parts: list[tuple[str, Part]], about: dict) -> LabelledTable:
    counts = [len(part.start) for _, part in parts]

    def joined(name: str) -> np.ndarray:
        return np.concatenate([getattr(part, name) for _, part in parts])

    def repeated(values: list) -> np.ndarray:
        return np.repeat(np.array(values), counts)

    more = {"lead": repeated([p.lead for _, p in parts]), "fs": repeated([p.fs for _, p in parts])}
    more |= {"label": joined("label"), "codes": joined("codes")}
    names = repeated([record for record, _ in parts])
    return LabelledTable(names, joined("start"), joined("quality"), joined("embedding"), None, about, more)
