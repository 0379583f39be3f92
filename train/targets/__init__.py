"""What the recipe's heads learn to say about a window: computed from the signal, never from a person's labels."""

from train.targets.bank import Bank, open_bank
from train.targets.beats import Beats, find_beats
from train.targets.signal import SIGNAL, signal_statistics
from train.targets.statistics import FRAME, STATISTICS, BeatTargets

__all__ = [
    "FRAME",
    "SIGNAL",
    "STATISTICS",
    "Bank",
    "BeatTargets",
    "Beats",
    "find_beats",
    "open_bank",
    "signal_statistics",
]
