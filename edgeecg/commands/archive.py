"""`edgeecg embed ... -o FOLDER`: many recordings, a table each."""

from __future__ import annotations

import argparse
import dataclasses
import json
import time

from .._progress import Progress, clock
from ..archive import Entry, Options, embed_many

__all__ = ["run_archive"]

SOME_FAILED, ALL_FAILED = 3, 2  # exit codes


class Events:
    """What is said of each recording: a line for people, or for programs."""

    def __init__(self, as_json: bool, quiet: bool):
        self.as_json = as_json
        self.progress = Progress(0, enabled=not quiet and not as_json)
        self.count = 0

    def take(self, entry: Entry) -> None:
        """Say it."""
        self.count += 1
        if self.as_json:
            print(json.dumps(dataclasses.asdict(entry)), flush=True)
        elif entry.state == "failed":
            self.progress.say(f"edgeecg: left out: {entry.error}")
        elif self.progress.live:
            self.progress.start(f"{self.count} recordings, {entry.input}")


def run_archive(args: argparse.Namespace) -> int:
    """Embed into a folder; the exit code says whether all, some or no recordings are embedded."""
    fields = {field.name for field in dataclasses.fields(Options)}
    given = {key: value for key, value in vars(args).items() if key in fields}
    options = Options(**given, heads=tuple(args.head))
    events = Events(args.json, args.quiet)
    began = time.perf_counter()
    try:
        summary = embed_many(args.files, args.output, options, args.jobs, events.take)
    except KeyboardInterrupt:
        events.progress.close()
        events.progress.say(f"edgeecg: stopped; the same command goes on where {args.output} is now")
        raise
    events.progress.close()
    took = time.perf_counter() - began
    if args.json:
        print(json.dumps({**dataclasses.asdict(summary), "took": round(took, 3)}), flush=True)
    elif not args.quiet:
        print(
            f"{summary.done} recordings ({clock(summary.seconds)} of ECG, {summary.windows} windows, {summary.flagged} "
            f"flagged) in {summary.folder}, {summary.skipped} of them from before; {summary.failed} failed "
            f"(manifest.jsonl says why); {took:.1f} s"
        )
    return ALL_FAILED if not summary.done else SOME_FAILED if summary.failed else 0
