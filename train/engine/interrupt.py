"""Ctrl-C and termination during a training: the step that is being taken ends, and what was reached is saved."""

import signal
import threading
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupts:
    """Waits for Ctrl-C (or `kill`) for the length of a block. The second one ends the process at once, as ever.

    Only the main thread of a process gets signals: elsewhere nothing is waited for.
    """

    def __init__(self):
        self.requested, self.signal = False, 0

    def __enter__(self) -> "Interrupts":
        self.before = {}
        if threading.current_thread() is threading.main_thread():
            self.before = {number: signal.signal(number, self.request) for number in SIGNALS}
        return self

    def __exit__(self, *_) -> None:
        for number, handler in self.before.items():
            signal.signal(number, handler)

    def request(self, number: int, frame: FrameType | None) -> None:
        if self.requested:
            raise KeyboardInterrupt
        self.requested, self.signal = True, number
