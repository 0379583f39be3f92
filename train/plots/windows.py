"""Figures of ECG windows: several forms of one window overlaid, many in a grid, pairs side by side."""

from pathlib import Path

import numpy as np
from torch import Tensor

from edgeecg.constants import RATE
from train.plots.figure import new_figure, save

WIDTH = 9.0  # inches
COLOURS = {"noisy": "0.75", "window": "0.55", "clean": "0.35"}  # what is not the result stands back


def overlaid(path: Path, rows: dict[str, Tensor], snr: Tensor) -> Path:
    """A panel for each window: its forms (n, samples) by name, the last one in color; `snr` (n,) in dB is the panel's
    title.
    """
    count = len(snr)
    figure = new_figure((WIDTH, 1.25 * count))
    panels = np.atleast_1d(figure.subplots(count, 1, sharex=True))
    for i, axis in enumerate(panels):
        for name, windows in rows.items():
            line(axis, windows[i], color=COLOURS.get(name, "C3"), lw=0.9 if name in COLOURS else 1.1, label=name)
        axis.set_title(f"{float(snr[i]):.1f} dB", fontsize=8, loc="right", pad=2)
    panels[0].legend(ncols=len(rows), fontsize=8, loc="upper left", frameon=False)
    panels[-1].set_xlabel("seconds")
    return save(figure, path)


def grid(path: Path, windows: Tensor, titles: list[str] | None = None, columns: int = 2) -> Path:
    """Windows (n, samples), a panel each; short ones stand four in a row."""
    columns = max(4, columns) if windows.shape[1] < 4 * RATE else columns
    rows = -(-len(windows) // columns)
    figure = new_figure((WIDTH, 1.3 * rows))
    panels = np.ravel(figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False))
    for i, axis in enumerate(panels):
        axis.set_visible(i < len(windows))
        if i < len(windows):
            line(axis, windows[i], color="C0", lw=1.0)
            if titles:
                axis.set_title(titles[i], fontsize=7, pad=2)
    return save(figure, path)


def line(axis, window: Tensor, **style) -> None:
    window = np.asarray(window)
    axis.plot(np.arange(len(window)) / RATE, window, **style)
    axis.set_yticks([])
    axis.margins(x=0)
    for side in ("top", "right", "left"):
        axis.spines[side].set_visible(False)


def pairs(path: Path, first: Tensor, second: Tensor, titles: list[str]) -> Path:
    """A row for each pair: first (n, samples) and second, side by side, under one title."""
    figure = new_figure((WIDTH, 1.25 * len(first)))
    panels = figure.subplots(len(first), 2, sharex=True, squeeze=False)
    for row, a, b, title in zip(panels, first, second, titles, strict=True):
        color = "C3" if title.startswith("different") else "C2"
        for axis, window in zip(row, (a, b), strict=True):
            line(axis, window, color=color, lw=0.8)
        row[0].set_title(title, fontsize=8, loc="left", pad=2)
    for axis in panels[-1]:
        axis.set_xlabel("seconds")
    return save(figure, path)


def score(path: Path, distance: np.ndarray, different: np.ndarray, curve, bins: tuple) -> Path:
    """Histograms of the distances of true and false pairs with the pair score `curve`, and its reliability.

    bins: share of true pairs, mean probability and count, of each bin of probability.
    """
    figure = new_figure((WIDTH, 3.4))
    left, right = figure.subplots(1, 2)
    edges = np.linspace(0, np.percentile(distance, 99.5), 50)
    for rows, name, color in ((~different, "match", "C2"), (different, "different", "C3")):
        left.hist(distance[rows], edges, color=color, alpha=0.55, density=True, label=name)
    left.set_xlabel("distance")
    left.set_yticks([])
    left.legend(loc="upper left", fontsize=8)
    second = left.twinx()
    second.plot(edges, curve.probability(edges), color="0.2", lw=1.4)
    second.set_ylim(0, 1.02)
    second.set_ylabel("probability of a match", fontsize=8)
    share, mean, count = bins
    right.plot([0, 1], [0, 1], color="0.7", lw=1)
    right.scatter(mean, share, s=8 + 120 * count / count.max(), color="C0")
    right.set_xlabel("probability given")
    right.set_ylabel("share of matches")
    right.set_aspect("equal")
    return save(figure, path)


def accuracy(path: Path, lines: list[dict]) -> Path:
    """Accuracy and loss by step, of training and of validation; `lines` of the run's log."""
    figure = new_figure((WIDTH, 3.2))
    for axis, name in zip(figure.subplots(1, 2), ("accuracy", "loss"), strict=True):
        for key, label, style in (
            (name, "training", {"lw": 0.8}),
            (f"validation_{name}", "validation", {"marker": "o", "ms": 3}),
        ):
            shown = [(entry["step"], entry[key]) for entry in lines if key in entry]
            if shown:
                axis.plot(*zip(*shown, strict=True), label=label, **style)
        axis.set_xlabel("step")
        axis.set_ylabel(name)
        axis.grid(alpha=0.3)
        axis.legend(fontsize=8)
    return save(figure, path)
