"""A picture of a recording: the ECG over the timeline of its embeddings, with quality marks. Needs matplotlib."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ._progress import clock
from .errors import InputError, MissingDependencyError
from .quality import Quality

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import QuadMesh
    from matplotlib.colorbar import Colorbar
    from matplotlib.figure import Figure
    from matplotlib.gridspec import GridSpec

    from .io import Recording
    from .results import Analysis

__all__ = ["distance_from_typical", "png", "standardized", "timeline"]

INK, FAINT, PAPER_LINE, PAPER_BOLD = "#1b1f3b", "#8a8fa8", "#f6dcdc", "#ecb9b9"
TYPICAL, UNUSUAL = "#2a7f62", "#c2410c"
QUALITY_COLORS = {
    Quality.GOOD: "#d9ead9",
    Quality.FLAT: "#7c8798",
    Quality.CLIPPED: "#d98324",
    Quality.LEAD_OFF: "#b3261e",
    Quality.MISSING: "#6c4ab6",
    Quality.NOISY: "#c9a227",
}
SEVERITY = (Quality.LEAD_OFF, Quality.MISSING, Quality.FLAT, Quality.CLIPPED, Quality.NOISY)
COLUMNS = 2400  # of the envelope: more than the picture has pixels
Array: TypeAlias = NDArray[Any]
Pick: TypeAlias = tuple[int, str, str]
"""A window that is drawn in full: its index, color and name."""


def import_matplotlib() -> tuple[ModuleType, ModuleType, ModuleType]:
    """Import `figure`, `colors` and `ticker`, which draw without a display and without pyplot's global state."""
    try:
        from matplotlib import colors, figure, ticker
    except ImportError as error:
        raise MissingDependencyError('pictures need the package matplotlib: pip install "edgeecg[plot]"') from error
    return figure, colors, ticker


def timeline(recording: Recording, result: Analysis, window: float = 10.0) -> Figure:
    """Draw a recording and what `Encoder.analyze` made of it.

    From above: the most typical and the most unusual window in full, the whole ECG, the embeddings (a column a window,
    each dimension standardized, dimensions that move together side by side), the distance of each window from the
    typical one, the quality flags.

    Parameters
    ----------
    recording : edgeecg.io.Recording
        The samples, with their rate and unit.
    result : Analysis
        Its windows, one at least.
    window : float, default 10
        Length of a window in seconds: `Encoder.window`.

    Returns
    -------
    matplotlib.figure.Figure
        The picture; `png` makes a file of it.

    Raises
    ------
    InputError
        Where the recording's sampling rate is not known.
    MissingDependencyError
        Without matplotlib.
    """
    fs = recording.fs
    if fs is None:
        raise InputError(f"{recording.name}: a picture needs the sampling rate")
    figure, colors, ticker = import_matplotlib()
    picture, rows = empty_picture(figure, title(recording, result, window))
    ecg = recording.millivolts()
    good = result.quality == 0
    good = good if good.any() else np.ones_like(good)
    distance = distance_from_typical(result.embedding, good)
    picks = typical_and_unusual(distance, good)
    for column, (index, color, name) in enumerate(picks):
        place = rows[0, column] if len(picks) > 1 else rows[0, :2]
        strip(picture.add_subplot(place), ecg, fs, result.start[index], window, color, name)
    first = picture.add_subplot(rows[2, :2])
    axes = [first, *(picture.add_subplot(rows[row, :2], sharex=first) for row in (3, 4, 5))]
    whole_ecg(axes[0], ecg, fs)
    for index, color, _ in picks:
        axes[0].axvspan(result.start[index], result.start[index] + window, color=color, alpha=0.18, lw=0)
    edges = column_edges(result.start, window)
    image = heat_map(axes[1], edges, standardized(result.embedding, good))
    color_bar(picture.colorbar(image, cax=picture.add_subplot(rows[3, 2])))
    distance_line(axes[2], edges, distance, picks)
    quality_row(axes[3], edges, result.quality, colors)
    picture.add_subplot(rows[5, 2]).axis("off")
    finish(axes, recording.seconds, ticker)
    return picture


def empty_picture(figure: ModuleType, title: str) -> tuple[Figure, GridSpec]:
    """The figure with its title, and its grid: a row for each part, a narrow column for the color bar."""
    picture: Figure = figure.Figure(figsize=(13, 8.6), dpi=110, layout="constrained", facecolor="white")
    layout: Any = picture.get_layout_engine()
    layout.set(hspace=0.0, h_pad=0.07, w_pad=0.04, rect=(0.005, 0.005, 0.99, 0.985))
    picture.suptitle(title, x=0.012, ha="left", color=INK, fontsize=13, fontweight="bold")
    heights, widths = [1.55, 0.06, 1.15, 2.7, 0.85, 0.24], [1, 1, 0.022]
    return picture, picture.add_gridspec(len(heights), len(widths), height_ratios=heights, width_ratios=widths)


def typical_and_unusual(distance: Array, good: NDArray[np.bool_]) -> list[Pick]:
    """The good windows nearest to the typical one and farthest from it; one where they are the same."""
    typical, unusual = pick(distance, good, np.argmin), pick(distance, good, np.argmax)
    picks = [(typical, TYPICAL, "Most typical window"), (unusual, UNUSUAL, "Most unusual window")]
    return picks if typical != unusual else picks[:1]


def png(picture: Figure) -> bytes:
    """Make a PNG file of a figure.

    Parameters
    ----------
    picture : matplotlib.figure.Figure
        A figure, from `timeline` for instance.

    Returns
    -------
    bytes
        The file.
    """
    buffer = io.BytesIO()
    picture.savefig(buffer, format="png")
    return buffer.getvalue()


def title(recording: Recording, result: Analysis, window: float) -> str:
    """One line: which recording, how long, how many windows."""
    n, dim = result.embedding.shape
    lead = f", lead {recording.lead}" if recording.lead else ""
    count = f"{n} embedding{'s' if n > 1 else ''} of {dim} numbers ({window:g} s windows)"
    return f"{os.path.basename(recording.name)}{lead}: {clock(recording.seconds)} of ECG in {count}"


def distance_from_typical(embedding: NDArray[np.float32], good: NDArray[np.bool_]) -> Array:
    """Measure how unusual each window is.

    Parameters
    ----------
    embedding : ndarray of float32, shape (n, dim)
        The embeddings.
    good : ndarray of bool, shape (n,)
        Windows that say what is typical, one at least.

    Returns
    -------
    ndarray, shape (n,)
        Cosine distance, 0 to 2, from the median of the good windows.
    """
    middle = np.median(embedding[good], axis=0)
    lengths = np.linalg.norm(embedding, axis=1) * np.linalg.norm(middle)
    distance: Array = 1.0 - embedding @ middle / np.where(lengths > 0, lengths, 1.0)
    return distance


def standardized(embedding: NDArray[np.float32], good: NDArray[np.bool_]) -> Array:
    """Put embeddings on one scale, dimensions that move together side by side.

    Their order is the angle in the plane of the first two principal components. Fewer than three good windows have no
    deviation worth the name: then all numbers share one.

    Parameters
    ----------
    embedding : ndarray of float32, shape (n, dim)
        The embeddings.
    good : ndarray of bool, shape (n,)
        Windows that the scale is made of, one at least.

    Returns
    -------
    ndarray, shape (n, dim)
        Standard deviations from the mean of the good windows.
    """
    several = np.count_nonzero(good) > 2
    mean, deviation = (f(embedding[good], axis=0 if several else None) for f in (np.mean, np.std))
    standard: Array = (embedding - mean) / np.where(deviation > 0, deviation, 1.0)
    if not several:
        return standard
    _, _, axes = np.linalg.svd(standard[good], full_matrices=False)
    ordered: Array = standard[:, np.argsort(np.arctan2(axes[1], axes[0]), kind="stable")]
    return ordered


def pick(distance: Array, good: NDArray[np.bool_], choose: Callable[[Array], Any]) -> int:
    """Index of the lowest or highest distance among the good windows."""
    candidates = np.flatnonzero(good)
    return int(candidates[choose(distance[candidates])])


def column_edges(start: NDArray[np.float64], window: float) -> Array:
    """(n + 1,) borders of the columns: each window's column is centered on the window and one hop wide."""
    hop = start[1] - start[0] if len(start) > 1 else window
    first = start[0] + (window - hop) / 2
    edges: Array = first + hop * np.arange(len(start) + 1)
    return edges


def strip(axes: Axes, ecg: Array, fs: float, start: float, window: float, color: str, name: str) -> None:
    """Ten seconds of ECG on the usual paper: bold lines every 0.2 s and 0.5 mV."""
    at = slice(round(start * fs), round((start + window) * fs))
    time, x = np.arange(at.start, at.start + len(ecg[at])) / fs, ecg[at]
    low, high = (np.nanmin(x), np.nanmax(x)) if np.isfinite(x).any() else (-1.0, 1.0)
    margin = 0.12 * max(high - low, 1.0)
    low, high = low - margin, high + margin
    scale = 0.5 if high - low < 6 else (high - low) / 12
    for value in np.arange(np.ceil(low / scale), high / scale + 1e-9) * scale:
        axes.axhline(value, color=PAPER_BOLD, lw=0.6, zorder=0)
    for index, value in enumerate(np.arange(0.0, window + 1e-9, 0.2)):
        axes.axvline(start + value, color=PAPER_BOLD if index % 5 == 0 else PAPER_LINE, lw=0.6, zorder=0)
    axes.plot(time, x, color=INK, lw=0.9)
    axes.set(xlim=(start, start + window), ylim=(low, high), ylabel="mV")
    axes.set_title(
        f"{name}, {clock(start)} to {clock(start + window)}", loc="left", fontsize=10, color=color, fontweight="bold"
    )
    axes.set_xticks(start + np.arange(0, window + 1, 2), [f"{second:g} s" for second in np.arange(0, window + 1, 2)])
    axes.tick_params(labelsize=8, colors=INK, length=0)
    frame(axes, color)


def whole_ecg(axes: Axes, ecg: Array, fs: float) -> None:
    """The whole recording: the signal itself, or its envelope if there are too many samples to draw."""
    if len(ecg) <= 8 * COLUMNS:
        axes.plot(np.arange(len(ecg)) / fs, ecg, color=INK, lw=0.7)
    else:
        per = -(-len(ecg) // COLUMNS)
        folded = np.concatenate([ecg, np.full(-len(ecg) % per, np.nan)]).reshape(-1, per)
        kept = np.isfinite(folded).any(axis=1)
        low, high = np.full(len(folded), np.nan), np.full(len(folded), np.nan)
        low[kept], high[kept] = np.nanmin(folded[kept], axis=1), np.nanmax(folded[kept], axis=1)
        axes.fill_between((np.arange(len(folded)) + 0.5) * per / fs, low, high, color=INK, lw=0.4)
    finite = ecg[np.isfinite(ecg)]
    if len(finite):
        low, high = np.quantile(finite, [0.0005, 0.9995])
        margin = 0.25 * max(high - low, 0.2)
        axes.set_ylim(low - margin, high + margin)
    axes.set_ylabel("ECG (mV)")


def heat_map(axes: Axes, edges: Array, standard: Array) -> QuadMesh:
    """The heat map of the embeddings: one column per window."""
    rows = np.arange(standard.shape[1] + 1)
    axes.set_ylabel(f"embedding\n{standard.shape[1]} dimensions")
    axes.set_yticks([])
    return axes.pcolormesh(edges, rows, standard.T, cmap="RdBu_r", vmin=-2.5, vmax=2.5, rasterized=True)


def color_bar(bar: Colorbar) -> None:
    """The color bar of the heat map."""
    bar.set_label("standard deviations from the mean", color=INK, fontsize=8)
    bar.outline.set_visible(False)
    bar.ax.tick_params(labelsize=8, colors=INK)


def distance_line(axes: Axes, edges: Array, distance: Array, picks: Sequence[Pick]) -> None:
    """How far each window is from the typical one; the two windows drawn in full are marked."""
    middle = (edges[:-1] + edges[1:]) / 2
    axes.stairs(distance, edges, color=INK, lw=1.0)
    axes.stairs(distance, edges, fill=True, color=INK, alpha=0.12)
    for index, color, _ in picks:
        axes.plot(middle[index], distance[index], "o", color=color, ms=6, clip_on=False, zorder=5)
    axes.set_ylim(0, max(1.15 * float(distance.max()), 0.1))
    axes.set_ylabel("distance\nfrom typical")


def quality_row(axes: Axes, edges: Array, quality: NDArray[np.uint8], colors: ModuleType) -> None:
    """The gravest flag of each window as a color, with the names of those that occur."""
    gravest = [next((flag for flag in SEVERITY if flags & flag), Quality.GOOD) for flags in quality]
    palette = list(QUALITY_COLORS)
    values = np.array([[palette.index(flag) for flag in gravest]])
    axes.pcolormesh(
        edges,
        [0, 1],
        values,
        cmap=colors.ListedColormap(list(QUALITY_COLORS.values())),
        vmin=-0.5,
        vmax=len(palette) - 0.5,
        edgecolors="white",
        lw=0.5 if len(quality) <= 100 else 0,
    )
    axes.set_yticks([])
    axes.set_ylabel("quality", rotation=0, ha="right", va="center")
    present = [flag for flag in palette if flag in gravest]
    axes.legend(
        handles=[axes.plot([], [], "s", ms=7, color=QUALITY_COLORS[flag], label=str(flag))[0] for flag in present],
        loc="upper right",
        bbox_to_anchor=(1.0, -0.75),
        ncols=len(present),
        frameon=False,
        fontsize=8,
        handletextpad=0.1,
        columnspacing=1.2,
        borderpad=0,
        borderaxespad=0,
    )


def finish(axes: Sequence[Axes], seconds: float, ticker: ModuleType) -> None:
    """One time axis for all rows, written as a clock."""
    for one in axes:
        one.tick_params(labelsize=8, colors=INK, length=2)
        one.yaxis.label.set(color=INK, fontsize=9)
        frame(one, FAINT)
    for one in axes[:-1]:
        one.tick_params(labelbottom=False, bottom=False)
    steps = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600, 7200, 14400]
    step = next((step for step in steps if seconds / step <= 14), 21600)
    axes[-1].xaxis.set_major_locator(ticker.MultipleLocator(step))
    axes[-1].xaxis.set_major_formatter(lambda value, _: clock(value))
    axes[-1].set_xlim(0, seconds)


def frame(axes: Axes, color: str) -> None:
    """A thin frame of one color."""
    for spine in axes.spines.values():
        spine.set(color=color, lw=0.8)
