"""The trunk: docs/numerics.md 3.

Weights lie as `[tap][cout]`, so that the innermost loop runs over output channels that lie in a row: LLVM makes
vectors of it. Sums are int32, as docs/numerics.md proves they may be.
"""

import numpy as np

from .._compiled import compiled
from .._operations import Array

FRAMES = 128
"""Output frames computed at once: what they read stays in the first or second level cache."""


@compiled()
def accumulate(x: Array, begin: int, weights: Array, bias: Array, acc: Array) -> None:
    """acc[c] = bias[c] + sum over taps j of x[begin + j] * weights[j, c]."""
    taps, cout = weights.shape
    for c in range(cout):
        acc[c] = bias[c]
    unrolled = taps - taps % 4
    for j in range(0, unrolled, 4):
        x0, x1 = np.int32(x[begin + j]), np.int32(x[begin + j + 1])
        x2, x3 = np.int32(x[begin + j + 2]), np.int32(x[begin + j + 3])
        w0, w1, w2, w3 = weights[j], weights[j + 1], weights[j + 2], weights[j + 3]
        for c in range(cout):
            acc[c] += x0 * w0[c] + x1 * w1[c] + x2 * w2[c] + x3 * w3[c]
    for j in range(unrolled, taps):
        x0, w0 = np.int32(x[begin + j]), weights[j]
        for c in range(cout):
            acc[c] += x0 * w0[c]


@compiled()
def accumulate_lanes(x: Array, begin: int, weights: Array, bias: Array, acc: Array) -> None:
    """acc[c] = bias[c] + sum over taps j of x[begin + j * cout + c] * weights[j, c]: an input of its own each lane."""
    taps, cout = weights.shape
    for c in range(cout):
        acc[c] = bias[c]
    unrolled = taps - taps % 4
    for j in range(0, unrolled, 4):
        at = begin + j * cout
        x0, x1 = x[at : at + cout], x[at + cout : at + 2 * cout]
        x2, x3 = x[at + 2 * cout : at + 3 * cout], x[at + 3 * cout : at + 4 * cout]
        w0, w1, w2, w3 = weights[j], weights[j + 1], weights[j + 2], weights[j + 3]
        for c in range(cout):
            acc[c] += (
                np.int32(x0[c]) * w0[c] + np.int32(x1[c]) * w1[c] + np.int32(x2[c]) * w2[c] + np.int32(x3[c]) * w3[c]
            )
    for j in range(unrolled, taps):
        at = begin + j * cout
        x0, w0 = x[at : at + cout], weights[j]
        for c in range(cout):
            acc[c] += np.int32(x0[c]) * w0[c]


@compiled()
def requantize(acc: Array, mult: Array, mult_neg: Array, add: Array, leaky: bool, zp_out: int, y: Array) -> None:
    """Sums of a frame -> uint8: linear, or leaky ReLU followed by an affine map."""
    if leaky:
        for c in range(len(acc)):
            v = np.int64(acc[c]) * (mult[c] if acc[c] >= 0 else mult_neg[c]) + add[c]
            y[c] = min(max(((v + (1 << 21)) >> 22) + zp_out, 0), 255)
    else:
        for c in range(len(acc)):
            v = np.int64(acc[c]) * mult[c]
            y[c] = min(max(((v + (1 << 13)) >> 14) + zp_out, 0), 255)


@compiled()
def copy_frames(x: Array, first: int, count: int, column: int, width: int, zero_point: int, rows: Array) -> None:
    """`width` columns of `count` frames from `first` on, one frame behind the other; frames outside are zero points."""
    for f in range(count):
        at, frame = f * width, first + f
        if 0 <= frame < len(x):
            for i in range(width):
                rows[at + i] = x[frame, column + i]
        else:
            rows[at : at + width] = zero_point


@compiled()
def spread_frames(x: Array, first: int, count: int, each_in: int, each_out: int, zero_point: int, rows: Array) -> None:
    """Frames as copy_frames, each as `each_in` rows of what every output channel reads: [frame][each_in][cout]."""
    groups = x.shape[1] // each_in
    width = each_in * groups * each_out
    for f in range(count):
        at, frame = f * width, first + f
        if 0 <= frame < len(x):
            for i in range(each_in):
                for group in range(groups):
                    value = x[frame, group * each_in + i]
                    for _c in range(each_out):
                        rows[at] = value
                        at += 1
        else:
            rows[at : at + width] = zero_point


FRAMES = 128
"""Output frames computed at once: what they read stays in the first or second level cache."""


@compiled()
def conv_dense(
    x: Array,
    zero_point: int,
    kernel: int,
    stride: int,
    pad_left: int,
    weights: Array,
    bias: Array,
    requant: Array,
    leaky: bool,
    zp_out: int,
    y: Array,
) -> None:
    """Group after group as a dense convolution. `weights` (groups, kernel * each_in, each_out)."""
    groups, taps, each_out = weights.shape
    each_in = taps // kernel
    rows = np.empty((FRAMES * stride + kernel) * each_in, np.uint8)
    acc = np.empty(each_out, np.int32)
    for begin in range(0, len(y), FRAMES):
        end = min(begin + FRAMES, len(y))
        count = (end - begin - 1) * stride + kernel
        for group in range(groups):
            copy_frames(x, begin * stride - pad_left, count, group * each_in, each_in, zero_point, rows)
            c = group * each_out
            mult, mult_neg, add = (
                requant[0, c : c + each_out],
                requant[1, c : c + each_out],
                requant[2, c : c + each_out],
            )
            for o in range(begin, end):
                accumulate(rows, (o - begin) * stride * each_in, weights[group], bias[c : c + each_out], acc)
                requantize(acc, mult, mult_neg, add, leaky, zp_out, y[o, c : c + each_out])


@compiled()
def conv_grouped(
    x: Array,
    zero_point: int,
    kernel: int,
    stride: int,
    pad_left: int,
    weights: Array,
    bias: Array,
    requant: Array,
    leaky: bool,
    zp_out: int,
    y: Array,
) -> None:
    """All groups at once, for small ones and depthwise. `weights` (kernel * each_in, cout)."""
    taps, cout = weights.shape
    each_in = taps // kernel
    each_out = cout * each_in // x.shape[1]
    rows = np.empty((FRAMES * stride + kernel) * each_in * cout, np.uint8)
    acc = np.empty(cout, np.int32)
    for begin in range(0, len(y), FRAMES):
        end = min(begin + FRAMES, len(y))
        count = (end - begin - 1) * stride + kernel
        spread_frames(x, begin * stride - pad_left, count, each_in, each_out, zero_point, rows)
        for o in range(begin, end):
            accumulate_lanes(rows, (o - begin) * stride * each_in * cout, weights, bias, acc)
            requantize(acc, requant[0], requant[1], requant[2], leaky, zp_out, y[o])


@compiled()
def add_tensors(a: Array, b: Array, zero_a: int, zero_b: int, m_a: int, m_b: int, zp_out: int, y: Array) -> None:
    """Two flat uint8 tensors."""
    for i in range(len(y)):
        v = (np.int32(a[i]) - zero_a) * m_a + (np.int32(b[i]) - zero_b) * m_b
        y[i] = min(max(((v + (1 << 13)) >> 14) + zp_out, 0), 255)


@compiled()
def max_pool(x: Array, kernel: int, stride: int, pad_left: int, y: Array) -> None:
    """The largest of the frames that exist."""
    channels = x.shape[1]
    for o in range(len(y)):
        first = o * stride - pad_left
        for c in range(channels):
            y[o, c] = 0
        for frame in range(max(first, 0), min(first + kernel, len(x))):
            for c in range(channels):
                y[o, c] = max(y[o, c], x[frame, c])
