"""Speed over time: `python -m benchmarks.track RUN.json` adds a run's ratios to the history and draws it.

The history is JSON lines: commit, processor, versions, ratios to torch eager's time for one window (bigger is better;
entries up to commit dc71f6b5ab compare batches and recordings with torch's batches, under names without "/ one"). Ends
with status 1 when a ratio is more than 15 % below the best that the same processor with the same torch has kept. A run
on a busy machine is not kept (status 2): shared caches slow each runtime by a factor of its own.
"""

import argparse
import datetime
import io
import json
import sys
from pathlib import Path

from benchmarks.report import BUSY
from edgeecg.model import write_atomically

FALL = 0.15
HISTORY = Path(__file__).resolve().parent.parent / "docs" / "results" / "speed_history.jsonl"
DRAWN = (
    "edge one edgeecg",
    "edge batch edgeecg / one",
    "edge one edgeecg-scalar",
    "m1 one edgeecg",
    "m2 one edgeecg",
    "m3 one edgeecg",
    "recording day / one",
    "recording day-hop-1 / one",
)


def entry(run: dict, today: str) -> dict:
    about = run["about"]
    versions = {name: about[name] for name in ("torch", "numpy", "numba", "onnxruntime", "kernels") if name in about}
    return {
        "date": today,
        "commit": about["commit"],
        "processor": about["processor"],
        "versions": versions,
        "ratios": run["ratios"],
    }


def read(path: Path) -> list[dict]:
    """The entries kept so far, oldest first."""
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text().splitlines() if line.strip()]


def comparable(a: dict, b: dict) -> bool:
    """Ratios are to torch: another torch, another scale."""
    return a["processor"] == b["processor"] and a["versions"].get("torch") == b["versions"].get("torch")


def fallen(history: list[dict], new: dict) -> list[str]:
    """A sentence for each ratio of `new` that fell too far below its best."""
    sentences = []
    for name, value in new["ratios"].items():
        kept = [
            (old["ratios"][name], old["commit"]) for old in history if comparable(old, new) and name in old["ratios"]
        ]
        best, commit = max(kept, default=(0, ""))
        if value < (1 - FALL) * best:
            sentences.append(
                f"{name}: {value:g} times torch, {100 * (1 - value / best):.0f} % below the {best:g} of commit {commit}"
            )
    return sentences


def draw(history: list[dict], path: Path) -> None:
    """Ratios over the entries of the newest one's processor; one line a ratio, logarithmic."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    same = [e for e in history if comparable(e, history[-1])]
    figure, axes = plt.subplots(figsize=(9, 4.5), layout="constrained")
    for name in DRAWN:
        points = [(i, e["ratios"][name]) for i, e in enumerate(same) if name in e["ratios"]]
        if points:
            axes.plot(*zip(*points, strict=True), marker="o", markersize=4, label=name)
    axes.set(
        yscale="log",
        ylabel="times torch eager's speed",
        title=f"{same[-1]['processor']}, torch {same[-1]['versions'].get('torch')}",
    )
    axes.set_xticks(
        range(len(same)), [f"{e['commit']}\n{e['date']}" for e in same], rotation=45, ha="right", fontsize=7
    )
    axes.grid(True, which="both", alpha=0.25)
    axes.legend(fontsize=7, loc="center left", bbox_to_anchor=(1, 0.5))
    picture = io.BytesIO()
    figure.savefig(picture, format="png", dpi=110)
    plt.close(figure)
    write_atomically(path, picture.getvalue())


def main(arguments=None) -> int:
    parser = argparse.ArgumentParser(description="Add a run of the speed benchmarks to the history.")
    parser.add_argument("run", type=Path, help="what pytest benchmarks --speed-json wrote")
    parser.add_argument("--history", type=Path, default=HISTORY)
    args = parser.parse_args(arguments)
    run = json.loads(args.run.read_text())
    if not run["ratios"]:
        print("track: this run has no ratios to torch eager", file=sys.stderr)
        return 2
    if run["contention"] > BUSY:
        print(
            f"track: the machine was busy ({run['contention']:.2f} s on the wall a second of processor time); try "
            "again",
            file=sys.stderr,
        )
        return 2
    new, history = entry(run, datetime.date.today().isoformat()), read(args.history)
    sentences = fallen(history, new)
    args.history.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(args.history, "".join(json.dumps(e) + "\n" for e in [*history, new]).encode())
    draw([*history, new], args.history.with_suffix(".png"))
    print(f"track: {len(new['ratios'])} ratios of commit {new['commit']} added to {args.history}")
    for sentence in sentences:
        print(f"track: slower than before: {sentence}", file=sys.stderr)
    return int(bool(sentences))


if __name__ == "__main__":
    raise SystemExit(main())
