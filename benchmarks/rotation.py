"""Runtimes in turns: a process each, one thread each, a slice of time each, round after round."""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENTS = {"openvino-int8": "bench-openvino", "litert-int8": "bench-litert"}
ONE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS", "TBB_NUM_THREADS"), "1"
)
HIDDEN_THREADS = 0.8  # wall time over processor time, below which more than one thread has worked


def python_of(runtime: str) -> Path:
    """The interpreter of the environment that a runtime lives in."""
    if runtime not in ENVIRONMENTS:
        return Path(sys.executable)
    return ROOT / ".cache" / ENVIRONMENTS[runtime] / "bin" / "python"


class Process:
    """One runtime. Started when first asked; whatever goes wrong in it is an answer with `error`."""

    def __init__(self, runtime: str):
        self.runtime, self.process = runtime, None
        self.log = tempfile.TemporaryFile("w+")  # noqa: SIM115 (open as long as the process lives)

    def start(self) -> None:
        environment = {**os.environ, **ONE_THREAD, "TF_CPP_MIN_LOG_LEVEL": "3"}
        environment.pop("EDGEECG_ISA", None)
        kind, _, isa = self.runtime.partition("-")
        if kind == "edgeecg" and isa not in ("", "numba"):
            environment["EDGEECG_ISA"] = isa
        command = [python_of(self.runtime), "-m", "benchmarks.worker", self.runtime]
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.log,
            text=True,
            cwd=ROOT,
            env=environment,
        )

    def ask(self, **message) -> dict:
        if not python_of(self.runtime).exists():
            return {"error": "not installed: make bench-peers"}
        if self.process is None:
            self.start()
        self.send(**message)
        return self.receive()

    def send(self, **message) -> None:
        with contextlib.suppress(OSError):  # the answer says it
            self.process.stdin.write(json.dumps(message) + "\n")
            self.process.stdin.flush()

    def receive(self) -> dict:
        try:
            return json.loads(self.process.stdout.readline())
        except (OSError, ValueError):
            status = self.stop()
            self.log.seek(0)
            said = self.log.read().split("\n")[-2:-1]
            return {"error": f"the process ended with status {status}: {' '.join(said)}"[:200]}

    def stop(self) -> int:
        """Ends the process, which a new question would start again."""
        process, self.process = self.process, None
        with contextlib.suppress(OSError):
            process.stdin.close()
        process.stdout.close()
        return process.wait(timeout=60)

    def close(self) -> None:
        if self.process is not None:
            self.stop()
        self.log.close()


def load(processes: dict[str, Process], folder: Path, work: dict[str, str]) -> dict[str, dict]:
    """The results so far: empty, or why there are none."""
    answers = {name: process.ask(load=str(folder), work=work[name]) for name, process in processes.items()}
    return {name: {"error": a["error"]} if "error" in a else {"cpu": [], "wall": []} for name, a in answers.items()}


def take_turns(processes: dict[str, Process], results: dict[str, dict], seconds: float) -> None:
    """One slice more of each that has not failed."""
    for name, process in processes.items():
        if "error" in results[name]:
            continue
        answer = process.ask(slice=seconds)
        if "error" in answer:
            results[name] = {"error": answer["error"]}
            continue
        for clock in ("cpu", "wall"):
            results[name][clock].append(answer[clock])


class Rotation:
    """The processes of a session and what they measured."""

    def __init__(self):
        self.processes: dict[str, Process] = {}
        self.about: dict[str, str] = {}

    def process(self, runtime: str) -> Process:
        if runtime not in self.processes:
            self.processes[runtime] = Process(runtime)
        return self.processes[runtime]

    def measure(self, runtimes, folder: Path, work: str, rounds: int, seconds: float = 0.15) -> dict[str, dict]:
        """For each runtime {"cpu": [seconds a call, one a slice], "wall": [...]} or {"error": sentence}."""
        processes = {runtime: self.process(runtime) for runtime in runtimes}
        results = load(processes, folder, dict.fromkeys(processes, work))
        for _ in range(rounds):
            take_turns(processes, results, seconds)
        for runtime in runtimes:
            self.learn(processes[runtime], results[runtime])
        return results

    def measure_works(
        self, runtime: str, folder: Path, works, rounds: int, twice: str, seconds: float = 0.15
    ) -> dict[str, dict]:
        """The same for each work of one runtime, in a process of its own. `twice`: what two processes at once take for
        that work is its "wall_of_two"; nothing is shared but the machine.
        """
        processes = {work: Process(runtime) for work in works}
        pair = {twice: processes[twice], "another": Process(runtime)}
        results = load({**processes, **pair}, folder, {**{work: work for work in works}, "another": twice})
        another = results.pop("another")
        for _ in range(rounds):
            take_turns(processes, results, seconds)
            if "error" not in another and "error" not in results[twice]:
                for process in pair.values():
                    process.send(slice=4 * seconds)  # long, so that they begin and end together
                answers = [process.receive() for process in pair.values()]
                results[twice].setdefault("wall_of_two", []).append(
                    max(answer.get("wall", np.inf) for answer in answers)
                )
        for work, process in processes.items():
            self.learn(process, results[work])
        for process in {*processes.values(), *pair.values()}:
            process.close()
        return results

    def learn(self, process: Process, result: dict) -> None:
        if "error" not in result:
            self.about.update(process.ask(about=True).get("about", {}))

    def output(self, runtime: str) -> np.ndarray:
        """What the runtime last computed."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "output.npy")
            answer = self.process(runtime).ask(output=str(path))
            if "error" in answer:
                raise RuntimeError(f"{runtime}: {answer['error']}")
            return np.load(path)

    def close(self) -> None:
        for process in self.processes.values():
            process.close()


def hidden_threads(result: dict) -> bool:
    return min(result["wall"]) < HIDDEN_THREADS * min(result["cpu"])


def agreement(a: np.ndarray, b: np.ndarray) -> float:
    """Correlation of two (n, dim) embeddings, each dimension standardized: 1 for the same encoder, near
    0 for another.
    """
    a, b = (
        (v - v.mean(0)) / np.maximum(v.std(0), 1e-9)
        for v in (a.astype(np.float64), b.reshape(a.shape).astype(np.float64))
    )
    return float((a * b).mean())
