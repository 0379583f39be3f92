"""Tables of documents and model cards, from the results that the measuring commands wrote."""

import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from edgeecg.errors import InputError
from train.probes.evaluation import FLOAT_PROBE, Result, read_results, results_table
from train.probes.tasks.registry import MORE_TASKS, TASKS, TITLES
from train.probes.tasks.transfer import TRANSFER_TASKS

# The project's targets for the default model
TARGETS = dict(zip(TASKS, (0.992, 0.85, 0.975, 0.87, 0.81, 0.82, 0.83, 0.845, 0.988, 0.94), strict=True))
NAMES = {
    "random": "random, own head",
    "random_mean_max": "random, mean + max",
    "hrv": "HRV + shape",
    "minirocket": "MiniRocket",
    "supervised": "trained on the task",
}


def number(value: float) -> str:
    return f"{value:.3f}".lstrip("0") if value < 1 else "1.000"


def table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def read_all(paths: tuple[Path, ...]) -> dict[tuple[str, str, float], Result]:
    """Results by task, feature and share of labels; features by the name of their file."""
    found: dict[tuple[str, str, float], Result] = {}
    for path in paths:
        for r in read_results(path)[1]:
            found.setdefault((r.task, short(r.feature), r.fraction), r)
    return found


def short(feature: str) -> str:
    if FLOAT_PROBE in feature:
        return f"float {FLOAT_PROBE}"
    return "float" if feature.endswith(".safetensors") else Path(feature).stem


def probes(found: dict, model: str) -> str:
    """The ten tasks: the model, its interval, the target, and the other features."""
    others = [f for f in dict.fromkeys(name for _, name, _ in found) if f != model and not f.startswith("float")]
    others = [f for f in others if any((task, f, 1.0) in found for task in TASKS)]
    rows = []
    for task in TASKS:
        if (task, model, 1.0) in found:
            score = found[task, model, 1.0].score
            cells = [number(found[task, f, 1.0].score.value) if (task, f, 1.0) in found else "" for f in others]
            interval = f"{number(score.low)}-{number(score.high)}"
            rows.append([TITLES[task], f"**{number(score.value)}**", interval, number(TARGETS[task]), *cells])
    return table(["task", model, "95 % interval", "target", *(NAMES.get(f, f) for f in others)], rows) if rows else ""


def quantization(found: dict) -> str:
    rows = []
    for task in TASKS:
        real, integer = (found.get((task, name, 1.0)) for name in ("float", f"float {FLOAT_PROBE}"))
        if real and integer:
            gap = f"{integer.score.value - real.score.value:+.3f}"
            cosines = [f"{c:.4f}" for c in (integer.cosine_mean, integer.cosine_5th_percentile)]
            rows.append([TITLES[task], number(real.score.value), number(integer.score.value), gap, *cosines])
    head = ["task", "float", "int8, probe fitted on float", "difference", "mean cosine", "5th percentile"]
    return table(head, rows) if rows else ""


def few(found: dict, model: str) -> str:
    shares = sorted({share for _, name, share in found if name == model})
    tasks = [t for t in TITLES if any((t, model, s) in found for s in shares if s < 1)]
    cells = {t: [found.get((t, model, s)) for s in shares] for t in tasks}
    rows = [[TITLES[t], *(with_interval(r) if r else "" for r in cells[t])] for t in tasks]
    return table(["task", *(f"{s:.0%} of the patients" for s in shares)], rows) if rows else ""


def with_interval(r: Result) -> str:
    return f"{number(r.score.value)} ({number(r.score.low)}-{number(r.score.high)})"


def fill(text: str, name: str, content: str) -> str:
    """The document with `content` between the marks of `name`."""
    start, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    if text.count(start) != 1 or text.count(end) != 1 or text.index(start) > text.index(end):
        raise InputError(f"the document needs one line {start} and, behind it, one line {end}")
    return text[: text.index(start)] + f"{start}\n{content}" + text[text.index(end) :]


def every_table(found: dict, moved: Path | None, model: str) -> dict[str, str]:
    """Tables by name, of what `found` (read_all) and the file `moved` hold."""
    tables = {
        "probes": probes(found, model),
        "quantization": quantization(found),
        "few": few(found, model),
        "more": side_by_side(found, MORE_TASKS),
        "transfer": side_by_side(found, TRANSFER_TASKS),
        "moved": moved_table(moved) if moved else "",
    }
    return {name: content for name, content in tables.items() if content}


def side_by_side(found: dict, tasks: Iterable[str]) -> str:
    """All features side by side, with their intervals."""
    known = [replace(r, feature=NAMES.get(r.feature, r.feature)) for (task, _, _), r in found.items() if task in tasks]
    return results_table(known) if known else ""


def moved_table(path: Path) -> str:
    try:
        return invariance_table(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path} is no output of train/studies/invariance.py --json: {error}") from error


def invariance_table(rows: list[dict]) -> str:
    lines = ["| change | mean cosine | 5th percentile | windows | superclasses (macro AUC) |", "|---|---|---|---|---|"]
    for r in rows:
        auc = "" if r["superclass_auc"] is None else f"{r['superclass_auc']:.3f}".lstrip("0")
        lines.append(f"| {r['change']} | {r['mean']:.3f} | {r['percentile_5']:.3f} | {r['windows']} | {auc} |")
    return "\n".join(lines) + "\n"
