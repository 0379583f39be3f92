"""From nothing to the first embedding: time and memory of a fresh process, against importing NumPy alone."""

import json
import os
import subprocess
import sys
from statistics import median

import pytest

from benchmarks.conftest import clock
from benchmarks.rotation import ONE_THREAD, ROOT

TELL = """
import json, resource
usage = resource.getrusage(resource.RUSAGE_SELF)
peak = next(int(l.split()[1]) for l in open("/proc/self/status") if l.startswith("VmHWM"))
print(json.dumps({"cpu": usage.ru_utime + usage.ru_stime, "kilobytes": peak}))
"""
PROGRAMS = {
    "numpy": "import numpy; numpy.zeros(1280, 'float32')",
    "edgeecg": "import numpy, edgeecg; edgeecg.embed(numpy.zeros(1280, 'float32'))",
    "edgeecg-import": "import edgeecg",
    "onnxruntime": (
        "import sys, numpy, onnxruntime; s = onnxruntime.InferenceSession(sys.argv[2]);"
        "s.run(None, {'x': numpy.zeros((1, 1, 1280), 'float32')})"
    ),
    "torch": (
        "import sys, numpy, torch; from benchmarks.runtimes import Torch; from pathlib import Path;"
        "Torch().load(Path(sys.argv[3]), 'one')()"
    ),
}
ROUNDS = {"torch": 2, "onnxruntime": 5}


def start(program: str, folder) -> dict:
    """Runs it in a fresh interpreter: processor seconds from start to end, and the peak of resident memory.

    Bytecode is kept, as it is by whoever installs a package.
    """
    command = [sys.executable, "-c", program + TELL, folder / "model.eecg", folder / "int8.onnx", folder]
    environment = {**os.environ, **ONE_THREAD, "PYTHONPYCACHEPREFIX": str(ROOT / ".cache" / "bytecode")}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def started(net_folder, figures):
    """{program: {"cpu": [...], "kilobytes": [...]}}, the programs in turns."""
    if not os.path.exists("/proc/self/status"):
        pytest.skip("peak memory is read from /proc")
    folder, results = net_folder("edge"), {name: {"cpu": [], "kilobytes": []} for name in PROGRAMS}
    for turn in range(12):
        for name, program in PROGRAMS.items():
            if turn < ROUNDS.get(name, 12):
                for key, value in start(program, folder).items():
                    results[name][key].append(value)
    for name, result in results.items():
        figures["startup"][name] = {"seconds": min(result["cpu"]), "megabytes": median(result["kilobytes"]) / 1024}
    return results


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(n, id=n, marks=pytest.mark.benchmark(group="start to first embedding", timer=clock))
        for n in PROGRAMS
    ],
)
def test_startup(name, started, replay):
    replay(started[name]["cpu"])
