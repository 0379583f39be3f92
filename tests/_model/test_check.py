"""Every range of docs/format.md: a model outside of it is refused with a sentence that names the fault."""

import dataclasses

import numpy as np
import pytest

from edgeecg.errors import ModelError
from edgeecg.model import kernel_table
from tests import models


def front(**changes):
    return lambda m: dataclasses.replace(m, front=dataclasses.replace(m.front, **changes))


def layer(index, **changes):
    def apply(m):
        layers = list(m.layers)
        layers[index] = dataclasses.replace(layers[index], **changes)
        return dataclasses.replace(m, layers=layers)

    return apply


def head(**changes):
    return lambda m: dataclasses.replace(m, head=dataclasses.replace(m.head, **changes))


def tail(*more):
    return lambda m: dataclasses.replace(m, layers=[*m.layers, *more])


CONV, LEAKY, ADD, POOL = range(4)
BIG = kernel_table(4).astype(np.int64) * 4
OPEN = np.concatenate([kernel_table(4)[:-1], [1]])
FAULTS = [
    (lambda m: dataclasses.replace(m, name="x" * 24), "model name .* at most 23 bytes"),
    (lambda m: dataclasses.replace(m, name="a\0b"), "without NUL"),
    (lambda m: dataclasses.replace(m, meta={"a": np.zeros(2)}), "metadata cannot be written as JSON"),
    (lambda m: dataclasses.replace(m, meta=["a"]), "metadata must be a dict, not list"),
    (lambda m: dataclasses.replace(m, layers=[]), "1 .. 64 layers, not 0"),
    (lambda m: dataclasses.replace(m, layers=[m.layers[0]] * 65), "1 .. 64 layers, not 65"),
    (front(kind=2), "kind is 2, allowed is 0 .. 1"),
    (front(channels=0, gain=()), "channels is 0"),
    (front(channels=5, gain=(1,) * 5), "channels is 5, allowed is 1 .. 4"),
    (front(kind=0, table=None, direct_gain=1, channels=2, gain=(1, 1)), "channels is 2, allowed is 1"),
    (front(window=16), "window is 16"),
    (front(window=72), "window is 72, not a multiple of 32"),
    (front(window=5152), "window is 5152"),
    (front(baseline=24), "baseline is 24, allowed is 16, 32"),
    (front(reach=0), "reach is 0"),
    (front(reach=17), "reach is 17"),
    (front(table_half=3, table=None), "table_half is 3"),
    (front(table_half=5), "table has shape .129,., expected .161,."),
    (front(min_rate=63_999), "min_rate is 63999"),
    (front(min_rate=128_001), "min_rate is 128001"),
    (front(floor=0), "floor is 0"),
    (front(floor=2.5), "floor is 2.5"),
    (front(gain=(65536,)), "gain is 65536"),
    (front(gain=(1, 1)), "2 gains for 1 channels"),
    (front(direct_gain=1), "direct_gain is 1, allowed is 0"),
    (front(kind=0, table=None, direct_gain=0), "direct_gain is 0, allowed is 1 .. 1073741824"),
    (front(kind=0, direct_gain=1), "kind 0 has a resampling table"),
    (front(flat_max=65536), "flat_max is 65536"),
    (front(flat_blocks=3), "flat_blocks is 3, allowed is 1 .. 2"),
    (front(off_blocks=0), "off_blocks is 0"),
    (front(clip_ms=0), "clip_ms is 0"),
    (front(noise=-1), "noise is -1"),
    (front(noise=2 * 186 + 1), "noise is 373, allowed is 0 .. 372"),
    (front(table=BIG), "table does not fit int16: it spans"),
    (front(table=np.full(129, 20000)), "ends in 20000, must be 0"),
    (front(table=np.array([20000] * 128 + [0])), "sums to 80000 in a phase, allowed is 65536"),
    (front(table=OPEN), "table ends in 1, must be 0"),
    (layer(CONV, op="relu"), "layer 1: operation 'relu'"),
    (layer(CONV, src_a=1), "layer 1 .conv.: src_a is 1, allowed is 0"),
    (layer(CONV, src_b=0), "only add has a second source"),
    (layer(CONV, cin=0), "cin is 0"),
    (layer(LEAKY, cin=3), "cin is 3, but tensor 1 has 2 channels"),
    (layer(CONV, cout=1025), "cout is 1025"),
    (layer(CONV, groups=2), "2 groups do not divide 1 and 2 channels"),
    (layer(CONV, groups=0), "groups is 0"),
    (layer(CONV, kernel=257), "kernel is 257, allowed is 1 .. 256"),
    (layer(CONV, stride=17), "stride is 17"),
    (layer(CONV, pad_left=3), "pad_left is 3, allowed is 0 .. 2"),
    (layer(CONV, zp_out=256), "zp_out is 256"),
    (layer(CONV, requant=2), "requant is 2"),
    (layer(CONV, m_a=1), "m_a is 1, allowed is 0"),
    (layer(CONV, weights=None), "weights is missing"),
    (layer(CONV, weights=np.zeros((2, 3))), "weights has shape .2, 3., expected .2, 3, 1."),
    (layer(CONV, weights=np.full((2, 3, 1), 128)), "weights does not fit int8"),
    (layer(CONV, weights=np.full((2, 3, 1), 0.5)), "weights must be integers, not float64"),
    (layer(CONV, bias=np.array([0, 2**30 + 1])), "bias spans 0 .. 1073741825"),
    (layer(CONV, mult=np.array([0, 1])), "mult spans 0 .. 1, allowed is 1 .. 8191"),
    (layer(CONV, mult=np.array([1, 8192])), "mult spans 1 .. 8192"),
    (layer(CONV, mult_neg=np.array([1, 1])), "mult_neg is given but not used"),
    (layer(LEAKY, mult=np.array([0, 2**23])), "mult spans 0 .. 8388608"),
    (layer(LEAKY, mult_neg=np.array([0, -(2**23)])), "mult_neg spans -8388608"),
    (layer(LEAKY, add=np.array([0, -(2**31)])), "add spans -2147483648"),
    (layer(ADD, src_b=None), "src_b is -1"),
    (layer(ADD, src_b=1), "both sources are tensor 1"),
    (layer(ADD, src_b=0), "tensor 0 has 1 channels, not 2"),
    (layer(ADD, src_b=3), "src_b is 3, allowed is 0 .. 2"),
    (layer(ADD, kernel=2), "kernel is 2, allowed is 1"),
    (layer(ADD, stride=2), "stride is 2, allowed is 1"),
    (layer(ADD, cout=3), "cout is 3, must equal cin, 2"),
    (layer(ADD, groups=2), "groups is 2, allowed is 1"),
    (layer(ADD, m_a=0), "m_a is 0, allowed is 1 .. 32767"),
    (layer(ADD, m_b=32768), "m_b is 32768"),
    (layer(ADD, bias=np.zeros(2)), "bias is given but not used"),
    (layer(POOL, zp_out=9), "zp_out is 9, allowed is 0"),
    (layer(POOL, src_b=1), "only add has a second source"),
    (layer(POOL, requant=1), "requant is 1, allowed is 0"),
    (layer(POOL, m_a=1), "m_a is 1, allowed is 0"),
    (layer(POOL, src_a=1), "tensor 3 is not read by any layer"),
    (head(pool=0), "pool is 0"),
    (head(pool=2), "mean_mult is given but not used"),
    (head(pool=2, mean_mult=None, zp_mean=1), "zp_mean is 1, allowed is 0"),
    (head(frames=0), "head frames is 0, allowed is 1 .. 256"),
    (head(frames=15), "frames is 15, but a window of 64 has 16"),
    (head(dim=0), "dim is 0"),
    (head(dim=3), "weights has shape .2, 4., expected .3, 4."),
    (head(exponent=25), "exponent is 25"),
    (head(levels=2), "levels is 2, allowed is 0 or 3"),
    (head(levels=3), "3 levels and only 2 dimensions"),
    (head(mean_mult=np.array([1, 8192])), "mean_mult spans 1 .. 8192"),
    (head(bias=np.array([0, -(2**30) - 1])), "bias spans -1073741825"),
    (head(mult=np.array([1, -1])), "head mult spans -1 .. 1"),
]


@pytest.mark.parametrize(("change", "sentence"), FAULTS, ids=[sentence for _, sentence in FAULTS])
def test_a_model_outside_the_ranges_is_refused_with_a_sentence(change, sentence):
    with pytest.raises(ModelError, match=sentence):
        change(models.tiny())


def test_strides_and_frames_have_limits():
    def pooled(*strides, window=5120):
        net = models.Net(0, window=window)
        last = net.conv(0, 1)
        for stride in strides:
            last = net.max_pool(last, 1, stride)
        return net.model(dim=1)

    assert pooled(16, 16).total_stride == 256
    with pytest.raises(ModelError, match=r"layer 4 .max_pool.: total stride is 512, allowed is 256"):
        pooled(16, 16, 2)
    with pytest.raises(ModelError, match=r"head frames is 320, allowed is 1 .. 256"):
        pooled(16)
    with pytest.raises(ModelError, match="head frames is 1, but a window of 32 has 0"):
        front(window=32, flat_blocks=1, off_blocks=1)(pooled(16, 4, window=64))


def test_sources_of_an_addition_need_the_same_stride():
    net = models.Net(0, window=64)
    a = net.conv(0, 2, kernel=3)
    b = net.conv(a, 2, kernel=3, stride=2)
    layer = dataclasses.replace(models.tiny().layers[ADD], src_a=a, src_b=b)
    net.tensors.append(net.tensors[-1])
    net.layers.append(layer)
    net.channels.append(2)
    net.zeros.append(0)
    with pytest.raises(ModelError, match="its sources have strides 1 and 2"):
        net.model(dim=1)
