"""Figures of an embedding: maps, nearest neighbors, invariance, quality against size, resynthesized rhythms."""

from pathlib import Path

import numpy as np

from edgeecg.constants import RATE
from train.plots.figure import SIZE, new_figure, save


def maps(path: Path, panels: dict[str, tuple[np.ndarray, list[str]]]) -> Path:
    """Two-dimensional maps, one a panel: title -> (points (n, 2), name of each point)."""
    import matplotlib

    columns = 2
    rows = -(-len(panels) // columns)
    figure = new_figure((SIZE[0] * 1.3, SIZE[0] * 0.62 * rows))
    for axis, (title, (points, names)) in zip(
        figure.subplots(rows, columns, squeeze=False).flat, panels.items(), strict=False
    ):
        unique = list(dict.fromkeys(names))
        cycle = "tab10" if len(unique) <= 10 else "tab20"
        for number, name in enumerate(unique):
            mine = np.array([n == name for n in names])
            axis.scatter(
                *points[mine].T, s=7, lw=0, alpha=0.7, color=matplotlib.colormaps[cycle](number % 20), label=name
            )
        axis.set_title(title, fontsize=9)
        axis.set_xticks([])
        axis.set_yticks([])
        axis.legend(
            fontsize=6, markerscale=2, loc="best", ncols=1 + (len(unique) > 6) + (len(unique) > 12), framealpha=0.7
        )
    return save(figure, path)


def neighbors(path: Path, rows: list[tuple[str, list[tuple[np.ndarray, str]]]]) -> Path:
    """ECG strips, a row a query: (what the query is, [(window (1280,) mV, what it is), ...]), the query's own first."""
    count = max(len(strips) for _, strips in rows)
    figure = new_figure((SIZE[0] * 2.1, 1.15 * len(rows)))
    time = np.arange(0, 1280, 2) / RATE
    for line, (name, strips) in zip(figure.subplots(len(rows), count, squeeze=False, sharex=True), rows, strict=True):
        for number, (axis, (window, what)) in enumerate(zip(line, strips, strict=True)):
            z = window - np.median(window)
            axis.plot(time, z[::2], lw=0.6, color="C3" if number == 0 else "0.2")
            axis.set_title(f"query: {name}" if number == 0 else what, fontsize=7)
            axis.set_ylim(*np.percentile(z, [0, 100]) + np.array([-0.1, 0.1]))
            axis.set_xticks([])
            axis.set_yticks([])
    return save(figure, path)


CURVES = {  # title -> (how the rows' names begin, label of the axis)
    "gain": ("gain x", "factor"),
    "offset": ("offset ", "mV"),
    "recorded noise (nstdb)": ("nstdb noise, ", "SNR in dB"),
    "source rate": ("source rate ", "Hz"),
}


def moved(path: Path, rows: list[dict]) -> Path:
    """Cosine before and after a change, mean and 5th percentile: a curve for what has a size, bars for the rest.

    rows: those of train/studies/invariance.py; the probe's macro AUC is drawn where it was measured.
    """
    figure = new_figure((SIZE[0] * 1.3, SIZE[1]))
    *curves, others, probe = figure.subplots(2, 3).flat
    rest = [r for r in rows if r["change"] not in ("nothing", "another person")]
    for axis, (title, (start, unit)) in zip(curves, CURVES.items(), strict=True):
        found = [r for r in rest if r["change"].startswith(start)]
        rest = [r for r in rest if r not in found]
        if not found:
            axis.set_axis_off()
            continue
        _curve(axis, [float(r["change"][len(start) :].split()[0]) for r in found], found)
        axis.set_title(title, fontsize=9)
        axis.set_xlabel(unit)
        if title == "gain":
            axis.set_xscale("log", base=2)
    others.barh([r["change"] for r in rest], [r["mean"] for r in rest], color="C0", height=0.5)
    others.plot([r["percentile_5"] for r in rest], range(len(rest)), "|", color="k", ms=10)
    others.tick_params(labelsize=6)
    others.set_title("others: mean, mark: 5th percentile", fontsize=9)
    _aucs(probe, [r for r in rows if r.get("superclass_auc") is not None])
    return save(figure, path)


def _curve(axis, sizes: list[float], found: list[dict]) -> None:
    order = np.argsort(sizes)
    for key, style in (("mean", "o-"), ("percentile_5", "v--")):
        axis.plot(
            np.array(sizes)[order], np.array([r[key] for r in found])[order], style, ms=3, label=key.replace("_", " ")
        )
    axis.set_ylim(min(0.9, *(r["percentile_5"] - 0.05 for r in found)), 1.02)
    axis.set_ylabel("cosine")
    axis.grid(alpha=0.3)
    axis.legend(fontsize=6)


def _aucs(axis, found: list[dict]) -> None:
    axis.barh([r["change"] for r in found], [r["superclass_auc"] for r in found], color="C2", height=0.6)
    axis.tick_params(labelsize=5)
    axis.set_xlim(0.5, 0.9)
    axis.set_title("probe fitted on clean windows:\nmacro AUC of superclasses", fontsize=8)


SIZES = {
    "macs": "M multiply-accumulates a window",
    "kilobytes": "KB of weights",
    "microseconds": "µs a window, where it was probed",
}


def sizes(path: Path, models: dict[str, dict[str, float]], peers: dict[str, dict[str, float]]) -> Path:
    """Mean score against multiply-accumulates, bytes and time: by name the keys of `SIZES` and "score".

    Peers have no multiply-accumulates and bytes that would compare: lines there, points where time is the axis.
    """
    figure = new_figure((SIZE[0] * 1.6, SIZE[1] * 0.55))
    for axis, (key, title) in zip(figure.subplots(1, len(SIZES), sharey=True), SIZES.items(), strict=True):
        order = sorted(models, key=lambda name: models[name][key])
        axis.plot([models[n][key] for n in order], [models[n]["score"] for n in order], "o-", color="C0")
        for number, name in enumerate(order):  # below and above in turns
            place = models[name][key], models[name]["score"]
            axis.annotate(name, place, textcoords="offset points", xytext=(-6, (-13, 6)[number % 2]), fontsize=8)
        for number, (name, peer) in enumerate(peers.items()):
            look = {"color": f"C{number + 1}", "label": name}
            if key in peer:
                axis.plot(peer[key], peer["score"], "s", ms=5, **look)
            else:
                axis.axhline(peer["score"], lw=1, ls="--", **look)
        axis.set_xscale("log")
        axis.margins(x=0.2, y=0.1)
        axis.set_xlabel(title)
        axis.grid(alpha=0.3)
    figure.axes[0].set_ylabel("mean over the ten tasks")
    if peers:
        figure.axes[-1].legend(fontsize=7, loc="lower left")
    return save(figure, path)


def rhythms(path: Path, rows: list[tuple[str, np.ndarray, np.ndarray]]) -> Path:
    """Leads as they are, in black, over the same leads in another rhythm, in red: (title, (n,), (n,))
    each, at 128 Hz.
    """
    figure = new_figure((SIZE[0] * 1.6, 1.1 * len(rows)))
    for axis, (title, *leads) in zip(
        figure.subplots(len(rows), 1, squeeze=False, sharex=True)[:, 0], rows, strict=True
    ):
        for level, (lead, color) in enumerate(zip(leads, ("0.2", "C3"), strict=True)):
            axis.plot(np.arange(len(lead)) / RATE, lead - 140 * level, lw=0.7, color=color)
        axis.set_title(title, fontsize=7, loc="left", pad=1)
        axis.set_yticks([])
    axis.set_xlabel("s")
    return save(figure, path)
