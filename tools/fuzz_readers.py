"""Fuzzing of the readers of recordings: small files of every format, mutated (tests/fuzz/).

    python tools/fuzz_readers.py --minutes 5                     all formats, five minutes together
    python tools/fuzz_readers.py --formats "EDF+D" --first 9000  this one, from case 9000
    python tools/fuzz_readers.py --formats EDF --first 17 --minutes 0    one case again

Each format is read by a process of its own, so that a library that ends its process, hangs or takes too much memory is
found too. What is found is left in .cache/fuzz/findings, and the command fails.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
from tests.fuzz.seeds import SEEDS

FINDINGS = ROOT / ".cache/fuzz/findings"
START = 300
"""Seconds that a process may take for importing, beside its time."""


def fuzz(name: str, seconds: float, first: int) -> tuple[str, int, int, str]:
    """(format, read, refused, what was found or nothing)."""
    with tempfile.TemporaryDirectory() as folder:
        worker = [ROOT / "tests/fuzz/worker.py", name, seconds, first, folder]
        command = [sys.executable, *map(str, worker)]
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
        done = subprocess.run(
            command, env=environment, capture_output=True, timeout=seconds + START, check=False, errors="replace"
        )
        lines = done.stdout.splitlines()
        if done.returncode == 0:
            ends = json.loads(lines[-1])
            return name, ends["read"], ends["refused"], ""
        kept = FINDINGS / f"reader-{name.replace(' ', '_')}-{zlib.crc32(done.stderr.encode()):08x}"
        shutil.copytree(folder, kept, dirs_exist_ok=True)
        (kept / "what.txt").write_text(f"{lines[-1] if lines else ''}\nexit {done.returncode}\n{done.stderr}")
        last = done.stderr.strip().splitlines()[-1:] or [f"exit {done.returncode}"]
        return name, 0, 0, f"FOUND: {lines[-1] if lines else ''} {last[0][:150]}: {kept}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=5, help="for all formats together, on one processor (5)")
    parser.add_argument("--formats", nargs="*", default=list(SEEDS), choices=list(SEEDS), metavar="NAME", help="(all)")
    parser.add_argument("--first", type=int, default=0, help="the number of the first case (0)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="processes at once (the number of processors)")
    arguments = parser.parse_args()
    seconds = 60 * arguments.minutes / len(arguments.formats)
    with ThreadPoolExecutor(arguments.jobs) as pool:
        done = list(pool.map(lambda name: fuzz(name, seconds, arguments.first), arguments.formats))
    for name, read, refused, found in done:
        print(f"{name:16} {read:9,} read {refused:9,} refused   {found or 'nothing found'}")
    print(f"{'all':16} {sum(d[1] for d in done):9,} read {sum(d[2] for d in done):9,} refused")
    return any(found for *_, found in done)


if __name__ == "__main__":
    sys.exit(main())
