"""One encoder, every runtime: a window, 256 windows, an hour. The medians are of processor time, one thread each."""

import pytest

from benchmarks.conftest import clock
from benchmarks.rotation import agreement, hidden_threads

BASIC = ("edgeecg", "edgeecg-numba", "torch", "ort-fp32", "ort-int8", "ort-export")
SLOW_TO_LOAD = ("torch-compile",)  # half a minute a shape: with the default encoder alone
PEERS = ("torch-folded", "torch-int8", "openvino-int8", "litert-int8")
WINDOWS = {"one": 1, "batch": 256, "hour": 360}
SAME_ENCODER = 0.9  # correlation with torch's embeddings; a different network has about 0
# LiteRT's own calibration loses most of a random residual network; its speed does not depend on that
LOSSY = {("litert-int8", "m2"): 0.2}


def runtimes(config, net: str, work: str) -> list[str]:
    names = list(BASIC)
    names[1:1] = [f"edgeecg-{isa}" for isa in config.getoption("--isa").split(",") if isa]
    if config.getoption("--peers"):
        names += PEERS
    if net == "edge" and work != "hour":
        names += SLOW_TO_LOAD
    return names


def pytest_generate_tests(metafunc):
    if "runtime" not in metafunc.fixturenames:
        return
    cases = []
    for net in metafunc.config.getoption("--nets").split(","):
        for work in WINDOWS if net == "edge" else ("one", "batch"):
            group = f"{net}, {work}"
            for runtime in runtimes(metafunc.config, net, work):
                marks = pytest.mark.benchmark(group=group, timer=clock)
                cases.append(pytest.param(net, work, runtime, marks=marks, id=f"{net}-{work}-{runtime}"))
    metafunc.parametrize(("net", "work", "runtime"), cases)


@pytest.fixture(scope="module")
def measured(request, rotation, net_folder, figures, peak_meter):
    """measured(net, work): every runtime in rotation, once; figures in microseconds a window."""

    def measure(net: str, work: str) -> dict:
        table = figures["inference"].setdefault(net, {})
        if work not in table:
            names, rounds = runtimes(request.config, net, work), request.config.getoption("--rounds")
            peak_meter.measure()
            results = rotation.measure(names, net_folder(net), work, rounds)
            reference = rotation.output("torch") if "error" not in results["torch"] else None
            for name, result in results.items():
                if "error" not in result:
                    result["us"] = min(result["cpu"]) * 1e6 / WINDOWS[work]
                    result["hidden_threads"] = hidden_threads(result)
                    result["agreement"] = None
                    # an hour in one piece has other borders than its windows
                    if work == "batch" and reference is not None:
                        result["agreement"] = agreement(reference, rotation.output(name))
            table[work] = results
        return table[work]

    return measure


def test_inference(net, work, runtime, measured, replay):
    result = measured(net, work)[runtime]
    if "error" in result:
        pytest.skip(f"{runtime}: {result['error']}")
    replay(result["cpu"])
    if result["agreement"] is not None:
        assert result["agreement"] > LOSSY.get((runtime, net), SAME_ENCODER), "another encoder than torch's"
    assert not result["hidden_threads"], f"{runtime} uses more than one thread"


@pytest.mark.benchmark(group="what Python adds to a call", timer=clock)
def test_call_overhead(rotation, net_folder, figures, replay, request):
    """`Encoder.embed` of one window against the C call inside it, in turns; short slices, for the
    difference is small.
    """
    rounds = 4 * request.config.getoption("--rounds")
    results = rotation.measure(["edgeecg", "core-call"], net_folder("edge"), "one", rounds, seconds=0.05)
    if failed := [r["error"] for r in results.values() if "error" in r]:
        pytest.skip(failed[0])
    call, core = (min(results[name]["cpu"]) * 1e6 for name in ("edgeecg", "core-call"))
    figures["call"] = {"embed_us": call, "core_us": core, "overhead_us": call - core}
    replay(results["edgeecg"]["cpu"])
