"""Recordings in parallel processes, each table written at once; a second call goes on where the first stopped."""

from __future__ import annotations

import dataclasses
import itertools
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import get_all_start_methods, get_context
from typing import Any

from .._folder_lock import locked
from ..errors import InputError
from ..io._files import is_url
from .inputs import found_inputs, outputs_of
from .manifest import Entry, opened, read_manifest
from .options import Options
from .worker import embed_one, prepare, start, state_of

__all__ = ["Summary", "embed_many"]

ATTEMPTS = 2  # of a recording whose process died: it may not have been its fault
PRELOADED = ["edgeecg.archive.worker", "pyarrow.parquet"]
WAITING = 4  # recordings in line for each process


@dataclasses.dataclass(frozen=True)
class Summary:
    """What an archive holds after a run.

    Attributes
    ----------
    done, failed : int
        Recordings.
    skipped : int
        Those of `done` that an earlier run had embedded.
    seconds : float
        Length of all that are done.
    windows, flagged : int
    folder : str
    """

    done: int
    failed: int
    skipped: int
    seconds: float
    windows: int
    flagged: int
    folder: str


def embed_many(
    recordings: str | os.PathLike[str] | Sequence[str],
    folder: str | os.PathLike[str],
    options: Options | None = None,
    jobs: int = 1,
    report: Callable[[Entry], None] | None = None,
) -> Summary:
    """Embed many recordings into a folder, a table each.

    What was embedded before with the same options is left as it is, unless its size or its date has changed or its
    table is gone. A recording that cannot be embedded is listed in the manifest, and the rest goes on.

    Parameters
    ----------
    recordings : str, path-like or sequence of str
        Files, folders with their folders, patterns, lists (`@list.txt`) and URLs.
    folder : str or path-like
        Where to write; made if missing. `manifest.jsonl` in it says what became of each recording.
    options : Options, optional
        How recordings are read and embedded.
    jobs : int, default 1
        Processes.
    report : callable, optional
        Takes each Entry as it comes.

    Returns
    -------
    Summary

    Raises
    ------
    InputError
        Where there is no recording, the folder cannot be written or was made with other options, another run writes
        into it, or a head belongs to another model.
    """
    options = options or Options()
    where = os.fspath(folder)
    places = (
        [os.fspath(recordings)] if isinstance(recordings, (str, os.PathLike)) else [os.fspath(p) for p in recordings]
    )
    if not 1 <= jobs <= 1024:
        raise InputError(f"jobs is 1 to 1024, not {jobs}")
    encoder, _ = prepare(options)
    inputs = found_inputs(places)
    outputs = outputs_of(inputs, options.format)
    make_folder(where)
    made_of = {**options.as_json(), "model_id": encoder.info["id"]}
    with locked(where), opened(where, made_of) as manifest:
        remove_leftovers(where)
        _, known = read_manifest(where)
        kept = {path for path in inputs if is_done(path, known.get(path), where)}
        left = [path for path in inputs if path not in kept]
        entries = {path: known[path] for path in kept}
        for entry in worked_off(left, where, outputs, options, jobs):
            manifest.add(entry)
            entries[entry.input] = entry
            if report is not None:
                report(entry)
    return summary_of(list(entries.values()), len(kept), where)


def make_folder(folder: str) -> None:
    try:
        os.makedirs(folder, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder}: cannot be written to: {error.strerror or error}") from None


def remove_leftovers(folder: str) -> None:
    """Temporary files of a run that was killed: nobody else writes here now."""
    for root, _, names in os.walk(folder):
        for name in names:
            if name.startswith(".") and name.endswith(".part"):
                os.unlink(os.path.join(root, name))


def is_done(path: str, entry: Entry | None, folder: str) -> bool:
    """Whether a recording was embedded as it is now, and its table is there."""
    if entry is None or entry.state != "done":
        return False
    same = is_url(path) or state_of(path) == (entry.size, entry.mtime_ns)
    return same and os.path.isfile(os.path.join(folder, entry.output))


def worked_off(
    paths: Sequence[str], folder: str, outputs: dict[str, str], options: Options, jobs: int
) -> Iterator[Entry]:
    """An entry for each path, as they come."""
    if jobs == 1:
        for path in paths:
            yield embed_one(path, folder, outputs[path], options)
        return
    deaths: dict[str, int] = {}
    left = list(paths)
    while left:
        alone = any(path in deaths for path in left)  # one at a time, so that only its own process dies of a recording
        finished = set()
        with pool_of(1 if alone else jobs, options) as pool:
            jobs_of = {path: (embed_one, path, folder, outputs[path], options) for path in left}
            for path, entry in through_pool(pool, jobs_of, 1 if alone else jobs * WAITING):
                if entry is None:
                    deaths[path] = deaths.get(path, 0) + 1
                    if deaths[path] <= ATTEMPTS:
                        continue
                finished.add(path)
                died = Entry(path, "failed", "", *state_of(path), error=f"{path}: its process died")
                yield died if entry is None else entry
        left = [path for path in left if path not in finished]


def through_pool(
    pool: ProcessPoolExecutor, work: Mapping[str, tuple[Any, ...]], most: int
) -> Iterator[tuple[str, Entry | None]]:
    """(path, entry) as they come, with `most` in line; None where its process died, and then no further ones begin."""
    waiting: dict[Future[Entry], str] = {}
    queue = iter(work.items())
    broken = False
    while True:
        for path, call in itertools.islice(queue, 0 if broken else most - len(waiting)):
            try:
                waiting[pool.submit(*call)] = path
            except BrokenProcessPool:
                broken = True
                break
        if not waiting:
            return
        for future in wait(waiting, return_when=FIRST_COMPLETED).done:
            path = waiting.pop(future)
            try:
                yield path, future.result()
            except BrokenProcessPool:
                broken = True
                yield path, None


@contextmanager
def pool_of(jobs: int, options: Options) -> Iterator[ProcessPoolExecutor]:
    """Processes that have loaded the model; they end with the block, work that waits is dropped."""
    way = "forkserver" if "forkserver" in get_all_start_methods() else "spawn"  # a fork of threads could hang
    context = get_context(way)
    if way == "forkserver":
        context.set_forkserver_preload(PRELOADED)
    pool = ProcessPoolExecutor(jobs, context, start, (options,))
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


def summary_of(entries: Sequence[Entry], skipped: int, folder: str) -> Summary:
    done = [entry for entry in entries if entry.state == "done"]
    return Summary(
        len(done),
        len(entries) - len(done),
        skipped,
        sum(entry.seconds for entry in done),
        sum(entry.windows for entry in done),
        sum(entry.flagged for entry in done),
        folder,
    )
