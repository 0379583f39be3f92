"""The tables of a run, the ratios that are tracked, and the bars that the project has set itself."""

from pathlib import Path

from benchmarks.bars import bars
from benchmarks.recordings import LENGTHS, RECORDINGS

LABELS = {
    "edgeecg": "edgeecg C",
    "edgeecg-scalar": "edgeecg C, portable",
    "edgeecg-avx2": "edgeecg C, AVX2",
    "edgeecg-avx-vnni": "edgeecg C, AVX-VNNI",
    "edgeecg-avx512-vnni": "edgeecg C, AVX-512 VNNI",
    "edgeecg-numba": "edgeecg Numba",
    "torch": "torch eager",
    "torch-folded": "torch eager, batch norm folded",
    "torch-compile": "torch.compile",
    "torch-int8": "torch int8",
    "ort-fp32": "ONNX Runtime fp32",
    "ort-int8": "ONNX Runtime int8 (U8S8)",
    "ort-export": "ONNX Runtime, our export",
    "openvino-int8": "OpenVINO int8",
    "litert-int8": "LiteRT int8",
}
WORKS = {"one": "1 window", "batch": "batch 256", "hour": "1 hour"}
NOTES = """Times are processor time of a call divided by its windows, the lowest of several medians, one thread
each, runtimes in turns. edgeecg is called from Python with a float signal: for `edge` and `basic_cnn` the front end
(resampling, baseline, scale) and the quality flags are inside its time, while the other runtimes get the prepared
network input and do less. The networks m1, m2, m3 have random weights and no front end. "Agrees" is the correlation
of the standardized embeddings of 256 windows with torch's."""
BUSY = 1.15  # wall time over processor time from which ratios are not worth keeping


def figure(value: float) -> str:
    """Three significant digits, never an exponent."""
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def table(head: list[str], rows: list[list[str]]) -> str:
    """A Markdown table whose columns also line up as plain text; the first column is text."""
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]

    def line(row):
        cells = [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        return "| " + " | ".join(cells) + " |"

    rule = "|" + "|".join(["-" * (widths[0] + 2), *("-" * (width + 1) + ":" for width in widths[1:])]) + "|"
    return "\n".join([line(head), rule, *map(line, rows)])


def net_table(works: dict) -> str:
    """Rows: runtimes; for each kind of work microseconds a window, and how many times torch eager's speed that is."""
    names = list(dict.fromkeys(name for results in works.values() for name in results))
    head = ["runtime"]
    for work in works:
        head += [f"{WORKS[work]}, µs", "x torch"]
    rows = []
    for name in names:
        row = [LABELS.get(name, name)]
        for results in works.values():
            ours, torch = results.get(name, {}), results.get("torch", {})
            row.append(figure(ours["us"]) if "us" in ours else "-")
            row.append(figure(torch["us"] / ours["us"]) if "us" in ours and "us" in torch else "-")
        known = [
            results[name]["agreement"]
            for results in works.values()
            if results.get(name, {}).get("agreement") is not None
        ]
        rows.append([*row, f"{min(known):.3f}" if known else "-"])
    return table([*head, "agrees"], rows)


def skipped(works: dict) -> list[str]:
    """Why a runtime is missing, a line each."""
    reasons = {LABELS.get(n, n): r["error"] for results in works.values() for n, r in results.items() if "error" in r}
    return [f"{name}: {reason}" for name, reason in reasons.items()]


def recording_table(recordings: dict) -> str:
    rows = []
    for name, result in recordings.items():
        label = RECORDINGS[name].label
        if "seconds" not in result:
            rows.append([label, "-", "-", "-"])
            continue
        seconds = result["wall_seconds"] if RECORDINGS[name].threads > 1 else result["seconds"]
        realtime = RECORDINGS[name].hours * 3600 / seconds
        rows.append([label, figure(seconds), figure(result["milliseconds_an_hour"]), f"{realtime:,.0f}"])
    return table(["recording (`edge`, C)", "s", "ms an hour of ECG", "x real time"], rows)


def startup_table(startup: dict) -> str:
    rows = [[name, figure(r["seconds"] * 1e3), figure(r["megabytes"])] for name, r in startup.items()]
    return table(["a fresh process", "ms", "peak MB"], rows)


def bar_table(figures: dict) -> str:
    rows = []
    for bar in bars(figures):
        sign = ">=" if bar.at_least else "<="
        rows.append(
            [
                bar.name,
                f"{sign} {bar.goal:g} {bar.unit}".strip(),
                f"{figure(bar.value)} {bar.unit}".strip(),
                bar.verdict,
            ]
        )
    return table(["bar", "goal", "measured", ""], rows)


def tables(figures: dict) -> str:
    sections = [table(["measured on", ""], [[key, str(value)] for key, value in figures["about"].items()])]
    if (busy := contention(figures)) > BUSY:
        sections.append(
            f"The machine was busy: {busy:.2f} s on the wall for each second of processor time. Shared caches then "
            "slow what "
            "needs most memory, torch eager in large batches above all."
        )
    for net, works in figures["inference"].items():
        sections.append(f"### {net}\n\n{net_table(works)}")
        sections += ["Not measured: " + "; ".join(reasons) + "." for reasons in [skipped(works)] if reasons]
    if figures["recordings"]:
        sections.append("### Whole recordings\n\n" + recording_table(figures["recordings"]))
        missing = [f"{RECORDINGS[n].label}: {r['error']}" for n, r in figures["recordings"].items() if "error" in r]
        sections += ["Not measured: " + "; ".join(missing) + "."] if missing else []
    if figures["startup"]:
        sections.append("### Start\n\n" + startup_table(figures["startup"]))
    if figures["peak"]:
        rows = [[name, figure(value)] for name, value in figures["peak"].items()]
        sections.append("### Peak of one core\n\n" + table(["instruction", "int8 GMAC/s"], rows))
    if reached := bars(figures):
        sections.append(
            f"### Bars ({sum(b.reached for b in reached)} of {len(reached)} reached)\n\n" + bar_table(figures)
        )
    return "\n\n".join(sections)


def contention(figures: dict) -> float:
    """Wall time over processor time of the one-thread runtimes, all slices together: 1 on a machine with nothing else
    to do.
    """
    wall = cpu = 0.0
    for works in figures["inference"].values():
        for results in works.values():
            for result in results.values():
                wall += sum(result.get("wall", []))
                cpu += sum(result.get("cpu", []))
    return wall / cpu if cpu else 1.0


def document(text: str, command: str, path: Path) -> str:
    """What --speed-report writes to `path`: docs/results/speed.md, for instance."""
    return (
        f"# Speed\n\nMade by the benchmarks themselves:\n\n    {command} --speed-report {path}\n\n{NOTES}\n\n{text}\n"
    )


def ratios(figures: dict) -> dict[str, float]:
    """What bench-track keeps: torch eager's time for one window over ours for each, in the same run; bigger is better.

    Of a batch or a recording too: torch's time in batches moves by a factor of two from run to run.
    """
    kept = {}
    for net, works in figures["inference"].items():
        torch = works.get("one", {}).get("torch", {})
        for work, results in works.items():
            for name in ("edgeecg", "edgeecg-scalar", "edgeecg-numba"):
                if "us" in results.get(name, {}) and "us" in torch:
                    kept[track_name(f"{net} {work} {name}", work)] = round(torch["us"] / results[name]["us"], 3)
    torch = figures["inference"].get("edge", {}).get("one", {}).get("torch", {})
    for name in (*LENGTHS, "day-hop-1", "day-360"):
        result = figures["recordings"].get(name, {})
        if "seconds" in result and "us" in torch:
            kept[track_name(f"recording {name}", name)] = round(
                torch["us"] * 1e-6 * result["windows"] / result["seconds"], 3
            )
    return kept


def track_name(title: str, work: str) -> str:
    return title if work == "one" else f"{title} / one"
