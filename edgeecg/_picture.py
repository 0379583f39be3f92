"""An Analysis as a small SVG picture, for notebooks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .quality import Quality

if TYPE_CHECKING:
    from .results import Analysis

__all__ = ["picture"]

COLORS = {
    "good": "#4c9f70",
    "missing": "#b0b0b0",
    "lead-off": "#7a5195",
    "noisy": "#e8a33d",
    "flat": "#5b6b8c",
    "clipped": "#d1495b",
}
WIDTH, HEIGHT = 640, 96  # of the picture, in pixels
MOST_POINTS = 320  # of a line


def picture(analysis: Analysis) -> str:
    """The distance of each window's embedding from the usual one, over a strip of its quality, as SVG."""
    n = len(analysis.start)
    if not n:
        return ""
    usual = np.median(analysis.embedding, axis=0)
    distance = np.linalg.norm(analysis.embedding - usual, axis=1)
    step = -(-n // MOST_POINTS)
    shown = np.maximum.reduceat(distance, np.arange(0, n, step))
    highest = float(shown.max()) or 1.0
    x = (np.arange(len(shown)) + 0.5) * WIDTH / len(shown)
    y = 8 + (HEIGHT - 32) * (1 - shown / highest)
    line = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x.tolist(), y.tolist(), strict=True))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" role="img">'
        "<title>distance of each window from the median embedding, and its quality</title>"
        f'<polyline points="{line}" fill="none" stroke="#30638e" stroke-width="1.2"/>'
        f"{quality_strip(analysis.quality)}</svg>"
    )


def quality_strip(quality: NDArray[np.uint8]) -> str:
    """Runs of windows with the same flags, a rectangle each, of the worst where there are too many."""
    step = -(-len(quality) // MOST_POINTS)
    shown = np.bitwise_or.reduceat(quality, np.arange(0, len(quality), step))
    edges = np.flatnonzero(np.diff(shown, prepend=shown[:1] ^ 1, append=shown[-1:] ^ 1))
    parts = []
    for begin, end in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        name = str(Quality(int(shown[begin])))
        color = next((color for flag, color in COLORS.items() if flag in name.split("+")), "#999999")
        left, width = begin * WIDTH / len(shown), (end - begin) * WIDTH / len(shown)
        parts.append(
            f'<rect x="{left:.1f}" y="{HEIGHT - 16}" width="{width:.1f}" height="10" fill="{color}">'
            f"<title>{name}</title></rect>"
        )
    return "".join(parts)
