"""Branches of the C core that the tests take: every condition of csrc/src, true and false.

    python tools/c_coverage.py              run the tests of tests/csrc on builds that count, and print a table
    python tools/c_coverage.py --report     print the table of the last run

Clang counts conditions in the source, so an inlined function and a loop that is compiled for five instruction sets are
one line. A side of a condition that no test can take is in csrc/unreachable.txt with its reason; the command fails
where one is taken nevertheless, and where one that is not in there is not.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / ".cache/coverage"
ARGUED = ROOT / "csrc/unreachable.txt"
TESTS = ["tests/csrc", "tests/test_hostile_files.py"]
SOURCE = re.compile(r"/(src/(?:core|model_file|host|device)/.*\.[ch])$")


def measure(arguments) -> None:
    """Run the tests on counting builds."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    environment = {
        **os.environ,
        "EDGEECG_COUNT_BRANCHES": "1",
        "EDGEECG_CSRC_CACHE": str(FOLDER),
        "LLVM_PROFILE_FILE": str(FOLDER / "profiles/%p.profraw"),
    }
    command = [sys.executable, "-m", "pytest", "-q", "-n", "2", "--dist", "loadfile", *(arguments or TESTS)]
    subprocess.run(command, cwd=ROOT, env=environment, check=True)
    profiles = [str(path) for path in (FOLDER / "profiles").glob("*.profraw")]
    (FOLDER / "profiles.txt").write_text("\n".join(profiles))
    merge = ["llvm-profdata-14", "merge", "-sparse", "-f", FOLDER / "profiles.txt", "-o", FOLDER / "all.profdata"]
    subprocess.run(merge, check=True)


def exported() -> list[dict]:
    """What llvm-cov knows of each function of each program."""
    functions = []
    for program in sorted(path for path in FOLDER.iterdir() if is_counting_program(path)):
        command = ["llvm-cov-14", "export", "-instr-profile", FOLDER / "all.profdata", program]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        functions += json.loads(done.stdout)["data"][0]["functions"]
    return functions


def is_counting_program(path: Path) -> bool:
    if path.suffix or not path.is_file() or path.name == "all.profdata":
        return False
    return b"__llvm_covmap" in path.read_bytes()


def conditions(functions) -> dict:
    """{(file, line, column, end line, end column): [times true, times false]}, added up over builds and copies."""
    found = defaultdict(lambda: [0, 0])
    for function in functions:
        for branch in function["branches"]:
            line, column, end_line, end_column, true, false, file, _, kind = branch
            name = SOURCE.search(function["filenames"][file])
            if kind != 4 or not name or is_changed(function["filenames"][file], name[1]):
                continue
            counts = found[name[1], line, column, end_line, end_column]
            counts[0] += true
            counts[1] += false
    return found


def is_changed(path: str, name: str) -> bool:
    """A file whose conditions a build has changed (tests/csrc/builds.py)."""
    return name == "src/host/dispatch.c" and not path.startswith(str(ROOT / "csrc"))


def text_of(place) -> str:
    file, line, column, end_line, end_column = place
    lines = (ROOT / "csrc" / file).read_text().splitlines()[line - 1 : end_line]
    lines[-1] = lines[-1][: end_column - 1]
    lines[0] = lines[0][column - 1 :]
    return " ".join(" ".join(lines).split())


def argued() -> dict[tuple[str, str, str], str]:
    """{(file, condition, side): reason} of csrc/unreachable.txt."""
    found, file = {}, None
    for line in ARGUED.read_text().splitlines() if ARGUED.exists() else []:
        if line.startswith("src/"):
            file = line.strip()
        elif row := re.match(r"    (.+) is never (true|false): (.+)", line):
            found[file, row[1], row[2]] = row[3]
    return found


def report() -> int:
    found, reasons, totals = conditions(exported()), argued(), defaultdict(lambda: [0, 0, 0])
    missing, taken = [], set()
    for place, counts in sorted(found.items()):
        for side, count in zip(("true", "false"), counts, strict=True):
            key = place[0], text_of(place), side
            row = totals[place[0]]
            row[0] += 1
            row[1] += count > 0
            row[2] += not count and key in reasons
            if not count and key not in reasons:
                missing.append(f"csrc/{place[0]}:{place[1]}: {key[1]} is never {side}")
            if count and key in reasons:
                taken.add(key)
    print(f"{'file':34}{'sides':>7}{'taken':>7}{'argued':>8}{'missing':>9}")
    for file, (sides, count, with_reason) in sorted(totals.items()):
        print(f"{file:34}{sides:7}{count:7}{with_reason:8}{sides - count - with_reason:9}")
    sides, count, with_reason = map(sum, zip(*totals.values(), strict=True))
    print(f"{'all':34}{sides:7}{count:7}{with_reason:8}{sides - count - with_reason:9}")
    keys = {(place[0], text_of(place), side) for place in found for side in ("true", "false")}
    stale = [f"csrc/unreachable.txt: {' '.join(key)} is no condition any more" for key in sorted(set(reasons) - keys)]
    print(*missing, *stale, sep="\n")
    return bool(missing or stale)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--report", action="store_true", help="the table of the last run")
    parser.add_argument("tests", nargs="*", help=f"what pytest runs ({' '.join(TESTS)})")
    arguments = parser.parse_args()
    if not arguments.report:
        measure(arguments.tests)
    return report()


if __name__ == "__main__":
    sys.exit(main())
