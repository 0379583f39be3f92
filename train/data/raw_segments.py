"""Segments of 10 s as the corpora have them, at their own rates and gains: for comparing whole engines."""

from pathlib import Path

import numpy as np

from edgeecg import jit
from edgeecg.errors import InputError
from train.data.corpora import Recording, corpus, corpus_folder, present_corpora


def raw_segments(data: Path | None, corpora: tuple[str, ...], count: int, window: int = 1280) -> list[Recording]:
    """About `count` stretches of 10 s, spread evenly over the recordings of each corpus."""
    names = present_corpora(data, corpora) if data else ["toy"]
    if not names:
        raise InputError(f"{data} holds none of {', '.join(corpora)}")
    chosen = []
    for name in names:
        share, found = -(-count // len(names)), []
        for recording in corpus(name).read(corpus_folder(data, name) if data else Path()):
            length = int(np.ceil(window / 128 * recording.fs))
            if len(recording.signal) >= length:
                found.append((recording, length))
        for place in np.linspace(0, len(found) - 1, share).round().astype(int):
            recording, length = found[place]
            start = (len(recording.signal) - length) * len(chosen) // count % (len(recording.signal) - length + 1)
            signal = np.asarray(recording.signal[start : start + length])
            chosen.append(Recording(name, name, recording.lead, recording.fs, signal, recording.gain))
    return chosen


def canonical(piece: Recording) -> np.ndarray:
    """Its samples in 1/8 microvolt, gaps held."""
    return jit.samples(np.asarray(piece.signal), gain=piece.gain)[0]
