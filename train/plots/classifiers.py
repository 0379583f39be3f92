"""Figures of classifiers: confusion matrices, training curves, maps of embeddings, robustness curves."""

from pathlib import Path

import numpy as np

from train.plots.figure import SIZE, new_figure, save


def confusion(path: Path, matrices: dict[str, np.ndarray], classes: tuple[str, ...]) -> Path:
    """Confusion matrices (classes, classes) side by side, with their titles; rows are the truth."""
    count = len(classes)
    side = max(2.8, 0.32 * count)
    figure = new_figure((side * len(matrices) + 1.2, side + 0.6))
    for place, (title, matrix) in enumerate(matrices.items()):
        axis = figure.add_subplot(1, len(matrices), place + 1)
        axis.imshow(matrix, vmin=0, vmax=1, cmap="Blues")
        axis.set_title(title, fontsize=9)
        axis.set_xticks(
            range(count), classes, rotation=90 if count > 6 or max(map(len, classes)) > 6 else 0, fontsize=7
        )
        axis.set_yticks(range(count), classes if place == 0 else [""] * count, fontsize=7)
        axis.set_xlabel("given", fontsize=8)
        if place == 0:
            axis.set_ylabel("truth", fontsize=8)
        for row, column in np.ndindex(matrix.shape):
            if matrix[row, column] >= 0.005 and count <= 12:
                color = "white" if matrix[row, column] > 0.5 else "black"
                axis.text(column, row, f"{matrix[row, column]:.2f}", ha="center", va="center", color=color, fontsize=7)
    return save(figure, path)


def curves(path: Path, rows: dict[str, dict[str, dict[str, np.ndarray]]]) -> Path:
    """Loss and accuracy by epoch; rows[row title][run] are the run's curves, (splits, epochs + 1) each.

    Lines are means over the splits: full for validation, dotted for training.
    """
    figure = new_figure((SIZE[0] + 1, 2.5 * len(rows)))
    axes = figure.subplots(len(rows), 2, squeeze=False, sharex=True)
    for line, (title, runs) in zip(axes, rows.items(), strict=True):
        for axis, what in zip(line, ("loss", "accuracy"), strict=True):
            for number, (run, values) in enumerate(runs.items()):
                epochs = np.arange(values["train_loss"].shape[1])
                axis.plot(epochs, values[f"validation_{what}"].mean(0), color=f"C{number}", lw=1.8, label=run)
                axis.plot(epochs, values[f"train_{what}"].mean(0), color=f"C{number}", lw=1, ls=":")
            axis.set_title(f"{title}: {what}", fontsize=9)
            axis.grid(alpha=0.3)
    axes[0, 0].legend(fontsize=8, title="validation; dotted: training", title_fontsize=7)
    for axis in axes[-1]:
        axis.set_xlabel("epoch")
    return save(figure, path)


def losses(path: Path, runs: dict[str, tuple[np.ndarray, np.ndarray]]) -> Path:
    """A panel for each run's (training, validation) loss by epoch."""
    figure = new_figure((2.7 * len(runs), 2.4))
    axes = figure.subplots(1, len(runs), squeeze=False)[0]
    for axis, (name, both) in zip(axes, runs.items(), strict=True):
        for values, label in zip(both, ("training", "validation"), strict=True):
            axis.plot(np.arange(len(values)), values, label=label)
        axis.set_title(name, fontsize=9)
        axis.set_xlabel("epoch", fontsize=8)
        axis.grid(alpha=0.3)
    axes[0].legend(fontsize=7)
    return save(figure, path)


def maps(path: Path, points: dict[str, dict[str, np.ndarray]], label: np.ndarray, classes: tuple[str, ...]) -> Path:
    """Scatter plots of (n, 2) points colored by label (n,): a row for each kind of embedding, a column for each
    method.
    """
    methods = list(next(iter(points.values())))
    figure = new_figure((2.7 * len(methods), 2.7 * len(points) + 0.3))
    axes = figure.subplots(len(points), len(methods), squeeze=False)
    for line, (kind, by_method) in zip(axes, points.items(), strict=True):
        for axis, method in zip(line, methods, strict=True):
            for number, name in enumerate(classes):
                at = by_method[method][label == number]
                axis.scatter(at[:, 0], at[:, 1], s=3, lw=0, alpha=0.6, color=f"C{number}", label=name)
            axis.set_title(f"{method}, {kind}", fontsize=9)
            axis.set_xticks([])
            axis.set_yticks([])
    axes[0, 0].legend(fontsize=7, markerscale=3)
    return save(figure, path)


def robustness(path: Path, panels: dict[str, tuple[list[str], dict[str, np.ndarray]]], ylabel: str) -> Path:
    """A panel a disturbance: its steps, and for each feature (steps, 3) value and interval; the first step is the clean
    one.
    """
    columns = min(4, len(panels))
    lines = -(-len(panels) // columns)
    figure = new_figure((2.9 * columns, 2.5 * lines + 0.3))
    axes = figure.subplots(lines, columns, squeeze=False, sharey=True)
    for axis, (title, (steps, features)) in zip(axes.flat, panels.items(), strict=False):
        place = np.arange(len(steps))
        for number, (name, values) in enumerate(features.items()):
            axis.plot(place, values[:, 0], "o-", ms=3, color=f"C{number}", label=name)
            axis.fill_between(place, values[:, 1], values[:, 2], color=f"C{number}", alpha=0.15, lw=0)
        axis.set_xticks(place, steps, fontsize=7)
        axis.set_title(title, fontsize=9)
        axis.grid(alpha=0.3)
    for axis in axes.flat[len(panels) :]:
        axis.set_axis_off()
    for line in axes:
        line[0].set_ylabel(ylabel, fontsize=8)
    axes[0, 0].legend(fontsize=7)
    return save(figure, path)
