"""Figures of training runs. Drawn without pyplot: no global figure, no window system."""

from pathlib import Path

import numpy as np

from train.plots.figure import SIZE, new_figure, save


def run_curves(path: Path, lines: list[dict]) -> Path:
    """Training and validation loss, other validation values, and the learning rate, by step.

    lines: those of the run's log (train/runs/folder.py).
    """
    training = [line for line in lines if "loss" in line]
    checks = [line for line in lines if "validation_loss" in line]
    others = [name for name in (checks[0] if checks else {}) if name not in ("step", "validation_loss")]
    figure = new_figure((SIZE[0], 2.2 * (2 + len(others))))
    axes = figure.subplots(2 + len(others), 1, sharex=True, height_ratios=[2] + [1] * (1 + len(others)))
    steps, losses = ([line[name] for line in training] for name in ("step", "loss"))
    axes[0].plot(steps, losses, lw=0.7, alpha=0.5, color="C0")
    axes[0].plot(steps, running_mean(losses), lw=1.6, color="C0", label="training")
    if checks:
        axes[0].plot(
            column(checks, "step"), column(checks, "validation_loss"), "o-", ms=3, color="C1", label="validation"
        )
    axes[0].legend()
    axes[0].set_ylabel("loss")
    for axis, name in zip(axes[1:-1], others, strict=True):
        axis.plot(column(checks, "step"), column(checks, name), "o-", ms=3, color="C2")
        axis.set_ylabel(name.replace("_", " "))
    axes[-1].plot(steps, column(training, "lr"), color="C3")
    axes[-1].set_ylabel("learning rate")
    axes[-1].set_xlabel("step")
    for axis in axes:
        axis.grid(alpha=0.3)
    return save(figure, path)


def column(lines: list[dict], name: str) -> list:
    return [line.get(name, np.nan) for line in lines]


def running_mean(values: list[float], share: float = 0.05) -> np.ndarray:
    """Mean of the values around each, over a `share` of all; shorter at the ends."""
    reach = int(len(values) * share / 2)
    total = np.concatenate([[0.0], np.cumsum(values)])
    place = np.arange(len(values))
    low, high = np.maximum(place - reach, 0), np.minimum(place + reach + 1, len(values))
    return (total[high] - total[low]) / (high - low)


def rate_finder(
    path: Path,
    sweeps: list[tuple[np.ndarray, np.ndarray]],
    rates: np.ndarray,
    smooth: np.ndarray,
    steepest: float,
    trials: dict[float, float],
    suggestion: float,
) -> Path:
    """Loss against the learning rate of the range tests, and of the short runs around where it falls fastest."""
    figure = new_figure((SIZE[0], 5.4))
    left, right = figure.subplots(2, 1)
    for tried, losses in sweeps:
        left.semilogx(tried, losses, lw=0.6, alpha=0.4, color="C0")
    left.semilogx(rates, smooth, lw=1.6, color="C0", label=f"median of {len(sweeps)} sweeps, smoothed")
    left.axvline(steepest, color="C1", ls="--", label=f"falls fastest at {steepest:.1e}")
    left.set_ylim(smooth.min() - 0.2 * np.ptp(smooth), smooth.max() + 0.4 * np.ptp(smooth))
    known = {rate: loss for rate, loss in sorted(trials.items()) if np.isfinite(loss)}
    right.semilogx(list(known), list(known.values()), "o-", color="C0", label="short runs")
    right.axvline(suggestion, color="C3", ls="--", label=f"suggested {suggestion:.1e}")
    for axis in (left, right):
        axis.set_xlabel("learning rate")
        axis.set_ylabel("loss")
        axis.legend()
        axis.grid(alpha=0.3)
    return save(figure, path)
