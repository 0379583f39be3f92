"""One recording of an archive: read, embedded, written at once. Runs in a process of its own."""

from __future__ import annotations

import dataclasses
import os
import signal
import warnings
from typing import Any

import numpy as np

from .. import io
from .._files import write_atomically
from .._signal import fs_millihertz
from ..encoder import Encoder
from ..errors import EdgeECGError, InputError
from ..heads import Head
from ..heads import load as load_head
from ..io.output import table_bytes, table_of
from ..loading import load
from .manifest import Entry
from .options import Options

__all__ = ["embed_one", "start"]

_loaded: dict[str, Any] = {}


def start(options: Options) -> None:
    """Load what all recordings need; Ctrl-C is the parent's business."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    prepare(options)


def prepare(options: Options) -> tuple[Encoder, list[Head]]:
    """The encoder and the heads, loaded once."""
    if _loaded.get("options") != options:
        encoder = load(options.model)
        _loaded.update(options=options, encoder=encoder, heads=[load_head(name, encoder) for name in options.heads])
    return _loaded["encoder"], _loaded["heads"]


def state_of(path: str) -> tuple[int, int]:
    """(size, time of the last change) of a file; 0 of what is none."""
    try:
        status = os.stat(path)
    except OSError:
        return 0, 0
    return status.st_size, status.st_mtime_ns


def embed_one(path: str, folder: str, output: str, options: Options) -> Entry:
    """The entry of a recording whose table is written to `output`, below `folder`."""
    before = state_of(path)
    entry = Entry(path, "failed", "", *before)
    try:
        made = embedded(path, os.path.join(folder, output), output, options, entry)
    except EdgeECGError as error:
        return dataclasses.replace(entry, error=str(error))
    except MemoryError:
        return dataclasses.replace(entry, error=f"{path}: does not fit into memory")
    except OSError as error:
        return dataclasses.replace(entry, error=f"{error.filename or path}: {error.strerror or error}")
    if state_of(path) != before:
        os.unlink(os.path.join(folder, output))
        return dataclasses.replace(entry, error=f"{path}: changed while it was read")
    return made


def embedded(path: str, target: str, output: str, options: Options, entry: Entry) -> Entry:
    """Embed a recording and write its table."""
    encoder, heads = prepare(options)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        recording = io.read(path, options.lead, options.fs, options.unit, options.gain, options.keep_identity)
        if recording.fs is None:
            raise InputError(f"{path}: the file does not tell its sampling rate: give it with --fs")
        fs_millihertz(recording.fs)
        try:
            analysis = encoder.analyze(recording, hop=options.hop, nan=options.nan, heads=heads)
        except InputError as error:
            raise InputError(str(error) if str(error).startswith(path) else f"{path}: {error}") from None
    about = {"model": encoder.info["name"], "model_id": encoder.info["id"], "hop": options.hop}
    table = table_of([(path, recording, analysis)], heads, options.int8, encoder.int8_scale, options.clock, about)
    os.makedirs(os.path.dirname(target), exist_ok=True)
    write_atomically(target, table_bytes(table, target, lists=True))
    flagged = int(np.count_nonzero(analysis.quality))
    return dataclasses.replace(
        entry, state="done", output=output, seconds=recording.seconds, windows=len(analysis.start), flagged=flagged
    )
