"""Apply a saved encoder to a folder of WFDB records: an embedding and a label for each window.

    python train/apply.py default FOLDER --out OUT                            the bundled model, a window every 10 s
    python train/apply.py my.eecg FOLDER --out OUT --windows annotated        one window for each annotated beat
    python train/apply.py runs/a/encoder.safetensors FOLDER --out OUT --annotator apn
    python train/apply.py runs/channels/encoder.safetensors FOLDER --out OUT --lead I,II     an encoder of two leads
    python train/apply.py runs/e/autoencoder.safetensors FOLDER --out OUT --hop 5 --lead V5 --records 100 101

Sampling rate and gain come from each record's header, labels from the annotation file that --annotator names
(train/data/annotations.py has the rule). OUT gets

    encoder.txt       one embedding per line
    description.txt   one label per line
    windows.npy       the windows as recorded: (n, samples) float32 mV, of several leads (n, leads, samples), NaN for
                      missing samples; windows_100Hz.npy and so on if the records have different rates
    windows.parquet   record, lead, rate, start, label, codes in the window, quality, embedding: one row per window

An interrupted call continues where it stopped: finished records are kept in OUT/.parts.
"""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

if __package__ in (None, ""):  # run as a script
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    __import__("train")  # says in a sentence what is not installed

import numpy as np
import tyro
from tqdm import tqdm

from edgeecg import io
from edgeecg.errors import InputError
from edgeecg.io import Recording
from train.data.annotations import NOTHING, Annotations, label_windows, read_annotations
from train.inference.embedders import SECONDS, Embedder, crops, embedder_by_name
from train.inference.store import Collection, Part
from train.runs.command_line import run_command


@dataclass(frozen=True)
class Config:
    """Apply an encoder."""

    # a bundled model's name, .eecg, encoder.safetensors or autoencoder.safetensors
    encoder: Annotated[str, tyro.conf.Positional]
    folder: Annotated[Path, tyro.conf.Positional]  # folder of WFDB records
    out: Annotated[Path, tyro.conf.arg(aliases=["-o"])] = Path("runs/apply")
    annotator: str | None = None  # suffix of the annotation files; default: atr for records that have it
    windows: Literal["sliding", "annotated"] = "sliding"  # one every `hop` seconds, or one around each annotated beat
    hop: float = 10.0  # seconds between sliding windows
    # name, or index from 0; default: the first voltage; for an encoder of several leads: I,II
    lead: str | None = None
    records: tuple[str, ...] = ()  # names of records; default: all of the folder
    keep_windows: bool = True  # write the windows themselves

    def __post_init__(self):
        if not self.folder.is_dir():
            raise InputError(f"the folder {self.folder} does not exist")
        if not self.hop > 0:
            raise InputError("hop is a positive number of seconds")

    def options(self) -> dict:
        """The options that parts of an earlier call must share."""
        return {
            name: str(getattr(self, name)) for name in ("folder", "annotator", "windows", "hop", "lead", "keep_windows")
        }


def records_of(config: Config) -> list[str]:
    """Names of the records to embed, in the order of their names."""
    names = sorted(path.stem for path in config.folder.glob("*.hea"))
    missing = [name for name in config.records if name not in names]
    if missing:
        raise InputError(f"{config.folder} has no record {', '.join(missing)}")
    if not names:
        raise InputError(f"{config.folder} holds no WFDB record (*.hea)")
    return list(config.records) or names


def annotations_of(config: Config, record: str, fs: float) -> Annotations | None:
    """Annotations of the given annotator; without one those of .atr, or None."""
    path = config.folder / record
    if config.annotator is None and not path.with_name(f"{record}.atr").exists():
        if config.windows == "annotated":
            raise InputError(f"{path}.atr does not exist: name the suffix of the annotation files with --annotator")
        return None
    return read_annotations(path, config.annotator or "atr", fs)


def recordings_of(config: Config, leads: int, record: str) -> tuple[Recording, ...]:
    """As many leads of a record as the encoder reads at once: those that were named, or its first voltages."""
    source = io.open_source(config.folder / f"{record}.hea")
    names = config.lead.split(",") if config.lead and leads > 1 else [config.lead]
    if leads > 1 and config.lead is None:
        names = [str(number) for number, lead in enumerate(source.leads) if lead.gain][:leads]
    if len(names) != leads:
        raise InputError(f"{record}: the encoder reads {leads} leads at once, and {len(names)} are named or there")
    return tuple(source.recording(name) for name in names)


def embed_record(config: Config, embedder: Embedder, record: str) -> Part:
    recordings = recordings_of(config, embedder.leads, record)
    recording, read = recordings[0], recordings if embedder.leads > 1 else recordings[0]
    if recording.seconds < SECONDS:
        raise TooShortError(f"{record}: {recording.seconds:.1f} s is less than a window")
    notes = annotations_of(config, record, recording.fs)
    if config.windows == "annotated":
        start = np.clip(notes.second - SECONDS / 2, 0, np.floor((recording.seconds - SECONDS) * 1000) / 1000)
        embedded = embedder.embed_at(read, start) if len(start) else None
        labels, codes = notes.code.tolist(), label_windows(notes, start, SECONDS)[1]
    else:
        embedded = embedder.embed_sliding(read, config.hop)
        empty = [NOTHING] * len(embedded.start), [""] * len(embedded.start)
        labels, codes = empty if notes is None else label_windows(notes, embedded.start, SECONDS)
    if embedded is None:
        raise TooShortError(f"{record}: no annotated beat")
    return part_of(recordings, embedded, labels, codes, config.keep_windows)


class TooShortError(InputError):
    """A record that gives no window; it is skipped with a message."""


def part_of(recordings: tuple[Recording, ...], embedded, labels: list[str], codes: list[str], keep: bool) -> Part:
    windows, start = np.empty((0, 0), np.float32), embedded.start
    if keep:
        each = [[crop.millivolts().astype(np.float32) for crop in crops(one, start)] for one in recordings]
        windows = np.stack(each[0]) if len(each) == 1 else np.stack([np.stack(lead) for lead in each], 1)
    lead = ",".join(one.lead or "" for one in recordings)
    texts = np.array(labels, dtype=str), np.array(codes, dtype=str)
    return Part(start, *texts, embedded.quality, embedded.embedding, recordings[0].fs, lead, windows)


def run(config: Config) -> tuple[int, list[Path]]:
    """Embed all records; returns the number of windows and the paths written."""
    names, embedder = records_of(config), embedder_by_name(config.encoder)
    config.out.mkdir(parents=True, exist_ok=True)
    about = {
        "model": embedder.name,
        "windows": config.windows,
        "hop": config.hop,
        "annotator": config.annotator or "atr",
    }
    collection, left_out = Collection(config.out, config.options() | about), []
    with tqdm(names, unit=" records", mininterval=0.5) as bar:
        for name in bar:
            bar.set_postfix(record=name)
            if collection.has(name):
                continue
            try:
                collection.add(name, embed_record(config, embedder, name))
            except TooShortError as error:
                left_out.append(name)
                bar.write(f"left out: {error}")
    return collection.finish([name for name in names if name not in left_out], about)


def main(config: Config) -> None:
    count, written = run(config)
    print(f"{count} windows: {', '.join(str(path) for path in written)}")


if __name__ == "__main__":
    run_command(main, Config, __doc__, stopped="stopped; the same command goes on where it was")
