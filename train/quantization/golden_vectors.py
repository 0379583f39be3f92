"""Golden vectors: synthetic signals, and the outputs that every engine must give for them.

NAME.golden.npz holds `names`, `model_id` and for each case `CASE.x` (n,) int32 canonical samples (1/8 microvolt, gaps
held), `CASE.missing` (n,) uint8, `CASE.fs_mhz`, `CASE.hop` (samples at 128 Hz), and the expected `CASE.e16`, `CASE.e8`
(windows, dim) and `CASE.flags` (windows,).
"""

import io
import warnings
from pathlib import Path

import numpy as np

import edgeecg
from edgeecg import reference
from edgeecg.errors import AmplitudeWarning, EdgeECGError
from edgeecg.model import Model, write_atomically

# Waves of one beat as sums of Gaussians: time from the R peak (s), height (mV), width (s); after McSharry et al.,
# "A dynamical model for generating synthetic electrocardiogram signals", IEEE TBME 2003.
WAVES = ((-0.2, 0.12, 0.03), (-0.03, -0.12, 0.01), (0.0, 1.1, 0.012), (0.03, -0.25, 0.012), (0.28, 0.3, 0.06))


def synthetic_ecg(seconds: float, fs: float, rate: float, rng: np.random.Generator, noise: float = 0.02) -> np.ndarray:
    """An ECG of `rate` beats per minute with respiratory rhythm, baseline wander and noise: float64 mV."""
    time = np.arange(round(seconds * fs)) / fs
    signal = 0.2 * np.sin(2 * np.pi * 0.22 * time) + noise * rng.standard_normal(len(time))
    beat = 0.3
    while beat < seconds + 1:
        early = rng.random() < 0.1  # an ectopic beat: early, wide, without P wave
        for shift, height, width in WAVES[1:] if early else WAVES:
            stretch = 2.2 if early else 1.0
            signal += height * np.exp(-0.5 * ((time - beat - shift * stretch) / (width * stretch)) ** 2)
        beat += 60 / rate * (0.65 if early else 1 + 0.05 * np.sin(2 * np.pi * 0.22 * beat))
    return signal


def cases(seed: int = 2024) -> dict[str, tuple[np.ndarray, np.ndarray, int, int]]:
    """Name -> (canonical samples, missing, fs in mHz, hop in samples at 128 Hz)."""
    rng = np.random.default_rng(seed)
    result = {}

    def case(name, signal, fs, hop=1280):
        x, missing = reference.samples(signal, "mV")
        result[name] = (x, missing, round(fs * 1000), hop)

    case("rest_128hz", synthetic_ecg(20, 128, 62, rng), 128.0)
    case("fast_360hz", synthetic_ecg(12, 360, 130, rng), 360.0, hop=128)
    case("wearable_250hz", synthetic_ecg(11, 250, 75, rng, noise=0.15) * 0.3 + 2.0, 250.0, hop=32)
    drifting = synthetic_ecg(10.1, 129.7, 80, rng)
    drifting[300:420] = np.nan
    case("gap_129_7hz", drifting, 129.7)
    loose = synthetic_ecg(20, 128, 90, rng)
    loose[700:1500] = 300.0
    case("lead_off_128hz", np.clip(loose, -0.8, 300.0), 128.0, hop=640)
    case("random_100hz", rng.uniform(-5, 5, 1001), 100.0)
    return result


def golden(model: Model) -> dict[str, np.ndarray]:
    """The arrays of the file."""
    arrays = {"model_id": np.array(model.id)}
    made = cases()
    for name, (x, missing, fs_mhz, hop) in made.items():
        e16, e8, flags = reference.embed(x, missing, fs_mhz, model, hop)
        values = {"x": x, "missing": missing.astype(np.uint8), "fs_mhz": np.array(fs_mhz), "hop": np.array(hop)}
        values |= {"e16": e16, "e8": e8, "flags": flags}
        arrays |= {f"{name}.{key}": value for key, value in values.items()}
    return arrays | {"names": np.array(list(made))}


def write_golden(path: Path, model: Model) -> None:
    """Write the file.

    Raises EdgeECGError, and writes nothing, where the compiled core gives other bytes than the reference.
    """
    arrays = golden(model)
    wrong = check_compiled_core(model, arrays)
    if wrong:
        raise EdgeECGError(f"the compiled core does not give the reference's bytes for {', '.join(wrong)}")
    packed = io.BytesIO()
    np.savez_compressed(packed, **arrays)
    write_atomically(path, packed.getvalue())


def check_compiled_core(model: Model, arrays: dict[str, np.ndarray]) -> list[str]:
    """Names of the cases for which the compiled core gives other embeddings or flags than the golden vectors."""
    encoder, wrong = edgeecg.load(model), []
    for name in arrays["names"]:
        x = np.where(arrays[f"{name}.missing"], np.int32(-(2**31)), arrays[f"{name}.x"])
        fs, hop = int(arrays[f"{name}.fs_mhz"]) / 1000, int(arrays[f"{name}.hop"]) / 128
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", AmplitudeWarning)  # one case is a loose electrode
            found = encoder.analyze(x, fs, hop, gain=8000.0, nan="mask")
        ours = {"e8": found.int8, "e16": found.embedding * 2.0**model.head.exponent, "flags": found.quality}
        if not all(np.array_equal(value, arrays[f"{name}.{key}"]) for key, value in ours.items()):
            wrong.append(str(name))
    return wrong
