"""A process that runs one runtime: commands come as JSON lines on standard input, answers go to standard output.

    {"load": FOLDER, "work": NAME}                       -> {"ok": true} or {"error": sentence}
    {"slice": SECONDS}                                   -> {"cpu": seconds a call, "wall": seconds, "calls": n}
    {"output": PATH}                                     -> {"ok": true}, the last output saved as .npy
    {"about": true}                                      -> versions and settings

Imports NumPy and its own runtime alone, for it may run in an environment that has nothing else.
"""

import json
import os
import sys
import time
from pathlib import Path
from statistics import median

import numpy as np

STRETCH = 500e-6  # seconds between two readings of the clocks, about


def slice_of(call, seconds: float) -> dict:
    """Calls for `seconds`, at least once. Medians: processor time of the whole process, and the clock on the wall.

    The processor time is the figure, because on a busy machine the wall clock also counts other programs. Where the
    wall time is clearly shorter, the runtime has used more than its one thread. Several short calls are timed at once,
    as timeit does: reading the clocks takes half a microsecond.
    """
    start = time.perf_counter()
    call()
    at_once = range(max(1, round(STRETCH / (time.perf_counter() - start))))
    cpu, wall, end = [], [], time.perf_counter() + seconds
    while not cpu or time.perf_counter() < end:
        start, begin = time.perf_counter_ns(), time.process_time_ns()
        for _ in at_once:
            call()
        cpu.append((time.process_time_ns() - begin) / len(at_once))
        wall.append((time.perf_counter_ns() - start) / len(at_once))
    return {"cpu": median(cpu) * 1e-9, "wall": median(wall) * 1e-9, "calls": len(cpu) * len(at_once)}


class Worker:
    def __init__(self, name: str):
        from benchmarks.runtimes import RUNTIMES

        self.runtime = RUNTIMES[name]()
        self.call = None

    def answer(self, message: dict) -> dict:
        if "load" in message:
            self.call = self.runtime.load(Path(message["load"]), message["work"])
            self.call()
            return {"ok": True}
        if "slice" in message:
            return slice_of(self.call, message["slice"])
        if "output" in message:
            np.save(message["output"], np.asarray(self.call()))
            return {"ok": True}
        return {"about": self.runtime.about()}


def main(name: str) -> None:
    """Answers until the input ends. Whatever libraries print goes to standard error: the answers own the output."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    worker = None
    for line in sys.stdin:
        try:
            worker = worker or Worker(name)
            answer = worker.answer(json.loads(line))
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"[:200]}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
