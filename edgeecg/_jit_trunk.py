"""Numba kernels of the trunk and the head: docs/numerics.md 3 and 4.

Weights lie as `[tap][cout]`, so that the innermost loop runs over output channels that lie in a row: LLVM makes
vectors of it. Sums are int32, as docs/numerics.md proves they may be.
"""

import numpy as np

from ._compiled import compiled


@compiled()
def accumulate(x, begin, weights, bias, acc):
    """acc[c] = bias[c] + sum over taps j of x[begin + j] * weights[j, c]."""
    taps, cout = weights.shape
    for c in range(cout):
        acc[c] = bias[c]
    whole = taps - taps % 4
    for j in range(0, whole, 4):
        x0, x1 = np.int32(x[begin + j]), np.int32(x[begin + j + 1])
        x2, x3 = np.int32(x[begin + j + 2]), np.int32(x[begin + j + 3])
        w0, w1, w2, w3 = weights[j], weights[j + 1], weights[j + 2], weights[j + 3]
        for c in range(cout):
            acc[c] += x0 * w0[c] + x1 * w1[c] + x2 * w2[c] + x3 * w3[c]
    for j in range(whole, taps):
        x0, w0 = np.int32(x[begin + j]), weights[j]
        for c in range(cout):
            acc[c] += x0 * w0[c]


@compiled()
def accumulate_lanes(x, begin, weights, bias, acc):
    """acc[c] = bias[c] + sum over taps j of x[begin + j * cout + c] * weights[j, c]: an input of its own each lane."""
    taps, cout = weights.shape
    for c in range(cout):
        acc[c] = bias[c]
    whole = taps - taps % 4
    for j in range(0, whole, 4):
        at = begin + j * cout
        x0, x1 = x[at : at + cout], x[at + cout : at + 2 * cout]
        x2, x3 = x[at + 2 * cout : at + 3 * cout], x[at + 3 * cout : at + 4 * cout]
        w0, w1, w2, w3 = weights[j], weights[j + 1], weights[j + 2], weights[j + 3]
        for c in range(cout):
            acc[c] += (
                np.int32(x0[c]) * w0[c] + np.int32(x1[c]) * w1[c] + np.int32(x2[c]) * w2[c] + np.int32(x3[c]) * w3[c]
            )
    for j in range(whole, taps):
        at = begin + j * cout
        x0, w0 = x[at : at + cout], weights[j]
        for c in range(cout):
            acc[c] += np.int32(x0[c]) * w0[c]


@compiled()
def requantise(acc, mult, mult_neg, add, leaky, zp_out, y):
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
def copy_frames(x, first, count, column, width, zero_point, rows):
    """`width` columns of `count` frames from `first` on, one frame behind the other; frames outside are zero points."""
    for f in range(count):
        at, frame = f * width, first + f
        if 0 <= frame < len(x):
            for i in range(width):
                rows[at + i] = x[frame, column + i]
        else:
            rows[at : at + width] = zero_point


@compiled()
def spread_frames(x, first, count, each_in, each_out, zero_point, rows):
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


BLOCK = 128
"""Output frames computed at once: what they read stays in the first or second level cache."""


@compiled()
def conv_dense(x, zero_point, kernel, stride, pad_left, weights, bias, requant, leaky, zp_out, y):
    """Group after group as a dense convolution. `weights` (groups, kernel * each_in, each_out)."""
    groups, taps, each_out = weights.shape
    each_in = taps // kernel
    rows = np.empty((BLOCK * stride + kernel) * each_in, np.uint8)
    acc = np.empty(each_out, np.int32)
    for begin in range(0, len(y), BLOCK):
        end = min(begin + BLOCK, len(y))
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
                requantise(acc, mult, mult_neg, add, leaky, zp_out, y[o, c : c + each_out])


@compiled()
def conv_grouped(x, zero_point, kernel, stride, pad_left, weights, bias, requant, leaky, zp_out, y):
    """All groups at once, for small ones and depthwise. `weights` (kernel * each_in, cout)."""
    taps, cout = weights.shape
    each_in = taps // kernel
    each_out = cout * each_in // x.shape[1]
    rows = np.empty((BLOCK * stride + kernel) * each_in * cout, np.uint8)
    acc = np.empty(cout, np.int32)
    for begin in range(0, len(y), BLOCK):
        end = min(begin + BLOCK, len(y))
        count = (end - begin - 1) * stride + kernel
        spread_frames(x, begin * stride - pad_left, count, each_in, each_out, zero_point, rows)
        for o in range(begin, end):
            accumulate_lanes(rows, (o - begin) * stride * each_in * cout, weights, bias, acc)
            requantise(acc, requant[0], requant[1], requant[2], leaky, zp_out, y[o])


@compiled()
def add_tensors(a, b, zero_a, zero_b, m_a, m_b, zp_out, y):
    """Two flat uint8 tensors."""
    for i in range(len(y)):
        v = (np.int32(a[i]) - zero_a) * m_a + (np.int32(b[i]) - zero_b) * m_b
        y[i] = min(max(((v + (1 << 13)) >> 14) + zp_out, 0), 255)


@compiled()
def max_pool(x, kernel, stride, pad_left, y):
    """The largest of the frames that exist."""
    channels = x.shape[1]
    for o in range(len(y)):
        first = o * stride - pad_left
        for c in range(channels):
            y[o, c] = 0
        for frame in range(max(first, 0), min(first + kernel, len(x))):
            for c in range(channels):
                y[o, c] = max(y[o, c], x[frame, c])


@compiled()
def pool_window(frames, first, count, pool, zero_point, mean_mult, zp_mean, u):
    """Features of the window of `count` frames from `first` on: mean, max or mean then max."""
    channels = frames.shape[1]
    total = np.zeros(channels, np.int32)
    largest = np.zeros(channels, np.uint8)
    for frame in range(first, first + count):
        for c in range(channels):
            total[c] += np.int32(frames[frame, c])
            largest[c] = max(largest[c], frames[frame, c])
    at = 0
    if pool != 2:
        for c in range(channels):
            v = (np.int64(total[c]) - count * zero_point) * mean_mult[c]
            u[c] = min(max(((v + (1 << 13)) >> 14) + zp_mean, 0), 255)
        at = channels
    if pool != 1:
        u[at : at + channels] = largest


@compiled()
def head(frames, starts, stride, count, pool, zero_point, mean_mult, zp_mean, weights, bias, mult, level, e16, e8):
    """Windows that begin at samples `starts`.

    `weights` (features, dim), `level` (windows, what is added to the last sums).
    """
    features, dim = weights.shape
    u = np.empty(features, np.uint8)
    acc = np.empty(dim, np.int32)
    for w in range(len(starts)):
        pool_window(frames, starts[w] // stride, count, pool, zero_point, mean_mult, zp_mean, u)
        accumulate(u, 0, weights, bias, acc)
        for j in range(level.shape[1]):
            acc[dim - level.shape[1] + j] += level[w, j]
        for d in range(dim):
            v = np.int64(acc[d]) * mult[d]
            e16[w, d] = min(max((v + (1 << 5)) >> 6, -32767), 32767)
            e8[w, d] = min(max((v + (1 << 13)) >> 14, -127), 127)
