"""WFDB records that tests write themselves: pulses at a steady rate, whose codes an annotation file tells."""

import numpy as np

GAIN = 200.0


def beats(fs: float, seconds: float, period: float = 0.8, width: float = 0.02) -> tuple[np.ndarray, np.ndarray]:
    """mV of a pulse every `period` seconds on a slow wave, and where the pulses are (s)."""
    time = np.arange(round(seconds * fs)) / fs
    place = np.arange(period / 2, seconds - 0.2, period)
    return sum(np.exp(-((time - at) ** 2) / width**2) for at in place) + 0.05 * np.sin(time), place


def write_record(folder, name, fs, seconds=41.5, codes=None, annotator="atr", leads=("I",), **shape) -> None:
    """`codes`: from a pulse's time to its annotation; the leads are multiples of one another."""
    import wfdb

    signal, place = beats(fs, seconds, **shape)
    both = np.stack([signal * (1 + i) for i in range(len(leads))], 1)
    wfdb.wrsamp(
        name,
        fs=fs,
        units=["mV"] * len(leads),
        sig_name=list(leads),
        p_signal=both,
        fmt=["16"] * len(leads),
        adc_gain=[GAIN] * len(leads),
        baseline=[0] * len(leads),
        write_dir=str(folder),
    )
    if codes is not None:
        symbols = [codes(at) for at in place]
        wfdb.wrann(name, annotator, np.round(place * fs).astype(int), symbol=symbols, write_dir=str(folder))
