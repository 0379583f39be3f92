"""Reads one mutated recording after another until its time is over; whatever is wrong ends it.

    python tests/fuzz/worker.py FORMAT SECONDS FIRST FOLDER

FORMAT is a name of `tests.fuzz.seeds`, FIRST the number of the first case. The last input stays in FOLDER, and the last
line that is printed is how many were read and how many refused. `tools/fuzz_readers.py` keeps what was found.
"""

import faulthandler
import json
import os
import resource
import sys
import time
from pathlib import Path
from random import Random

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from edgeecg.io._files import BUDGET, FLOOR
from tests.files import refused_or_read
from tests.fuzz.mutations import mutated
from tests.fuzz.seeds import SEEDS, Files

SECONDS = 10
"""What a file of some kilobytes may take at most, on a busy machine."""
LIBRARIES = {"HDF5": 5 << 30}
"""What a library may take for itself beside 64 MiB: h5py asks for as much as a text says that it is long."""


def write(folder: Path, files: Files) -> Path:
    """The files alone in the folder; the path of the first."""
    for old in folder.iterdir():
        old.unlink()
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder / next(iter(files))


def peak() -> int:
    """Bytes that this process had resident at most."""
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def try_one(path: Path, options: dict) -> str:
    """How it ended."""
    faulthandler.dump_traceback_later(SECONDS, exit=True)
    try:
        return refused_or_read(path, **options)
    finally:
        faulthandler.cancel_dump_traceback_later()


def main() -> None:
    name, seconds, number, folder = sys.argv[1], float(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4])
    os.environ["OMP_NUM_THREADS"] = "1"
    files = SEEDS[name]()
    for options in ({}, {"fs": 250.0, "unit": "mV"}):
        try_one(write(folder, files), options)
    before, ends, until = peak(), {"read": 0, "refused": 0}, time.monotonic() + seconds
    while sum(ends.values()) == 0 or time.monotonic() < until:
        rng = Random(f"{name} {number}")
        changed = mutated(rng, files)
        options = rng.choice(({}, {"fs": 250.0}, {"fs": 250.0, "unit": "mV"}, {"lead": 0, "fs": 250.0, "gain": 200.0}))
        path = write(folder, changed)
        print(json.dumps({"case": number, "reads": path.name, "options": options}), flush=True)
        ends[try_one(path, options)] += 1
        allowed = BUDGET * sum(map(len, changed.values())) + FLOOR + (64 << 20) + LIBRARIES.get(name, 0)
        assert peak() - before <= allowed, f"took {(peak() - before) >> 20} MiB, {allowed >> 20} are allowed"
        number += 1
    print(json.dumps(ends))


if __name__ == "__main__":
    main()
