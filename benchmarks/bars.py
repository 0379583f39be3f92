"""What the C core must reach, as ratios within one run where a peer is involved."""

from dataclasses import dataclass

from benchmarks.recordings import LENGTHS

PEERS = ("litert-int8", "openvino-int8", "ort-int8", "torch-int8")
PEER_BARS = {"one": {"m1": 2.5, "m2": 1.1, "m3": 1.2}, "batch": {"m1": 1.45, "m2": 1.0, "m3": 1.1}}
PEAK_BARS = {"m1": 45, "m2": 88, "m3": 78}  # percent, batch 256
MACS = {"m1": 1_697_024, "m2": 89_632_768, "m3": 27_828_224}
INSTRUCTION = {"avx512-vnni": "vpdpbusd zmm", "avx-vnni": "vpdpbusd ymm", "avx2": "vpmaddwd ymm"}


@dataclass(frozen=True)
class Bar:
    name: str
    value: float
    goal: float
    unit: str = ""
    at_least: bool = True

    @property
    def reached(self) -> bool:
        return self.value >= self.goal if self.at_least else self.value <= self.goal

    @property
    def verdict(self) -> str:
        return "reached" if self.reached else "short"


def bars(figures: dict) -> list[Bar]:
    """Those that this run can judge."""
    return [
        *against_peers(figures),
        *share_of_peak(figures),
        *against_torch(figures),
        *recordings(figures),
        *process(figures),
    ]


def us(figures: dict, net: str, work: str, runtime: str) -> float | None:
    return figures["inference"].get(net, {}).get(work, {}).get(runtime, {}).get("us")


def against_peers(figures: dict):
    for work, goals in PEER_BARS.items():
        for net, goal in goals.items():
            ours = us(figures, net, work, "edgeecg")
            peers = {peer: t for peer in PEERS if (t := us(figures, net, work, peer))}
            if ours and len(peers) > 1:
                fastest = min(peers, key=peers.get)
                yield Bar(
                    f"{net}, {work}: against {fastest}, the fastest of {len(peers)} peers",
                    peers[fastest] / ours,
                    goal,
                    "x",
                )


def share_of_peak(figures: dict):
    peak = figures["peak"].get(INSTRUCTION.get(figures["about"].get("kernels"), ""))
    for net, goal in PEAK_BARS.items():
        if peak and (ours := us(figures, net, "batch", "edgeecg")):
            yield Bar(f"{net}, batch: share of the int8 peak", 100 * MACS[net] / ours / 1e3 / peak, goal, "%")


def against_torch(figures: dict):
    for work, goal in (("one", 40), ("batch", 8)):
        ours, torch = us(figures, "edge", work, "edgeecg"), us(figures, "edge", work, "torch")
        if ours and torch:
            yield Bar(f"edge, {work}: against torch eager", torch / ours, goal, "x")
    portable, torch = us(figures, "edge", "one", "edgeecg-scalar"), us(figures, "edge", "one", "torch")
    if portable and torch:
        yield Bar("edge, one: portable C against torch eager", torch / portable, 1, "x")
    numba, portable = (us(figures, "edge", "batch", name) for name in ("edgeecg-numba", "edgeecg-scalar"))
    if numba and portable:
        yield Bar("edge, batch: Numba's time over portable C's", numba / portable, 6, "x", at_least=False)


def recordings(figures: dict):
    known = {name: r for name, r in figures["recordings"].items() if "seconds" in r}
    for name, goal in (("day", 0.15), ("day-hop-1", 0.35), ("day-360", 0.5)):
        if name in known:
            yield Bar(known[name]["label"], known[name]["seconds"], goal, "s", at_least=False)
    peers = [t for peer in ("ort-int8", *PEERS) if (t := us(figures, "edge", "batch", peer))]
    if peers and "day-hop-1" in known:
        recomputing = min(peers) * 1e-6 * known["day-hop-1"]["windows"]
        yield Bar(
            "hop 1 s against the fastest peer that recomputes windows",
            recomputing / known["day-hop-1"]["seconds"],
            8,
            "x",
        )
    if "day" in known and "day-2-threads" in known:
        one, two = (known[name]["wall_seconds"] for name in ("day", "day-2-threads"))
        two_processes = (
            f" (two processes at once: {2 * one / min(pair):.2f} x)"
            if (pair := known["day"].get("wall_of_two"))
            else ""
        )
        yield Bar(f"24 h on 2 threads against 1{two_processes}", one / two, 1.85, "x")
    prices = [known[name]["milliseconds_an_hour"] for name in LENGTHS if name in known]
    if len(prices) > 1:
        spread = 100 * (max(prices) / min(prices) - 1)
        yield Bar("price of an hour of ECG, 1 minute to 7 days: spread", spread, 10, "%", at_least=False)


def process(figures: dict):
    start = figures["startup"]
    if {"numpy", "edgeecg", "edgeecg-import"} <= set(start):
        more = (start["edgeecg"]["seconds"] - start["numpy"]["seconds"]) * 1e3
        yield Bar("process start to first embedding, more than numpy alone", more, 10, "ms", at_least=False)
        yield Bar(
            "peak memory, more than numpy alone",
            start["edgeecg"]["megabytes"] - start["numpy"]["megabytes"],
            8,
            "MB",
            at_least=False,
        )
        ratio = start["edgeecg-import"]["seconds"] / start["numpy"]["seconds"]
        yield Bar("process that imports edgeecg against one that imports numpy", ratio, 1.3, "x", at_least=False)
    if "call" in figures:
        yield Bar("Python's part of a call of embed", figures["call"]["overhead_us"], 2, "µs", at_least=False)
