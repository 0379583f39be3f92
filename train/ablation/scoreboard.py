"""The table and the heat map of train/studies/ablation.py."""

from pathlib import Path

import numpy as np

from train.plots.figure import new_figure, save

SHORT = {
    "V_ds1_ds2": "V, DS2",
    "S_ds1_ds2": "S, DS2",
    "V_mitdb_to_svdb": "V, svdb",
    "S_mitdb_to_svdb": "S, svdb",
    "quality_seta": "quality",
    "identity": "identity",
    "ptbxl_super_I_cv4": "super I",
    "ptbxl_super_II_cv4": "super II",
    "ptbxl_af_I_cv4": "AF",
    "cinc2017_cv5": "CinC 2017",
}

Scores = dict[str, dict[str, dict]]  # row -> task -> value, low, high


def mean(scores: dict[str, dict]) -> float:
    return float(np.mean([score["value"] for score in scores.values()]))


def plain(value: float) -> str:
    return f"{value:.3f}".lstrip("0")


def markdown(cells: Scores, baselines: Scores) -> str:
    """Two tables: values with the best of each column in bold, best mean first; then their intervals."""
    rows = {**dict(sorted(cells.items(), key=lambda item: -mean(item[1]))), **baselines}
    tasks = list(next(iter(rows.values())))
    best = {task: max(row[task]["value"] for row in rows.values()) for task in tasks}
    heads = [SHORT[task] for task in tasks]
    text = ["| objective / view / positives | " + " | ".join(heads) + " | mean |", "|---" * (len(tasks) + 2) + "|"]
    for name, row in rows.items():
        values = [
            f"**{plain(row[t]['value'])}**" if row[t]["value"] == best[t] else plain(row[t]["value"]) for t in tasks
        ]
        shown = f"*{name}*" if name in baselines else name
        text.append(f"| {shown} | {' | '.join(values)} | {plain(mean(row))} |")
    text += ["", "95 % intervals, from 200 bootstrap draws of patients (records where patients are not known):", ""]
    text += ["| | " + " | ".join(heads) + " |", "|---" * (len(tasks) + 1) + "|"]
    for name, row in rows.items():
        text.append(
            f"| {name} | " + " | ".join(f"{plain(row[t]['low'])}-{plain(row[t]['high'])}" for t in tasks) + " |"
        )
    return "\n".join(text) + "\n"


def spread(cells: Scores) -> str:
    """How far apart the runs are that differ in their seed alone: largest minus smallest, by task."""
    families: dict[str, list[str]] = {}
    for name in cells:
        families.setdefault(name.rstrip("0123456789").rstrip("/"), []).append(name)
    lines = []
    for family, names in families.items():
        if len(names) < 2:
            continue
        tasks = list(cells[names[0]])
        values = {task: [cells[name][task]["value"] for name in names] for task in tasks}
        ranges = ", ".join(f"{SHORT[task]} {plain(max(v) - min(v))}" for task, v in values.items())
        means = [mean(cells[name]) for name in names]
        lines.append(
            f"{family}, {len(names)} seeds, largest minus smallest: {ranges}; mean {plain(max(means) - min(means))}."
        )
    return "\n".join(lines)


def heat_map(path: Path, cells: Scores, baselines: Scores) -> Path:
    """Rows by their mean score; color is the place between the smallest and the largest value of the column."""
    rows = dict(sorted({**cells, **baselines}.items(), key=lambda item: -mean(item[1])))
    tasks = list(next(iter(rows.values())))
    values = np.array([[row[task]["value"] for task in tasks] for row in rows.values()])
    low, high = values.min(0), values.max(0)
    figure = new_figure((7.6, 0.6 + 0.19 * len(rows)))
    axis = figure.subplots()
    axis.imshow((values - low) / np.maximum(high - low, 1e-9), aspect="auto", cmap="viridis")
    axis.set_xticks(range(len(tasks)), [SHORT[task] for task in tasks], fontsize=8)
    axis.set_yticks(range(len(rows)), [f"[{name}]" if name in baselines else name for name in rows], fontsize=6.5)
    axis.xaxis.tick_top()
    for i, line in enumerate(values):
        for j, value in enumerate(line):
            dark = (value - low[j]) / max(high[j] - low[j], 1e-9) < 0.6
            axis.text(j, i, plain(value), ha="center", va="center", fontsize=6.5, color="white" if dark else "black")
    return save(figure, path)
