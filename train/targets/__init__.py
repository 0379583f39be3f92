"""The regression targets of the recipe's heads: computed from the signal, never from human labels."""

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
