"""A progress bar on stderr, and how durations are written."""

import sys
from typing import TextIO

__all__ = ["Progress", "clock"]


def clock(seconds: float) -> str:
    """0:05, 30:06, 24:00:00."""
    minutes, second = divmod(int(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"


class Progress:
    """A bar that is redrawn on a terminal, and one line a step where stderr is a file or a pipe."""

    def __init__(self, total: float, enabled: bool = True, stream: TextIO | None = None):
        self.total, self.enabled, self.stream = total, enabled, stream or sys.stderr
        self.done = 0.0
        self.live = self.stream.isatty()

    def start(self, text: str) -> None:
        """What is being worked on."""
        if self.live:
            self._draw(text)

    def step(self, amount: float, text: str) -> None:
        """`amount` of `total` is done."""
        self.done += amount
        if self.live:
            self._draw(text)
        elif self.enabled:
            print(f"{self._percent()} {text}", file=self.stream, flush=True)

    def say(self, text: str) -> None:
        """A line that stays (a warning), above the bar."""
        print(("\r\x1b[K" if self.live and self.enabled else "") + text, file=self.stream, flush=True)

    def close(self) -> None:
        """End the bar's line."""
        if self.live and self.enabled:
            print(file=self.stream, flush=True)

    def _percent(self) -> str:
        return f"{100 * min(1.0, self.done / self.total if self.total else 1.0):3.0f} %"

    def _draw(self, text: str) -> None:
        if not self.enabled:
            return
        import shutil  # here: it takes long to import

        width = shutil.get_terminal_size().columns
        filled = round(20 * min(1.0, self.done / self.total if self.total else 1.0))
        line = f"[{'#' * filled}{'.' * (20 - filled)}] {self._percent()} {text}"
        print(f"\r\x1b[K{line[: width - 1]}", end="", file=self.stream, flush=True)
