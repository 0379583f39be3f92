"""Heads: small integer classifiers on the embedding, in `.eech` files.

>>> import edgeecg, edgeecg.heads
>>> head = edgeecg.heads.quantize([[0.5] * 128], [-1.0], classes=["AF"], kind="independent", encoder=edgeecg.load())
>>> analysis = edgeecg.load().analyze([0.0] * 2560, heads=[head])
>>> analysis.heads[0].probability.shape
(2, 1)
"""

from __future__ import annotations

from .file import from_bytes, load, save, to_bytes
from .head import Head, HeadResult, Smoothing
from .quantize import from_sklearn, quantize

__all__ = [
    "Head",
    "HeadResult",
    "Smoothing",
    "from_bytes",
    "from_sklearn",
    "load",
    "quantize",
    "save",
    "to_bytes",
]
