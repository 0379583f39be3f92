"""Recordings -> front end -> memory-mapped cache -> windows."""

from train.data.cache import Cache, open_cache
from train.data.corpora import CORPORA, PRETRAINING, Recording
from train.data.windows import Batch, WindowSampler

__all__ = ["CORPORA", "PRETRAINING", "Batch", "Cache", "Recording", "WindowSampler", "open_cache"]
