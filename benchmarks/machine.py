"""What the figures were measured on."""

import json
import os
import platform
import shutil
import subprocess
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
FLAGS = ("avx2", "avx_vnni", "avx512_vnni", "amx_int8", "asimd", "asimddp")


def processor() -> str:
    """Its name and the instruction sets that matter here."""
    known = {}
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            key, _, value = (part.strip() for part in line.partition(":"))
            known.setdefault(key, value)
    except OSError:
        pass
    name = known.get("model name") or platform.processor() or platform.machine()
    if "cpu family" in known:
        name += f", family {known['cpu family']} model {known.get('model', '?')}"
    flags = set((known.get("flags") or known.get("Features") or "").split())
    return f"{name} ({', '.join(f for f in FLAGS if f in flags) or 'no known vector extension'})"


def commit() -> str:
    """The commit of the checkout, with + where files of the engines differ from it; "unknown" outside a repository."""
    run = {"cwd": HERE.parent, "capture_output": True, "text": True}
    try:
        name = subprocess.run(["git", "rev-parse", "--short=10", "HEAD"], check=True, **run).stdout.strip()
        changed = subprocess.run(
            ["git", "status", "--porcelain", "--", "csrc", "edgeecg", "setup.py"],
            **run,
            check=False,
        ).stdout.strip()
        return name + ("+" if changed else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def blas() -> str:
    """NumPy's BLAS and the kernel it has chosen."""
    import numpy

    details = numpy.show_config(mode="dicts")["Build Dependencies"]["blas"]
    try:
        import threadpoolctl

        kernel = ", ".join(
            sorted({p.get("architecture", "?") for p in threadpoolctl.threadpool_info() if p["user_api"] == "blas"})
        )
    except ImportError:
        kernel = "kernel unknown"
    return f"{details['name']} {details['version']} ({kernel})"


def about() -> dict[str, str]:
    return {
        "processor": processor(),
        "cores": str(os.cpu_count()),
        "system": f"{platform.system()} {platform.release()}, Python {platform.python_version()}",
        "numpy's BLAS": blas(),
        "commit": commit(),
    }


class PeakMeter:
    """The int8 multiply-accumulate peak of one core, by benchmarks/int8_peak.c; empty where no compiler is."""

    def __init__(self):
        self.peaks: dict[str, float] = {}
        self.folder = tempfile.TemporaryDirectory()
        self.program = Path(self.folder.name, "int8_peak")
        compiler = next(filter(None, map(shutil.which, ("cc", "gcc", "clang"))), None)
        if compiler:
            subprocess.run([compiler, "-O2", "-std=gnu11", HERE / "int8_peak.c", "-o", self.program], check=True)

    def measure(self) -> dict[str, float]:
        """{instruction: GMAC/s}, the highest seen so far."""
        if self.program.exists():
            lines = subprocess.run([self.program], capture_output=True, text=True, check=True).stdout.splitlines()
            for line in map(json.loads, lines):
                self.peaks[line["instruction"]] = max(self.peaks.get(line["instruction"], 0.0), line["gmacs"])
        return self.peaks

    def close(self) -> None:
        self.folder.cleanup()
