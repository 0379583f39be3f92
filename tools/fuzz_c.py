"""Fuzzing of the C core with libFuzzer: model files, call orders of streams, whole recordings, heads (csrc/fuzz/).

    python tools/fuzz_c.py --minutes 5              each target for five minutes
    python tools/fuzz_c.py --runs 4000000           each target so many times
    python tools/fuzz_c.py --again FILE             one input that was found, on the target that its name begins with
    python tools/fuzz_c.py --seeds                  write the small models of csrc/fuzz/corpus/model anew
    python tools/fuzz_c.py --keep 60                take the smallest set of what was found into the corpora

Inputs that were found new are kept in .cache/fuzz, so that the next run goes on from there; one that ends a target is
left in .cache/fuzz/findings, and the command fails.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
from tests.csrc import builds

CSRC, FOLDER = ROOT / "csrc", ROOT / ".cache/fuzz"
CORPUS = CSRC / "fuzz/corpus"
TARGETS = ("model", "stream", "recording", "head")
SANITIZE = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer")


def build(target: str) -> Path:
    """The program of a target; that of streams has zones between the arrays and behind the tensors."""
    flags = [*SANITIZE, "-fsanitize=fuzzer-no-link", f'-DEE_FUZZ_MODELS="{CORPUS / "model"}"']
    changes = ()
    if target == "stream":
        flags += builds.RED_ZONES
        changes = builds.ZONES
    made = builds.Build(
        target,
        "clang-14",
        tuple(flags),
        (*SANITIZE, "-fsanitize=fuzzer"),
        optimize="-O1",
        optimize_x86="-O1 -fno-sanitize=undefined",
    )
    with tempfile.TemporaryDirectory() as folder:
        root = builds.changed(changes, Path(folder))
        shutil.copytree(CSRC / "fuzz", root / "fuzz", ignore=shutil.ignore_patterns("corpus"))
        sources = [root / "fuzz" / f"fuzz_{target}.c", *sorted((root / "src").rglob("*.c"))]
        return builds.link(made, builds.compile_all(made, sources, root / "include"))


def fuzz(target: str, seconds: int, runs: int) -> tuple[str, int, bool]:
    """(target, executions, well)."""
    program, found, findings = build(target), FOLDER / target, FOLDER / "findings"
    found.mkdir(parents=True, exist_ok=True)
    findings.mkdir(exist_ok=True)
    command = [program, found, CORPUS / target, "-print_final_stats=1", "-max_len=6000", "-timeout=60"]
    command += ["-rss_limit_mb=3000", f"-artifact_prefix={findings}/{target}-", "-verbosity=1"]
    command += [f"-max_total_time={seconds}"] if seconds else [f"-runs={runs}"]
    log = FOLDER / f"{target}.log"
    with log.open("w") as file:
        code = subprocess.run([str(word) for word in command], stdout=file, stderr=file, check=False).returncode
    counts = re.findall(r"stat::number_of_executed_units: +(\d+)", log.read_text(errors="replace"))
    return target, int(counts[-1]) if counts else 0, code == 0


def write_seeds() -> None:
    """Small models of every kind of layer, front end and head, and of every group of kernels."""
    from tests.models import Net, tiny

    def front(**more):
        return {"window": 64, "table_half": 4, "baseline": 16, "reach": 1, "flat_blocks": 1, "off_blocks": 2, **more}

    def dense():
        net = Net(1, **front(window=128, noise=200))
        net.conv(net.conv(net.conv(0, 16, kernel=5, stride=4), 18, kernel=3), 5, zp_out=9)
        return net.model(dim=17, levels=3)

    def grouped():
        net = Net(2, **front(channels=2, gain=(1626, 406)))
        last = net.conv(0, 16, kernel=4, stride=4, groups=2)
        last = net.conv(last, 16, kernel=7, stride=2, groups=4)
        net.conv(last, 16, kernel=5, groups=16, zp_out=3)
        return net.model(dim=4)

    def affine():
        net = Net(3, tame=False, **front(window=96))
        last = net.conv(0, 16, kernel=3, stride=3, requant=1, zp_out=100)
        net.conv(last, 16, kernel=3, groups=4, requant=1, zp_out=50)
        return net.model(pool=1, dim=3, levels=3)

    def residual():
        net = Net(4, **front(reach=3, baseline=64))
        a = net.conv(0, 4, kernel=3, stride=2, pad_left=0)
        b = net.conv(a, 4, kernel=9, pad_left=1)
        net.max_pool(net.add(a, b, zp_out=7), 3, 2, pad_left=1)
        return net.model(pool=2, dim=6)

    def plain():
        net = Net(5, kind=0, window=64, direct_gain=8000, flat_blocks=1, off_blocks=1)
        net.conv(0, 7, kernel=16, stride=8)
        return net.model(dim=5)

    def depthwise():
        net = Net(6, **front(window=160, table_half=16))
        last = net.conv(0, 32, kernel=2, stride=2)
        last = net.conv(last, 32, kernel=3, stride=2, groups=32)
        net.conv(last, 8, kernel=1)
        return net.model(dim=8)

    (CORPUS / "model").mkdir(parents=True, exist_ok=True)
    for number, make in enumerate((tiny, dense, grouped, affine, residual, plain, depthwise)):
        make().strip().save(CORPUS / "model" / f"{number}.eecg")


def keep(most: int) -> None:
    """The inputs of .cache/fuzz that together reach what all of them reach, the `most` smallest of them."""
    for target in TARGETS:
        with tempfile.TemporaryDirectory() as folder:
            command = [build(target), "-merge=1", "-max_len=6000", folder, CORPUS / target, FOLDER / target]
            subprocess.run([str(word) for word in command], capture_output=True, check=True)
            kept = sorted(Path(folder).iterdir(), key=lambda path: (path.stat().st_size, path.name))[:most]
            for path in kept:
                shutil.copy(path, CORPUS / target / path.name[:12])
        print(f"{target}: {len(list((CORPUS / target).iterdir()))} files")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=5, help="for each target (5)")
    parser.add_argument("--runs", type=int, default=0, help="of each target, instead of a time")
    parser.add_argument("--targets", nargs="*", default=TARGETS, choices=TARGETS, help=f"({' '.join(TARGETS)})")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="targets at once (the number of processors)")
    parser.add_argument("--again", type=Path, help="run one input")
    parser.add_argument("--seeds", action="store_true", help="write the small models anew")
    parser.add_argument("--keep", type=int, default=0, metavar="N", help="take N inputs a target into the corpora")
    arguments = parser.parse_args()
    if arguments.seeds:
        write_seeds()
        return 0
    if arguments.keep:
        keep(arguments.keep)
        return 0
    if arguments.again:
        return subprocess.run([build(arguments.again.name.split("-")[0]), arguments.again], check=False).returncode
    seconds = 0 if arguments.runs else max(1, int(60 * arguments.minutes))
    with ThreadPoolExecutor(arguments.jobs) as pool:
        done = list(pool.map(lambda target: fuzz(target, seconds, arguments.runs), arguments.targets))
    for target, count, well in done:
        print(f"{target:10} {count:12,} executions   {'nothing found' if well else f'FOUND: {FOLDER}/{target}.log'}")
    print(f"{'all':10} {sum(count for _, count, _ in done):12,}")
    return not all(well for _, _, well in done)


if __name__ == "__main__":
    sys.exit(main())
