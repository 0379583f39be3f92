"""Where the time of one window goes: each layer, its share of the processor's peak, the front end and the rest.

    python -m benchmarks.layers                      the bundled encoder
    python -m benchmarks.layers m1 m3 --isa avx2     reference networks (benchmarks/nets.py), other kernels
    python -m benchmarks.layers my.eecg

Each layer runs alone on data in the caches; its time is the lowest of 300 rounds. "Instructions alone" is the time of
its dot products from registers, their requantization and stores, without loads and shuffles (AVX-512 kernels). "Rest"
is the time of a whole window beyond its layers and its front end: pooling, the head, bookkeeping, and weights that are
not in the nearest cache.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.bars import INSTRUCTION
from benchmarks.machine import PeakMeter

ROOT = Path(__file__).resolve().parent.parent


def compile_program(folder: Path) -> Path:
    compiler = next(filter(None, map(shutil.which, ("cc", "gcc", "clang"))), None)
    if compiler is None:
        sys.exit("error: no C compiler: the times are taken by a C program")
    sources = sorted((ROOT / "csrc/src").rglob("*.c"))
    flags = ["-O3", "-std=gnu11", "-ffp-contract=off", f"-I{ROOT / 'csrc/include'}"]
    program = folder / "layer_times"
    subprocess.run([compiler, *flags, ROOT / "benchmarks/layer_times.c", *sources, "-o", program], check=True)
    return program


def model_path(name: str) -> Path:
    from edgeecg.loading import bundled_models

    if name.endswith(".eecg"):
        return Path(name)
    if name in bundled_models():
        return Path(bundled_models()[name])
    from benchmarks.nets import folder

    return folder(name) / "model.eecg"


def table(name: str, lines: list[dict], peak: float | None) -> str:
    *layers, total = lines
    text = [f"### {name}, {total['kernels']}" + (f", peak {peak:.0f} GMAC/s" if peak else ""), ""]
    text += [
        "| layer | frames | channels | kernel | stride | groups "
        "| µs | instructions alone, µs | GMAC/s | share of peak |",
        "|---|" + 9 * "--:|",
    ]
    for row in layers:
        speed = row["macs"] / row["us"] / 1e3
        share = f"{100 * speed / peak:.0f} %" if peak and row["macs"] else ""
        alone = f"{row['least_us']:.2f}" if row["least_us"] else ""
        text.append(
            f"| {row['layer']} {row['op']} | {row['frames']} | {row['cin']} to {row['cout']} | {row['kernel']} | "
            f"{row['stride']} | {row['groups']} "
            f"| {row['us']:.2f} | {alone} | {f'{speed:.0f}' if row['macs'] else ''} | {share} |"
        )
    macs = sum(row["macs"] for row in layers)
    rest = total["window_us"] - total["trunk_us"] - total["front_end_us"]
    floor = f"; {macs / peak / 1e3:.2f} at the peak" if peak else ""
    least = sum(row["least_us"] for row in layers)
    floor += f", {least:.2f} for their instructions alone" if least else ""
    text += [
        "",
        f"µs: layers {total['trunk_us']:.2f}{floor}; front end {total['front_end_us']:.2f}; rest {rest:.2f}; window "
        f"{total['window_us']:.2f}",
        "",
    ]
    return "\n".join(text)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "models", nargs="*", default=["default"], help="bundled models, networks of benchmarks/nets.py, .eecg files"
    )
    parser.add_argument("--isa", help="kernels to run instead of the best ones")
    args = parser.parse_args()
    meter = PeakMeter()
    with tempfile.TemporaryDirectory() as folder:
        program = compile_program(Path(folder))
        for name in args.models:
            done = subprocess.run(
                [program, model_path(name), *([args.isa] if args.isa else [])],
                capture_output=True,
                text=True,
                check=False,
            )
            if done.returncode:
                sys.exit(
                    f"error: {name}: "
                    f"{'these kernels cannot run here' if done.returncode == 2 else 'no model that the core reads'}"
                )
            lines = [json.loads(line) for line in done.stdout.splitlines()]
            print(table(name, lines, meter.measure().get(INSTRUCTION.get(lines[-1]["kernels"], ""))))
    meter.close()


if __name__ == "__main__":
    main()
