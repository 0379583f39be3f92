"""How long recordings take to read, and to embed, beside the reference readers: files of a day and of a million rows.

python -m benchmarks.readers
"""

import os
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np

import edgeecg
from edgeecg import io

FS, HOURS, ROWS, ROUNDS = 250, 24, 1_000_000, 7


def signal(n: int) -> np.ndarray:
    t = np.arange(n) / FS
    return np.exp(-(((t % 0.8) - 0.3) ** 2) / 0.0004) + 0.03 * np.random.default_rng(1).standard_normal(n)


def write(folder: Path) -> None:
    """A day as WFDB (formats 16 and 212) and EDF; a million rows as CSV, with decimal points and with commas."""
    import pyedflib
    import wfdb

    x = signal(FS * 3600 * HOURS)
    digits = np.round(x * 200).astype(int)[:, None]
    common = {"fs": FS, "units": ["mV"], "sig_name": ["II"], "d_signal": digits, "adc_gain": [200.0], "baseline": [0]}
    for form in ("16", "212"):
        wfdb.wrsamp(f"f{form}", fmt=[form], write_dir=str(folder), **common)
    writer = pyedflib.EdfWriter(str(folder / "day.edf"), 1)
    about = {"label": "ECG", "dimension": "mV", "sample_frequency": FS, "physical_max": 5, "physical_min": -5}
    writer.setSignalHeader(0, {**about, "digital_max": 32767, "digital_min": -32768, "transducer": "", "prefilter": ""})
    writer.writeSamples([x])
    writer.close()
    rows = [f"{i / FS:.3f},{v:.4f}\n" for i, v in enumerate(x[:ROWS].tolist())]
    (folder / "points.csv").write_text("time,ecg_mV\n" + "".join(rows))
    (folder / "commas.csv").write_text("time;ecg_mV\n" + "".join(r.replace(",", ";").replace(".", ",") for r in rows))


def seconds(work, *arguments) -> float:
    began = time.perf_counter()
    work(*arguments)
    return time.perf_counter() - began


def by_wfdb(path: Path) -> None:
    import wfdb

    wfdb.rdrecord(str(path.with_suffix("")))


def by_pyedflib(path: Path) -> None:
    import pyedflib

    reader = pyedflib.EdfReader(str(path))
    reader.readSignal(0)
    reader.close()


def main() -> None:
    encoder, threads = edgeecg.load(), len(os.sched_getaffinity(0))

    def embed(path: Path) -> None:
        encoder.analyze(io.read(path), threads=threads)

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(folder)
        print(f"{HOURS} h at {FS} Hz; medians of {ROUNDS} rounds in turns; embedding on {threads} threads\n")
        print("| file | reference reader alone, s | edgeecg reads, s | reads and embeds, s | against the reference |")
        print("|---|--:|--:|--:|--:|")
        days = (("a day as WFDB, format 16", "f16.hea", by_wfdb), ("a day as WFDB, format 212", "f212.hea", by_wfdb))
        for title, file, reference in (*days, ("a day as EDF", "day.edf", by_pyedflib)):
            rounds = [[seconds(work, folder / file) for work in (reference, io.read, embed)] for _ in range(ROUNDS)]
            a, b, c = map(statistics.median, zip(*rounds, strict=True))
            print(f"| {title} | {a:.3f} | {b:.3f} | {c:.3f} | {c / a:.2f} x |")
        print(f"\n{ROWS:,} rows of text:\n")
        for title, file in (("decimal points", "points.csv"), ("decimal commas", "commas.csv")):
            took = statistics.median(seconds(io.read, folder / file) for _ in range(ROUNDS))
            print(f"* {title}: {took:.2f} s")


if __name__ == "__main__":
    main()
