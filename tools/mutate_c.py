"""Mutation testing of the C core: how many small faults do the tests find?

    python tools/mutate_c.py                       300 mutants of csrc/src, drawn with a fixed seed
    python tools/mutate_c.py --files model_ranges.h --all    every mutant of these files
    python tools/mutate_c.py --report              the table of what is done so far

First the tests of tests/csrc run once and keep what they asked the core and what it answered. Each mutant is compiled
and asked the same: where no answer differs, no test can fail, and the mutant survives. Where one differs, the test that
asked runs on the mutant, and it is killed if that test fails, if the program ends or if it hangs. A survivor is
equivalent where the compiler makes the same code of it, or where csrc/equivalent_mutants.txt argues it. What is done is
kept in .cache/mutants, so that a long run can be stopped and resumed.
"""

import argparse
import functools
import json
import os
import pickle
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
from tests.csrc import builds
from tests.csrc.core_server import ANSWER
from tools.c_mutants import Mutant, mutants_of

CSRC, FOLDER, ARGUED = ROOT / "csrc", ROOT / ".cache/mutants", ROOT / "csrc/equivalent_mutants.txt"
BUILDS = {  # which builds a file can change
    "src/device/arm_dsp": ["dsp"],
    "src/device/arm_mve": ["mve"],
    "src/device": ["device", "device-zones"],
    "src/host/aarch64": ["aarch64"],
    "src/host/x86/avxvnni": ["evex"],
    "src/host": ["host", "zones"],
    "src": ["host", "zones", "device", "device-zones"],
}
EXPORTED = ["tests/csrc/test_exported.py", "-k", "mixed or resnet or 64"]


@dataclass(frozen=True)
class Record:
    """What a test asked a build."""

    test: str
    build: str
    path: Path
    seconds: float


# ---------------------------------------------------------------- what the tests ask


def record() -> None:
    """Run the tests once and keep their messages; the builds are those of the tests."""
    shutil.rmtree(FOLDER / "records", ignore_errors=True)
    (FOLDER / "records").mkdir(parents=True)
    environment = {**os.environ, "EDGEECG_RECORDS": str(FOLDER / "records")}
    command = [sys.executable, "-m", "pytest", "-q", "-n", "2", "--dist", "loadfile", "tests/csrc"]
    subprocess.run(command, cwd=ROOT, env=environment, check=True)
    times = {}
    for path in sorted((FOLDER / "records").glob("*.pickle")):
        command, started = healthy_program(opened(path)[1]), time.monotonic()
        difference = replay(command, path, 600)
        assert difference is None, f"{path}: the same program answers otherwise ({difference})"
        times[path.name] = time.monotonic() - started
    (FOLDER / "records/seconds.json").write_text(json.dumps(times))


def opened(path: Path):
    """(test, build) of a record."""
    with path.open("rb") as file:
        return pickle.load(file)


def records() -> list[Record]:
    """The quickest first."""
    times = json.loads((FOLDER / "records/seconds.json").read_text())
    found = [Record(*opened(FOLDER / "records" / name), FOLDER / "records" / name, s) for name, s in times.items()]
    return sorted(found, key=lambda r: r.seconds)


@functools.cache
def healthy_program(build: str) -> list:
    """The command of a build without a fault."""
    return program_of(build, CSRC)


def program_of(build: str, csrc: Path) -> list:
    """The command of a build of the sources in `csrc`."""
    builds.CSRC = csrc
    builds.program.cache_clear()
    return [*builds.BUILDS[build].runner, builds.program(builds.BUILDS[build], "core_server.c")]


def replay(command, path: Path, seconds: float) -> str | None:
    """None, or how the answers differ from those of the record."""
    process = subprocess.Popen(
        [str(word) for word in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    watch = threading.Timer(seconds, lambda: process.send_signal(signal.SIGKILL))
    watch.start()
    try:
        with path.open("rb") as file:
            pickle.load(file)
            while True:
                try:
                    request, answer = pickle.load(file)
                except EOFError:
                    break
                process.stdin.write(request)
                process.stdin.flush()
                got = process.stdout.read(ANSWER.size)
                if len(got) < ANSWER.size:
                    return "ended" if watch.is_alive() else "hangs"
                got += process.stdout.read(ANSWER.unpack(got)[2])
                if got != answer:
                    return "answer"
        process.stdin.close()
        return None if process.wait() == 0 else "ended"
    except BrokenPipeError:
        return "ended" if watch.is_alive() else "hangs"
    finally:
        watch.cancel()
        process.kill()
        process.wait()
        process.stdout.close()


# ---------------------------------------------------------------- one mutant


def builds_of(mutant: Mutant) -> list[str]:
    return next(names for prefix, names in BUILDS.items() if mutant.path.startswith(prefix))


def mutated(mutant: Mutant, folder: Path) -> Path:
    """A copy of csrc/ with the fault."""
    for part in ("include", "src", "test"):
        shutil.copytree(CSRC / part, folder / part)
    text = (folder / mutant.path).read_text()
    (folder / mutant.path).write_text(mutant.apply(text))
    return folder


def judged(mutant: Mutant, everything: list[Record], kills: Counter) -> str:
    """killed: ..., survived, same code, or does not compile."""
    with tempfile.TemporaryDirectory() as folder:
        root = mutated(mutant, Path(folder) / "csrc")
        try:
            changed = {name: command for name in builds_of(mutant) if (command := changed_program(name, root))}
        except RuntimeError:
            return "does not compile"
        mine, passed = [r for r in everything if r.build in changed], Counter()
        for one in sorted(mine, key=lambda r: (-kills[r.test], r.seconds)):
            name = one.test.partition("[")[0]
            if passed[name] == 2:  # it does not look at what differs
                continue
            how = replay(changed[one.build], one.path, 20 + 10 * one.seconds)
            if how is None:
                continue
            if how != "answer" or fails(root, [one.test]):
                kills[one.test] += 1
                return f"killed: {how}, {one.test}"
            passed[name] += 1
        if same_code(mutant, root):
            return "same code"
        portable = mutant.path.startswith(("src/core", "src/device/tiled", "src/device/loops"))
        return "killed: exported" if portable and fails(root, EXPORTED) else "survived"


def changed_program(name: str, root: Path) -> list | None:
    """The command of the mutant's build, or None where it is the same program."""
    command = program_of(name, root)
    return None if command == healthy_program(name) else command


def fails(root: Path, tests: list[str]) -> bool:
    environment = {**os.environ, "EDGEECG_CSRC": str(root)}
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *tests]
    try:
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, timeout=900, check=False)
    except subprocess.TimeoutExpired:
        return True
    return done.returncode == 1


def same_code(mutant: Mutant, root: Path) -> bool:
    """Does the compiler make the same machine code of every source, for every build?"""
    for name in builds_of(mutant):
        build = builds.BUILDS[name]
        flags = [flag for flag in build.flags if not flag.startswith("-fsanitize")]
        for source in sorted((CSRC / "src").rglob("*.c")):
            codes = []
            for folder in (CSRC, root):
                path = folder / source.relative_to(CSRC)
                command = [build.compiler, "-std=gnu11", "-O2", "-g0", *flags, f"-I{folder}/include"]
                command += ["-S", "-o", "-", str(path), "-frandom-seed=1"]
                done = subprocess.run(command, capture_output=True, text=True, check=False)
                codes.append(re.sub(r"\.file.*\n", "", done.stdout))
                if mutant.path.endswith(".c") and source.name != Path(mutant.path).name:
                    break
            if len(set(codes)) > 1:
                return False
    return True


# ---------------------------------------------------------------- all of them


def argued() -> dict[tuple[str, str, str], str]:
    """{(file, line before, line after): reason} of csrc/equivalent_mutants.txt."""
    found, lines = {}, ARGUED.read_text().splitlines() if ARGUED.exists() else []
    for i, line in enumerate(lines):
        if line.startswith("src/"):
            found[line.strip(), lines[i + 1].strip(), lines[i + 2].strip()] = lines[i + 3].strip()
    return found


def drawn(arguments) -> list[Mutant]:
    """The sample, in the order of drawing: those that do not compile are made up for."""
    every = [
        m for path in sorted((CSRC / "src").rglob("*.[ch]")) for m in mutants_of(CSRC, str(path.relative_to(CSRC)))
    ]
    every = [m for m in every if not arguments.files or any(m.path.endswith(name) for name in arguments.files)]
    return every if arguments.all else random.Random(arguments.seed).sample(every, len(every))


def key_of(mutant: Mutant) -> str:
    return f"{mutant.path} {mutant.line} {mutant.start} {mutant.new} | {mutant.before.strip()} | {mutant.after.strip()}"


def done_before() -> dict[str, str]:
    path = FOLDER / "results.jsonl"
    return dict(json.loads(line) for line in path.read_text().splitlines()) if path.exists() else {}


def verdict_of(mutant: Mutant, result: str, reasons) -> str:
    place = mutant.path, mutant.before.strip(), mutant.after.strip()
    return "argued" if result == "survived" and place in reasons else result.partition(":")[0]


def run(arguments) -> int:
    sample, done, kills = drawn(arguments), done_before(), Counter()
    everything = records()
    for result in done.values():
        kills[result.partition(", ")[2]] += 1
    counted = 0
    for mutant in sample:
        if counted >= arguments.count and not arguments.all:
            break
        result = done.get(key_of(mutant))
        if result is None or (arguments.again and result == "survived"):
            if arguments.report:
                continue
            started = time.monotonic()
            result = judged(mutant, everything, kills)
            done[key_of(mutant)] = result
            with (FOLDER / "results.jsonl").open("a") as file:
                file.write(json.dumps([key_of(mutant), result]) + "\n")
            print(f"{counted:4} {time.monotonic() - started:5.1f} s  {result:60.60}  {mutant}", flush=True)
        counted += result != "does not compile"
    return report(sample, done, arguments)


def report(sample, done, arguments) -> int:
    """The table; 1 where fewer than 90 % of the mutants that are no equivalents are killed."""
    reasons, rows, counted, left = argued(), {}, 0, []
    for mutant in sample:
        result = done.get(key_of(mutant))
        if result is None or (counted >= arguments.count and not arguments.all):
            continue
        verdict = verdict_of(mutant, result, reasons)
        counted += verdict != "does not compile"
        rows.setdefault(str(Path(mutant.path).parent), Counter())[verdict] += 1
        left += [mutant] if verdict == "survived" else []
    print(f"{'folder':24}{'mutants':>8}{'killed':>8}{'same code':>11}{'argued':>8}{'survived':>10}{'score':>8}")
    total = sum(rows.values(), Counter())
    for name, row in [*sorted(rows.items()), ("all", total)]:
        counts = [row[verdict] for verdict in ("killed", "same code", "argued", "survived")]
        score = row["killed"] / max(1, row["killed"] + row["survived"])
        print(f"{name:24}{sum(counts):8}{counts[0]:8}{counts[1]:11}{counts[2]:8}{counts[3]:10}{score:8.1%}")
    print(*(f"survived: {mutant}" for mutant in left), sep="\n")
    return total["killed"] < 0.9 * (total["killed"] + total["survived"])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=300, help="mutants that compile (300)")
    parser.add_argument("--seed", type=int, default=1, help="of the sample (1)")
    parser.add_argument("--files", nargs="*", default=[], help="ends of the names of the files to change (all)")
    parser.add_argument("--all", action="store_true", help="every mutant of these files")
    parser.add_argument("--again", action="store_true", help="judge those that have survived once more")
    parser.add_argument("--record", action="store_true", help="run the tests and keep what they ask, then stop")
    parser.add_argument("--report", action="store_true", help="the table of what is done so far")
    arguments = parser.parse_args()
    if arguments.record or not (FOLDER / "records/seconds.json").exists():
        record()
        if arguments.record:
            return 0
    return run(arguments)


if __name__ == "__main__":
    sys.exit(main())
