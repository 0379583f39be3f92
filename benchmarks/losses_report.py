"""Torch's losses, an interleaved timer, a memory gauge and the tables: what benchmarks/test_losses.py is made of."""

import json
import os
import platform
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from edgeecg import losses
from edgeecg.losses._threads import Team

ROOT = Path(__file__).resolve().parent.parent


def barlow_twins(z1, z2):
    n, d = z1.shape
    u1, u2 = (F.batch_norm(z, None, None, training=True) for z in (z1, z2))
    c = u1.T @ u2 / n
    off = c.flatten()[:-1].view(d - 1, d + 1)[:, 1:]
    return (torch.diagonal(c) - 1).pow(2).sum() + 0.0051 * off.pow(2).sum()


def nt_xent(z1, z2):
    n = len(z1)
    z = F.normalize(torch.cat([z1, z2]), dim=1)
    s = (z @ z.T / 0.5).masked_fill(torch.eye(2 * n, dtype=torch.bool), float("-inf"))
    return F.cross_entropy(s, torch.arange(2 * n).roll(n))


def soft_nearest_neighbor(z1, labels):
    square = z1.pow(2).sum(1)
    s = 2 * z1 @ z1.T - square[:, None] - square[None, :]
    s = s.masked_fill(torch.eye(len(z1), dtype=torch.bool), float("-inf"))
    same = s.masked_fill(labels[:, None] != labels[None, :], float("-inf"))
    return (torch.logsumexp(s, 1) - torch.logsumexp(same, 1)).mean()


def sigmoid_contrastive(z1, z2):
    x = F.normalize(z1, dim=1) @ F.normalize(z2, dim=1).T / 0.1 - 10.0
    sign = 2 * torch.eye(len(z1)) - 1
    return -F.logsigmoid(sign * x).sum() / len(z1)


def siamese_contrastive(z1, z2, labels):
    d = F.pairwise_distance(z1, z2, eps=0.0)
    return ((1 - labels) * d.pow(2) + labels * torch.clamp(16.0 - d, min=0).pow(2)).mean()


@dataclass(frozen=True)
class Case:
    """One row of the table: rows are those handed over (NT-Xent's 2N is twice that); bars are ratios and MB."""

    title: str
    name: str
    rows: int
    width: int
    against_eager: float
    against_compile: float
    megabytes: float | None = None

    def arrays(self):
        rng = np.random.default_rng(0)
        z1 = rng.standard_normal((self.rows, self.width), dtype=np.float32)
        if self.name == "soft_nearest_neighbor":
            # distances near the temperature, so that both sums have many terms
            return [z1 / np.float32(np.sqrt(self.width))]
        return [z1, z1 + rng.standard_normal((self.rows, self.width), dtype=np.float32)]

    def labels(self):
        if self.name == "soft_nearest_neighbor":
            return {"labels": np.arange(self.rows) % 64}
        return {"different": np.arange(self.rows) % 2} if self.name == "siamese_contrastive" else {}

    def ours(self, threads=1):
        arrays, labels, kernel = self.arrays(), self.labels(), getattr(losses, self.name)
        if self.name == "siamese_contrastive":
            labels["margin"] = 16.0
        return lambda: kernel(*arrays, **labels, threads=threads)

    def torch(self, compiled):
        leaves = [torch.tensor(z, requires_grad=True) for z in self.arrays()]
        labels = [torch.tensor(y) for y in self.labels().values()]
        if self.name == "siamese_contrastive":
            labels = [y.float() for y in labels]
        loss = globals()[self.name]
        if compiled:
            loss = torch.compile(loss, dynamic=False)

        def step():
            value = loss(*leaves, *labels)
            return value.item(), torch.autograd.grad(value, leaves)

        return step


CASES = [
    Case("Barlow Twins N=256, D=2048", "barlow_twins", 256, 2048, 6, 5, 32),
    Case("Barlow Twins N=256, D=8192", "barlow_twins", 256, 8192, 20, 15, 96),
    Case("Barlow Twins N=1024, D=8192", "barlow_twins", 1024, 8192, 9, 7, 320),
    Case("NT-Xent 2N=512, d=128", "nt_xent", 256, 128, 1.5, 2),
    Case("NT-Xent 2N=4096, d=128", "nt_xent", 2048, 128, 4, 2.7, 32),
    Case("NT-Xent 2N=16384, d=128", "nt_xent", 8192, 128, 4, 2.8, 96),
    Case("soft nearest neighbor N=4096, d=128", "soft_nearest_neighbor", 4096, 128, 8, 3.5, 32),
    Case("sigmoid N=4096, d=128", "sigmoid_contrastive", 4096, 128, 5, 3, 32),
    Case("pairwise Euclidean 4096x128", "siamese_contrastive", 4096, 128, 3, 1),
]


def interleaved(runners, clock=time.process_time, seconds=10.0, least=3, most=60, in_a_row=1):
    """Median seconds of each runner; they take turns, so that a busy moment of the machine affects all of them.

    The clock is processor time: on one thread it is the wall's, less what other programs took away. A turn is so many
    calls `in_a_row`, of which the last is timed: a core that slept through another runner's turn begins with empty
    caches.
    """
    for run in runners.values():
        run()
    times = {name: [] for name in runners}
    end = clock() + seconds
    for turn in range(most):
        if turn >= least and clock() > end:
            break
        for name, run in runners.items():
            for _ in range(in_a_row - 1):
                run()
            start = clock()
            run()
            times[name].append(clock() - start)
    return {name: statistics.median(values) for name, values in times.items()}


def independent_products(threads, count=60, size=192):
    """A call in which each of the threads makes products of its own matrices, for some milliseconds.

    Nothing is shared but the machine: what two of them gain over one is what its cores give at that moment.
    """
    factors = np.random.default_rng(0).standard_normal((threads, size, size), dtype=np.float32)

    def multiply(worker):
        out = np.empty_like(factors[worker])
        for _ in range(count):
            np.matmul(factors[worker], factors[worker], out=out)

    def call():
        with Team(threads) as team:
            team.run(multiply)

    return call


def busier_thread(run, rounds=7):
    """Median processor seconds of the busier of the two threads of a call.

    What the wall would show if each thread had a core to itself; on a machine with other work the wall cannot.
    """
    busier = []
    for _ in range(rounds):
        whole, own = time.process_time(), time.thread_time()
        run()
        whole, own = time.process_time() - whole, time.thread_time() - own
        busier.append(max(own, whole - own))
    return statistics.median(busier)


_GAUGE = """
import json, sys
from benchmarks.losses_report import CASES, status_kb
import torch
torch.set_num_threads(1)
case, mine = CASES[int(sys.argv[1])], sys.argv[2] == "ours"
small = type(case)(case.title, case.name, 8, 8, 0, 0)
(small.ours() if mine else small.torch(False))()  # compiled and warm before the gauge starts
run = case.ours() if mine else case.torch(False)
open("/proc/self/clear_refs", "w").write("5")  # the high-water mark starts anew
before = status_kb("VmRSS")
result = run()
print(json.dumps((status_kb("VmHWM") - before) / 1000))
"""


def status_kb(field):
    """A line of the kernel's account of this process, in kB."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) * 1.024
    raise KeyError(field)


def peak_megabytes(case, who):
    """High-water mark of resident memory above what inputs and libraries held, gradients included; a fresh process."""
    if not os.path.exists("/proc/self/clear_refs"):
        return None
    done = subprocess.run(
        [sys.executable, "-c", _GAUGE, str(CASES.index(case)), who],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    return json.loads(done.stdout)


def machine():
    """What ran: processor, versions and the BLAS kernel that NumPy chose."""
    import numba
    from threadpoolctl import threadpool_info

    blas = [i for i in threadpool_info() if i["user_api"] == "blas" and "numpy" in i["filepath"]]
    kernel = ", ".join(f"{i['internal_api']} {i['version']} {i.get('architecture', '?')}" for i in blas) or "unknown"
    cpu = platform.processor() or platform.machine()
    if os.path.exists("/proc/cpuinfo"):
        fields = dict(line.split(":", 1) for line in Path("/proc/cpuinfo").read_text().splitlines() if ":" in line)
        fields = {key.strip(): value.strip() for key, value in fields.items()}
        cpu = f"{fields.get('model name', cpu)} (family {fields.get('cpu family')}, model {fields.get('model')})"
    forced = [name for name in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE") if name in os.environ]
    return (
        f"processor: {cpu}, {os.cpu_count()} cores, one thread used where not said otherwise\n"
        f"BLAS of NumPy: {kernel}" + (f" (FORCED by {', '.join(forced)})" if forced else "") + "\n"
        f"python {platform.python_version()}, numpy {np.__version__}, numba {numba.__version__}, "
        f"torch {torch.__version__}"
    )


def exponent(sizes, seconds):
    """Slope of log time over log size."""
    return float(np.polyfit(np.log(sizes), np.log(seconds), 1)[0])
