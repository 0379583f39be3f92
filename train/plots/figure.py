"""A figure and its file. Drawn without pyplot: no global figure, no window system."""

import os
from pathlib import Path

SIZE, DPI = (7.0, 6.4), 80  # a page's width; a PNG well below 100 KB


def save(figure, path: Path) -> Path:
    """Write the picture at once or not at all."""
    part = path.with_name(f".{path.stem}.{os.getpid()}.part.png")
    try:
        figure.savefig(part, dpi=DPI)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
    return path


def new_figure(size: tuple[float, float] = SIZE):
    from matplotlib.figure import Figure

    return Figure(size, layout="constrained")
