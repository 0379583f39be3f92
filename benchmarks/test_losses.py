"""The losses against torch, forward and backward, one thread:

    pytest benchmarks/test_losses.py --benchmark-only

On a machine that sets OPENBLAS_CORETYPE / OPENBLAS_L2_SIZE for other reasons, unset both for this command:

    env -u OPENBLAS_CORETYPE -u OPENBLAS_L2_SIZE pytest benchmarks/test_losses.py --benchmark-only

Eager torch, torch.compile and the kernels take turns in one process; figures are medians of processor time (wall
time for two threads). The bars are printed with the ratios but not asserted: a busy machine is not a broken kernel.
"""

import os
import shutil
import time

import pytest
import torch

from benchmarks import losses_report as report

# torch.compile uses sections of torch that warn of their own age.
pytestmark = [pytest.mark.filterwarnings(f"ignore::{kind}") for kind in ("DeprecationWarning", "FutureWarning")]

COMPILER = shutil.which("g++") or shutil.which("clang++")

# (what varies, sizes, the exponent that the mathematics gives, how to make the case)
SCALING = [
    ("Barlow Twins, N (D=4096 > N)", (128, 256, 512, 1024), 2, lambda n: ("barlow_twins", n, 4096)),
    ("Barlow Twins, D (N=512 < D)", (1024, 2048, 4096, 8192), 1, lambda d: ("barlow_twins", 512, d)),
    ("Barlow Twins, N (D=512 <= N)", (1024, 2048, 4096, 8192), 1, lambda n: ("barlow_twins", n, 512)),
    ("Barlow Twins, D (N=4096 >= D)", (256, 512, 1024, 2048), 2, lambda d: ("barlow_twins", 4096, d)),
    ("NT-Xent, N", (1024, 2048, 4096, 8192), 2, lambda n: ("nt_xent", n, 128)),
    ("NT-Xent, d (N=2048)", (64, 128, 256, 512), 1, lambda d: ("nt_xent", 2048, d)),
    ("soft nearest neighbor, N", (1024, 2048, 4096, 8192), 2, lambda n: ("soft_nearest_neighbor", n, 128)),
    ("sigmoid, N", (1024, 2048, 4096, 8192), 2, lambda n: ("sigmoid_contrastive", n, 128)),
    ("pairwise Euclidean, N", (16384, 32768, 65536, 131072), 1, lambda n: ("siamese_contrastive", n, 128)),
]
TWO_THREADS = [c for c in report.CASES if c.rows * c.width >= 256 * 2048 and c.name != "siamese_contrastive"]


class Table:
    """Collects lines and prints them when the module is done, past pytest's capture."""

    def __init__(self):
        self.main, self.scaling, self.threads = [], [], []

    def text(self):
        sections = [report.machine(), ""]
        if self.main:
            sections += [
                "| case | ours ms | eager ms | compile ms | against eager | against compile | ours MB | eager MB |",
                "|---|---|---|---|---|---|---|---|",
                *self.main,
                "",
            ]
        if self.scaling:
            sections += [
                "| cost over | sizes | ms | exponent | mathematics |",
                "|---|---|---|---|---|",
                *self.scaling,
                "",
            ]
        if self.threads:
            sections += [
                f"two threads (bar 1.7x), load of the machine {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores",
                "",
                "| case | wall, 1 thread ms | 2 threads ms | ratio | independent products, 2 threads "
                "| processor time, 1 thread ms | busier of 2 ms | ratio |",
                "|---|---|---|---|---|---|---|---|",
                *self.threads,
            ]
        return "\n".join(sections)


@pytest.fixture(scope="module")
def table(request):
    torch.set_num_threads(1)
    collected = Table()
    yield collected
    with request.config.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
        print("\n\n" + collected.text() + "\n")


def against(theirs, ours, bar):
    if theirs is None:
        return "no C++ compiler"
    return f"{theirs / ours:.1f}x (bar {bar:g}x{'' if theirs / ours >= bar else ', SHORT'})"


def milliseconds(seconds):
    return "-" if seconds is None else f"{seconds * 1e3:.3g}"


@pytest.mark.parametrize("case", TWO_THREADS, ids=lambda c: c.title.replace(" ", "-"))
def test_two_threads(benchmark, table, case):
    runners = {threads: case.ours(threads) for threads in (1, 2)}
    apart = {f"apart {threads}": report.independent_products(threads) for threads in (1, 2)}
    seconds = report.interleaved({**runners, **apart}, clock=time.perf_counter, seconds=12.0, least=5, in_a_row=2)
    benchmark.pedantic(runners[2], rounds=3, iterations=1)
    one, busier = (report.busier_thread(runners[threads]) for threads in (1, 2))
    table.threads.append(
        f"| {case.title} | {milliseconds(seconds[1])} | {milliseconds(seconds[2])} | {seconds[1] / seconds[2]:.2f}x "
        f"| {2 * seconds['apart 1'] / seconds['apart 2']:.2f}x "
        f"| {milliseconds(one)} | {milliseconds(busier)} | {one / busier:.2f}x |"
    )


@pytest.mark.parametrize("case", report.CASES, ids=lambda c: c.title.replace(" ", "-"))
def test_against_torch(benchmark, table, case):
    ours = case.ours()
    runners = {"ours": ours, "eager": case.torch(compiled=False)}
    if COMPILER:
        runners["compile"] = case.torch(compiled=True)
    values = {name: run()[0] for name, run in runners.items()}
    assert values["ours"] == pytest.approx(values["eager"], rel=1e-4)
    seconds = report.interleaved(runners)
    benchmark.pedantic(ours, rounds=1, iterations=1)
    used, theirs = report.peak_megabytes(case, "ours"), report.peak_megabytes(case, "eager")
    compiled = seconds.get("compile")
    memory = "-" if used is None else f"{used:.0f}"
    if used is not None and case.megabytes:
        memory += f" (bar {case.megabytes:g}{'' if used <= case.megabytes else ', SHORT'})"
    benchmark.extra_info.update(ratio_eager=seconds["eager"] / seconds["ours"], megabytes=used)
    table.main.append(
        f"| {case.title} "
        f"| {milliseconds(seconds['ours'])} | {milliseconds(seconds['eager'])} | {milliseconds(compiled)} "
        f"| {against(seconds['eager'], seconds['ours'], case.against_eager)} "
        f"| {against(compiled, seconds['ours'], case.against_compile)} "
        f"| {memory} | {'-' if theirs is None else f'{theirs:.0f}'} |"
    )


@pytest.mark.parametrize("title, sizes, expected, make", SCALING, ids=[s[0].replace(" ", "-") for s in SCALING])
def test_cost_grows_as_the_mathematics_says(benchmark, table, title, sizes, expected, make):
    runners = {size: report.Case(title, *make(size), 0, 0).ours() for size in sizes}
    seconds = report.interleaved(runners, seconds=4.0)
    benchmark.pedantic(runners[sizes[0]], rounds=3, iterations=1)
    fitted = report.exponent(sizes, [seconds[size] for size in sizes])
    listed = ", ".join(milliseconds(seconds[size]) for size in sizes)
    table.scaling.append(f"| {title} | {', '.join(map(str, sizes))} | {listed} | {fitted:.2f} | {expected} |")
