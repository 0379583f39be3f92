"""Options and fixtures of the speed benchmarks, and the tables behind the run."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import machine, report
from benchmarks.rotation import ROOT, Rotation
from edgeecg.model import write_atomically

FIGURES = pytest.StashKey[dict]()


def pytest_addoption(parser):
    group = parser.getgroup("edgeecg speed")
    group.addoption(
        "--peers", action="store_true", help="also LiteRT, OpenVINO and torch int8 (make bench-peers installs them)"
    )
    group.addoption(
        "--isa", default="scalar", help="instruction sets of the C core besides the best, comma separated (scalar)"
    )
    group.addoption("--nets", default="edge,basic_cnn,m1,m2,m3", help="networks to compare, comma separated")
    group.addoption(
        "--rounds", type=int, default=4, help="slices of 0.15 s for each runtime; the lowest median counts (4)"
    )
    group.addoption("--speed-report", type=Path, metavar="PATH", help="write the tables as Markdown")
    group.addoption("--speed-json", type=Path, metavar="PATH", help="write the figures as JSON")


def pytest_configure(config):
    config.stash[FIGURES] = {"inference": {}, "recordings": {}, "startup": {}, "peak": {}, "about": {}}


@pytest.fixture(scope="session")
def figures(request) -> dict:
    """What the run has measured so far: the tables are made of it."""
    return request.config.stash[FIGURES]


@pytest.fixture(scope="session")
def rotation(figures):
    """The runtimes' processes; they end with the session."""
    processes = Rotation()
    yield processes
    if figures["inference"] or figures["recordings"]:
        figures["about"] = {**machine.about(), **processes.about}
    processes.close()


@pytest.fixture(scope="session")
def net_folder():
    """net_folder(name): the files of a network, built by a process of its own."""

    def build(name: str) -> Path:
        command = [sys.executable, "-W", "ignore", "-m", "benchmarks.nets", name]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.fail(f"the network {name} could not be built: {done.stderr.strip().splitlines()[-1]}")
        return Path(done.stdout.splitlines()[-1])

    return build


@pytest.fixture(scope="session")
def peak_meter(figures):
    meter = machine.PeakMeter()
    yield meter
    figures["peak"] = meter.peaks
    meter.close()


class Replay:
    """A clock that pytest-benchmark reads: it goes on by what was measured, so that its table shows those figures."""

    def __init__(self, seconds: list[float]):
        self.now, self.left = 0.0, list(seconds)

    def step(self) -> None:
        self.now += self.left.pop(0)


CLOCK = Replay([])


def clock() -> float:
    return CLOCK.now


@pytest.fixture
def replay(benchmark):
    """replay(seconds): the slices' medians become the rounds of this test in pytest-benchmark's table."""

    def play(seconds: list[float]) -> None:
        CLOCK.left.extend(seconds)
        benchmark.pedantic(CLOCK.step, rounds=len(seconds), iterations=1)

    return play


def pytest_terminal_summary(terminalreporter, config):
    figures = config.stash[FIGURES]
    if not figures["about"]:
        return
    text = report.tables(figures)
    terminalreporter.section("speed")
    terminalreporter.write_line(text)
    if path := config.getoption("--speed-report"):
        save(path, report.document(text, command_line(config), path))
    if path := config.getoption("--speed-json"):
        save(
            path,
            json.dumps(
                {**figures, "ratios": report.ratios(figures), "contention": report.contention(figures)}, indent=1
            )
            + "\n",
        )


def command_line(config) -> str:
    """The run's command without where its figures go."""
    kept, arguments = ["pytest"], iter(str(a) for a in config.invocation_params.args)
    for argument in arguments:
        if argument in ("--speed-report", "--speed-json"):
            next(arguments, None)
        elif not argument.startswith(("--speed-", "-q")):
            kept.append(argument)
    return " ".join(kept)


def save(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, text.encode())
