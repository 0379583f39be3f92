"""Do all engines give the same bytes? Windows of random recordings through every engine that this machine can run.

    python tools/parity.py --minutes 5              until the time is over
    python tools/parity.py --windows 10000000       until that many windows are compared (Ctrl-C tells what is done)
    python tools/parity.py --data DIR               real recordings (WFDB, one folder deep) among the made ones

Each round draws a model (bundled, or random of one of nine shapes), a rate, a hop, a unit or gain, a type of sample and
a recording: real, artificial, noise of any size, steps, constants, values at and beyond every limit, gaps. The portable
C kernels say what is right. Every other instruction set, Numba, four threads and a stream that gets the recording in
random pieces must give these bytes; the NumPy reference does where a round is short. A difference ends the run with the
number of its round: `--first N --windows 1` repeats it.
"""

import argparse
import contextlib
import functools
import os
import sys
import time
import warnings
from collections import Counter
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
import edgeecg
from edgeecg import io, loading
from tests import models as shapes

SHAPES = ("tiny", "edge_like", "resnet_like", "basic_cnn_like", "pooled", "grouped", "plain", "saturated", "wide")
LONGEST = 30_000
"""Samples at 128 Hz of a round."""
SHORT = 3000
"""Windows up to which the reference takes part."""
CUTS = 40


def kernels() -> list[str]:
    """The instruction sets that run here, the portable one first."""
    found = []
    for name in ("scalar", "avx2", "avx-vnni", "avx512-vnni", "neon", "neon-dotprod"):
        try:
            load("nano", name)
            found.append(name)
        except edgeecg.InputError:
            continue
    return found


def load(model, isa: str) -> edgeecg.Encoder:
    """The C core with these kernels."""
    os.environ["EDGEECG_ISA"] = isa
    try:
        return edgeecg.load(model, "c")
    finally:
        del os.environ["EDGEECG_ISA"]


# ---------------------------------------------------------------- what is drawn


@functools.cache
def recordings(folder: Path) -> list[Path]:
    """The headers of the WFDB records of a folder's folders."""
    return sorted(folder.glob("*/*.hea")) if folder else []


def draw_model(rng):
    """A bundled model in a third of the rounds, for its windows take the longest."""
    if rng.random() < 0.3:
        return str(rng.choice(sorted(loading.bundled_models())))
    shape = str(rng.choice(SHAPES))
    return getattr(shapes, shape)(seed=int(rng.integers(1 << 30)))


def draw_millivolts(rng, n: int, fs: float, data: Path | None) -> tuple[str, np.ndarray]:
    """(kind, float64 samples)."""
    kind = str(rng.choice(["real", "artificial", "noise", "steps", "constant", "limits", "gaps"]))
    if kind == "real" and data and recordings(data):
        path = recordings(data)[int(rng.integers(len(recordings(data))))]
        x = np.asarray(io.read(path).samples, np.float64)
        return kind, np.resize(x / max(1.0, np.abs(x).max()) * float(rng.choice([1, 5, 500])), n)
    if kind == "noise":
        return kind, rng.normal(0, 10.0 ** rng.uniform(-5, 3), n)
    if kind == "steps":
        return kind, np.repeat(rng.uniform(-600, 600, n), rng.integers(1, 500, n))[:n]
    if kind == "constant":
        return kind, np.full(n, rng.uniform(-600, 600))
    if kind == "limits":
        ends = [524.287875, -524.287875, 0, 1e9, -1e9, 1e305, -1e305, 5e-324, 6.25e-5, -6.25e-5]
        return kind, np.repeat(rng.choice(ends, n), rng.integers(1, 90, n))[:n]
    x = shapes.ecg(n / fs + 1, fs, int(rng.integers(1 << 30)), bpm=rng.uniform(30, 220))[:n]
    if kind == "gaps":
        for at in rng.integers(0, n, 8):
            x[at : at + rng.integers(1, 3 * int(fs))] = rng.choice([np.nan, np.inf, -np.inf])
    return kind, x


def draw_samples(rng, x: np.ndarray):
    """(samples, options): floats in a unit, or an ADC's integers."""
    kind = rng.choice(["f4", "f8", "i2", "i4"])
    if kind in ("f4", "f8"):
        unit = str(rng.choice(["mV", "uV", "V"]))
        with np.errstate(over="ignore"):
            return (x * {"mV": 1, "uV": 1e3, "V": 1e-3}[unit]).astype(kind), {"unit": unit}
    info, gain = np.iinfo(kind), float(np.exp2(rng.uniform(-2, 24)))
    with np.errstate(over="ignore"):
        counts = np.clip(x * gain, info.min, info.max)
    return np.where(np.isnan(x), float(info.min), counts).astype(kind), {"gain": gain}


# ---------------------------------------------------------------- one round


def pieces_of(rng, encoder, samples, fs, options):
    """What a stream gives of the recording in random pieces, as an Analysis without starts."""
    stream, results = encoder.stream(fs=fs, nan="mask", **options), []
    for piece in np.split(samples, np.sort(rng.integers(0, len(samples) + 1, int(rng.integers(0, CUTS))))):
        results += stream.push(piece)
    results += stream.flush()
    return [np.array(list(column)) for column in zip(*(r[1:] for r in results), strict=True)]


def compare(number: int, arguments, isas) -> tuple[str, int, Counter]:
    """(kind of recording, windows, windows by engine); AssertionError where two engines differ."""
    rng = np.random.default_rng([arguments.seed, number])
    model = draw_model(rng)
    first = load(model, isas[0])
    only_128 = first.model.front.kind == 0
    fs = 128.0 if only_128 else float(rng.choice([128, 250, 360, 500, 1000, round(float(rng.uniform(50, 4000)), 3)]))
    hop = float(rng.choice([1, 1, 2, 5, 32, 128, 1280]) / 128)
    n = int(fs / 128 * rng.uniform(first.window * 128, LONGEST if fs < 1000 else LONGEST / 8)) + 10
    kind, x = draw_millivolts(rng, n, fs, arguments.data)
    samples, options = draw_samples(rng, x)
    options = {**options, "hop": hop}
    want = first.analyze(samples, fs, nan="mask", **options)
    count, engines = len(want.quality), Counter()

    def check(name, got):
        for one, two in zip(got, want[1:], strict=True):
            assert np.array_equal(one, two), f"round {number}: {name} differs ({kind}, {fs:g} Hz, {options}, {model})"
        engines[name] += count

    for isa in isas[1:]:
        check(isa, load(model, isa).analyze(samples, fs, nan="mask", **options)[1:])
    best = load(model, isas[-1])
    check("four threads", best.analyze(samples, fs, nan="mask", threads=4, **options)[1:])
    if count:
        check("stream in pieces", pieces_of(rng, best, samples, fs, options))
    check("numba", edgeecg.load(model, "numba").analyze(samples, fs, nan="mask", **options)[1:])
    if count <= SHORT:
        check("numpy", edgeecg.load(model, "numpy").analyze(samples, fs, nan="mask", **options)[1:])
    return kind, count, engines


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=5, help="how long (5)")
    parser.add_argument("--windows", type=int, default=0, help="how many windows, instead of a time")
    parser.add_argument("--data", type=Path, help="a folder of folders of WFDB records")
    parser.add_argument("--seed", type=int, default=1, help="of what is drawn (1)")
    parser.add_argument("--first", type=int, default=0, help="the number of the first round (0)")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore", edgeecg.AmplitudeWarning)
    isas, kinds, engines, number, windows = kernels(), Counter(), Counter(), arguments.first, 0
    end = float("inf") if arguments.windows else time.monotonic() + 60 * arguments.minutes
    with contextlib.suppress(KeyboardInterrupt):  # what is done is told
        while (windows < arguments.windows) if arguments.windows else (time.monotonic() < end):
            kind, count, more = compare(number, arguments, isas)
            number, windows = number + 1, windows + count
            kinds[kind] += count
            engines += more
            if number % 50 == 0:
                print(f"{number} rounds, {windows:,} windows", file=sys.stderr, flush=True)
    print(f"{number - arguments.first:,} rounds, {windows:,} windows, no difference from {isas[0]}")
    print("  by engine: ", ", ".join(f"{name} {count:,}" for name, count in engines.most_common()))
    print("  by recording: ", ", ".join(f"{name} {count:,}" for name, count in kinds.most_common()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
