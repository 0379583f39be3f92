"""Pictures of windows of ECG: several forms of the same one over each other, many in a grid, pairs side by side."""

from pathlib import Path

import numpy as np
from torch import Tensor

from train.plots import new_figure, save

RATE = 128
WIDTH = 9.0  # inches
COLOURS = {"noisy": "0.75", "window": "0.55", "clean": "0.35"}  # what is not the result stands back


def overlaid(path: Path, rows: dict[str, Tensor], snr: Tensor) -> Path:
    """A panel for each window: its forms (n, samples) by name, the last one in colour; `snr` (n,) in dB is the panel's title."""
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
    columns = 4 if windows.shape[1] < 4 * RATE else columns
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
