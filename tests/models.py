"""Small random models of every shape, and signals to run them on: for every test that compares engines."""

import dataclasses

import numpy as np
from hypothesis import strategies as st

from edgeecg import reference
from edgeecg._model.components import tensor_strides
from edgeecg.constants import X_MAX
from edgeecg.model import Head, Layer, Model, default_front_end


class Net:
    """Builds a valid model layer by layer, with multipliers that keep the activations alive on an ECG.

    `tame` is False for multipliers and biases anywhere in their range: most outputs saturate then.
    """

    def __init__(self, seed: int, tame: bool = True, **front):
        self.rng = np.random.default_rng(seed)
        self.tame = tame
        self.front = default_front_end(**front)
        self.layers: list[Layer] = []
        self.channels = [self.front.channels]
        self.zeros = [128]
        self.tensors = [reference.front_end(canonical(ecg(4, 128, seed, offset=0)), 128_000, self.front)]

    def _append(self, layer: Layer) -> int:
        self.tensors.append(reference.apply_layer(reference, layer, self.tensors, self.zeros))
        self.layers.append(layer)
        self.channels.append(layer.cout)
        self.zeros.append(layer.zp_out)
        return len(self.layers)

    def conv(
        self,
        src: int,
        cout: int,
        kernel: int = 1,
        stride: int = 1,
        groups: int = 1,
        pad_left: int | None = None,
        requant: int = 0,
        zp_out: int = 0,
    ) -> int:
        weights = self.rng.integers(-128, 128, (cout, kernel, self.channels[src] // groups))
        pad_left = (kernel - 1) // 2 if pad_left is None else pad_left
        layer = Layer(
            "conv",
            src,
            cin=self.channels[src],
            cout=cout,
            groups=groups,
            kernel=kernel,
            stride=stride,
            pad_left=pad_left,
            requant=requant,
            zp_out=zp_out,
            weights=weights,
            bias=np.zeros(cout, np.int32),
        )
        changes = self._tame_arrays(layer) if self.tame else self._wild_arrays(layer)
        return self._append(dataclasses.replace(layer, **changes))

    def _tame_arrays(self, layer: Layer) -> dict:
        """Biases that cancel the input's zero point, multipliers that spread the sums over some 40 steps."""
        n, bits = layer.cout, 14 if layer.requant == 0 else 22
        acc = reference.accumulate(self.tensors[layer.src_a], layer, self.zeros[layer.src_a])
        spread = np.maximum(1, acc.std(axis=0))
        bias = -np.round(acc.mean(axis=0) + spread * self.rng.normal(0, 0.3, n)).astype(np.int64)
        mult = np.clip(self.rng.uniform(30, 50, n) * 2.0**bits / spread, 1, 2 ** (bits - 1) - 1).astype(np.int64)
        if layer.requant == 0:
            return {"bias": bias, "mult": mult}
        mult[0] *= -1  # a batch norm may turn the sign
        return {"bias": bias, "mult": mult, "mult_neg": mult // 5, "add": self.rng.integers(-(1 << 26), 1 << 26, n)}

    def _any_size(self, high: int, n: int, signed: bool = True):
        """Integers of every order of magnitude from 1 to `high`, the limit itself among them."""
        size = np.minimum(high, np.exp2(self.rng.uniform(0, np.log2(high) + 0.1, n)).astype(np.int64))
        return size * self.rng.choice([-1, 1], n) if signed else size

    def _wild_arrays(self, layer: Layer) -> dict:
        n = layer.cout
        if layer.requant == 0:
            return {"bias": self._any_size(1 << 30, n), "mult": self._any_size(8191, n, signed=False)}
        mult, mult_neg = self._any_size((1 << 23) - 1, n), self._any_size((1 << 23) - 1, n)
        return {
            "bias": self._any_size(1 << 30, n),
            "mult": mult,
            "mult_neg": mult_neg,
            "add": self._any_size((1 << 31) - 1, n),
        }

    def add(self, a: int, b: int, zp_out: int = 0) -> int:
        limits = (8192, 16384) if self.tame else (1, 32768)
        m_a, m_b = (int(m) for m in self.rng.integers(*limits, 2))
        channels = self.channels[a]
        return self._append(Layer("add", a, b, cin=channels, cout=channels, zp_out=zp_out, m_a=m_a, m_b=m_b))

    def max_pool(self, src: int, kernel: int, stride: int, pad_left: int = 0) -> int:
        channels = self.channels[src]
        return self._append(
            Layer(
                "max_pool",
                src,
                cin=channels,
                cout=channels,
                kernel=kernel,
                stride=stride,
                pad_left=pad_left,
                zp_out=self.zeros[src],
            )
        )

    def model(
        self, pool: int = 3, dim: int = 128, zp_mean: int = 0, exponent: int = 12, name: str = "test", levels: int = 0
    ) -> Model:
        channels, frames = self.channels[-1], self.front.window // tensor_strides(self.layers)[-1]
        weights = self.rng.integers(-128, 128, (dim, channels * (2 if pool == 3 else 1)))
        mean_mult = None if pool == 2 else np.full(channels, np.clip(2**14 // frames, 1, 8191))
        head = Head(
            pool=pool,
            zp_mean=0 if pool == 2 else zp_mean,
            frames=frames,
            dim=dim,
            exponent=exponent,
            levels=levels,
            mean_mult=mean_mult,
            weights=weights,
            bias=np.zeros(dim),
            mult=np.ones(dim),
        )
        if self.tame:  # features vary by some 10 steps: let that fill a tenth of the embedding's range
            usual = weights @ reference.pool(self.tensors[-1][:frames], head, self.zeros[-1])
            high = 2 + int(3000 * 2**6 / (10 * 74 * np.sqrt(weights.shape[1])))
            head = dataclasses.replace(head, bias=-usual, mult=self.rng.integers(1, high, dim))
        else:
            head = dataclasses.replace(head, mult=self._any_size(8191, dim, signed=False))
        return Model(name, self.front, tuple(self.layers), head, {"licence": "MIT", "sources": []})


def edge_like(seed: int = 0, **front) -> Model:
    """A dense stem, then depthwise and pointwise pairs: the shape of the default encoder."""
    net = Net(seed, **front)
    last = net.conv(0, 16, kernel=7, stride=2)
    for cout, stride in ((24, 2), (32, 2), (48, 1)):
        last = net.conv(last, net.channels[last], kernel=9, stride=stride, groups=net.channels[last], zp_out=7)
        last = net.conv(last, cout)
    return net.model(levels=3)


def resnet_like(seed: int = 1, **front) -> Model:
    """Residual blocks, one with a strided projection."""
    net = Net(seed, **front)
    last = net.conv(0, 8, kernel=7, stride=4)
    for cout, stride in ((8, 1), (12, 2)):
        inner = net.conv(last, cout, kernel=5, stride=stride)
        inner = net.conv(inner, cout, kernel=5, zp_out=121)
        skip = last if stride == 1 else net.conv(last, cout, stride=stride, zp_out=130)
        last = net.add(inner, skip)
    return net.model(pool=1, zp_mean=3)


def basic_cnn_like(seed: int = 2, **front) -> Model:
    """Leaky ReLU followed by batch norm (requantization 1), strides 4, 3, 2."""
    net = Net(seed, **front)
    last = 0
    for cout, kernel, stride in ((6, 7, 4), (9, 7, 3), (10, 5, 2), (12, 3, 1)):
        last = net.conv(last, cout, kernel=kernel, stride=stride, requant=1, zp_out=90 + cout)
    return net.model(pool=1, dim=33)


def pooled(seed: int = 3, **front) -> Model:
    """Max pools with and without padding between convolutions; the maximum in the head."""
    net = Net(seed, **front)
    last = net.conv(0, 6, kernel=7, zp_out=20)
    last = net.max_pool(last, 2, 2)
    last = net.conv(last, 10, kernel=5, pad_left=4, zp_out=128)
    last = net.max_pool(last, 3, 3, pad_left=1)
    return net.model(pool=2, dim=17)


def grouped(seed: int = 4, **front) -> Model:
    """Two front-end channels, groups that widen and narrow, a kernel shorter than its stride, causal padding."""
    net = Net(seed, **{"channels": 2, "gain": (1626, 406), **front})
    last = net.conv(0, 12, kernel=8, stride=2, groups=2, pad_left=7)
    last = net.conv(last, 18, kernel=3, groups=6, zp_out=100)
    last = net.conv(last, 9, kernel=2, stride=5, groups=3, pad_left=0)
    return net.model(dim=5)


def plain(seed: int = 5, **front) -> Model:
    """Front end of kind 0: samples at 128 Hz as they are."""
    net = Net(seed, **{"kind": 0, "direct_gain": 8_000, **front})
    net.conv(0, 7, kernel=16, stride=8)
    return net.model(dim=11)


def saturated(seed: int = 9, **front) -> Model:
    """Multipliers, biases and additions anywhere in their ranges: every limit is met."""
    net = Net(seed, tame=False, **front)
    a = net.conv(0, 9, kernel=11, stride=6, zp_out=200)
    b = net.conv(a, 9, kernel=3, requant=1, zp_out=17)
    net.add(a, b, zp_out=99)
    return net.model(dim=40, levels=3)


def wide(seed: int = 7, **front) -> Model:
    """The largest accumulators: 256 taps of 128 channels, weights and biases at their limits."""
    net = Net(seed, tame=False, **{"window": 320, **front})
    last = net.conv(0, 128, kernel=1, stride=8)
    net._append(_largest_sums(last))
    return net.model(dim=3)


def _largest_sums(src: int) -> Layer:
    signs = np.array([1, -1, 1, -1])
    weights = np.broadcast_to(np.where(signs > 0, 127, -128)[:, None, None], (4, 256, 128))
    bias = np.where(signs > 0, 1 << 30, -(1 << 30))
    mult = np.array([8191, 8191, 1, 1])
    return Layer(
        "conv", src, cin=128, cout=4, kernel=256, pad_left=100, weights=weights, bias=bias, mult=mult, zp_out=128
    )


SHAPES = {f.__name__: f for f in (edge_like, resnet_like, basic_cnn_like, pooled, grouped, plain, saturated, wide)}
"""Every kind of layer, head and front end, by name."""


def tiny(seed: int = 8) -> Model:
    """The smallest file that has every section: for tests that change each of its bytes."""
    net = Net(seed, window=64, table_half=4, baseline=16, reach=1, flat_blocks=1, off_blocks=1)
    last = net.conv(0, 2, kernel=3, stride=2)
    side = net.conv(last, 2, kernel=1, requant=1, zp_out=60)
    last = net.add(last, side)
    net.max_pool(last, 2, 2)
    return net.model(dim=2, name="tiny")


@st.composite
def models(draw) -> Model:
    """Any small valid model: up to six layers that read any tensor before them."""
    channels = draw(st.integers(1, 3))
    window = 32 * draw(st.integers(2, 8))
    front = {
        "channels": channels,
        "window": window,
        "gain": tuple(draw(st.integers(1, 4000)) for _ in range(channels)),
        "baseline": draw(st.sampled_from([16, 32, 64, 128, 256])),
        "reach": draw(st.integers(1, 16)),
        "floor": draw(st.integers(1, 50)),
        "min_rate": draw(st.integers(64_000, 128_000)),
        "table_half": draw(st.integers(4, 32)),
    }
    if draw(st.integers(0, 4)) == 0:
        front = {"kind": 0, "window": window, "direct_gain": draw(st.integers(1, 1 << 30))}
    front["noise"] = draw(st.one_of(st.just(0), st.integers(0, window // 32 * 186)))
    net = Net(draw(st.integers(0, 2**32 - 1)), tame=draw(st.booleans()), **front)
    last, stride = 0, 1
    for _ in range(draw(st.integers(1, 4))):
        step = draw(st.sampled_from([1, 1, 2, 3])) if stride <= 16 else 1
        stride *= step
        last = _draw_layer(draw, net, last, step)
    dim = draw(st.integers(1, 9))
    levels = draw(st.sampled_from([0, 3])) if dim >= 3 and net.front.kind == 1 else 0
    return net.model(pool=draw(st.integers(1, 3)), dim=dim, zp_mean=draw(st.integers(0, 255)), levels=levels)


def _draw_layer(draw, net: Net, last: int, stride: int) -> int:
    """One layer behind `last`, or a residual block of up to four layers; the index of its output."""
    kind = draw(st.sampled_from(["conv", "depthwise", "pointwise", "grouped", "max_pool", "residual"]))
    cin = net.channels[last]
    kernel = draw(st.integers(1, 9))
    pad_left = draw(st.integers(0, kernel - 1))
    requant, zp_out = draw(st.integers(0, 1)), draw(st.integers(0, 255))
    if kind == "max_pool":
        return net.max_pool(last, kernel, stride, pad_left)
    if kind == "pointwise":
        return net.conv(last, draw(st.integers(1, 20)), stride=stride, requant=requant, zp_out=zp_out)
    groups = {"depthwise": cin, "grouped": draw(st.sampled_from([g for g in range(1, cin + 1) if cin % g == 0]))}.get(
        kind, 1
    )
    cout = groups * draw(st.integers(1, 20 // groups if groups < 20 else 1))
    out = net.conv(last, cout, kernel, stride, groups, pad_left, requant, zp_out)
    if kind == "residual":
        skip = (
            last
            if stride == 1 and cout == cin
            else net.conv(last, cout, stride=stride, zp_out=draw(st.integers(0, 255)))
        )
        out = net.add(out, skip, zp_out)
    return out


def ecg(seconds: float, fs: float, seed: int = 0, bpm: float = 70.0, offset: float | None = None) -> np.ndarray:
    """An artificial lead in mV `(n,)`: QRS, T wave, wander, mains, noise and an electrode `offset` (None: any)."""
    rng = np.random.default_rng(seed)
    t = np.arange(int(seconds * fs)) / fs
    beats = np.cumsum(rng.normal(60 / bpm, 0.03, int(seconds * bpm / 60) + 5))
    phase = t[:, None] - beats[None, :]
    qrs = (1.2 * np.exp(-((phase / 0.012) ** 2)) - 0.3 * np.exp(-(((phase - 0.03) / 0.012) ** 2))).sum(axis=1)
    wave = (0.25 * np.exp(-(((phase - 0.25) / 0.05) ** 2)) + 0.1 * np.exp(-(((phase + 0.17) / 0.03) ** 2))).sum(axis=1)
    drift = 0.3 * np.sin(2 * np.pi * 0.21 * t + 1) + 0.02 * np.sin(2 * np.pi * 50 * t)
    offset = rng.uniform(-100, 100) if offset is None else offset
    return qrs + wave + drift + rng.normal(0, 0.01, len(t)) + offset


def canonical(millivolts: np.ndarray) -> np.ndarray:
    """Canonical samples (1/8 microvolt) of millivolts, `(n,)` int32."""
    return np.clip(np.round(np.asarray(millivolts) * 8000), -X_MAX, X_MAX).astype(np.int32)


def format_212(path) -> np.ndarray:
    """ADC values (n, 2) of a WFDB signal file in format 212: two 12-bit numbers in three bytes."""
    low, middle, high = np.fromfile(path, np.uint8).reshape(-1, 3).astype(int).T
    pair = np.stack([low + (middle & 15) * 256, high + (middle >> 4) * 256], axis=1)
    return pair - (pair >= 2048) * 4096


def recording_for(model: Model, seconds: float = 30, fs: float = 360, seed: int = 0) -> tuple[np.ndarray, int]:
    """(canonical samples, rate in millihertz) that `model` takes: kind 0 only knows 128 Hz and no offset."""
    if model.front.kind == 0:
        return canonical(ecg(seconds, 128, seed, offset=0)), 128_000
    return canonical(ecg(seconds, fs, seed)), round(fs * 1000)


@st.composite
def recordings(draw, min_samples: int = 1, max_samples: int = 3000) -> np.ndarray:
    """Canonical samples `(n,)` int32 of every sort: ECG, noise at any level, steps, constants, limits."""
    n = draw(st.integers(min_samples, max_samples))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    kind = draw(st.sampled_from(["ecg", "noise", "steps", "constant", "limits"]))
    if kind == "ecg":
        return canonical(ecg(n / 100 + 1, 100, int(rng.integers(1 << 30)))[:n])
    if kind == "noise":
        size = 2.0 ** rng.uniform(0, 22)
        return np.clip(rng.normal(0, size, n), -X_MAX, X_MAX).astype(np.int32)
    if kind == "steps":
        return np.repeat(rng.integers(-X_MAX, X_MAX + 1, n), rng.integers(1, 200, n))[:n].astype(np.int32)
    if kind == "constant":
        return np.full(n, rng.integers(-X_MAX, X_MAX + 1), np.int32)
    return rng.choice([-X_MAX, X_MAX, 0], n).astype(np.int32)
