"""The losses as their papers write them, in extended precision, with gradients by the complex step; for small arrays.

`oracles` has the same formulas for torch's autograd: in float64, at temperatures that exponentials without a shift can
bear. Here a number has 64 bits of mantissa and 15 of exponent, so squares of 1e-45 and of 1e170 are ordinary numbers,
and d loss / dz = Im loss(z + ih) / h has no difference in it that could cancel. Arrays are (..., N, D).
"""

import numpy as np
import pytest

EXTENDED = np.finfo(np.longdouble).nmant > 60
needs_extended = pytest.mark.skipif(not EXTENDED, reason="long double is no wider than double here")
STEP = np.longdouble(2) ** -9000 if EXTENDED else 0.0


def evaluate(loss, arrays, options):
    """(value, gradients) in extended precision."""
    arrays = [np.asarray(z, np.longdouble) for z in arrays]
    options = {name: np.longdouble(x) if isinstance(x, float) else x for name, x in options.items()}
    return loss(*arrays, **options), [derivative(loss, arrays, i, options) for i in range(len(arrays))]


def derivative(loss, arrays, which, options):
    z = arrays[which]
    moved = np.repeat(z[None].astype(np.clongdouble), z.size, axis=0)
    moved.reshape(z.size, z.size)[np.diag_indices(z.size)] += 1j * STEP
    values = loss(*[moved if i == which else other for i, other in enumerate(arrays)], **options)
    return (np.broadcast_to(values, z.size).imag / STEP).reshape(z.shape)


def of_options(loss, arrays, options, **defaults):
    """Derivatives of the loss by some of its numbers, whose values are in `options` or are the `defaults`."""
    arrays, found = [np.asarray(z, np.longdouble) for z in arrays], []
    for name, default in defaults.items():
        number = np.longdouble(options.get(name, default))
        found.append((loss(*arrays, **{**options, name: number + 1j * STEP * number}).imag / STEP) / number)
    return found


def turned(matrix):
    return np.swapaxes(matrix, -1, -2)


def length(gap):
    """Euclidean length over the last axis; without a derivative where it is zero."""
    square = (gap**2).sum(-1)
    zero = square.real == 0
    return np.where(zero, 0, np.sqrt(np.where(zero, 1, square)))


def unit(z):
    size = length(z)[..., None]
    zero = size.real == 0
    return np.where(zero, 0, z / np.where(zero, 1, size))


def stacked(views):
    return np.concatenate(np.broadcast_arrays(*views), axis=-2) if len(views) > 1 else views[0]


def log_sum_exp(s, seen):
    """Over the last axis, of what is `seen`; 0 where nothing is."""
    top = np.where(seen, s.real, -np.inf).max(-1, keepdims=True)
    top = np.where(np.isfinite(top), top, 0)
    total = np.where(seen, np.exp(np.where(seen, s - top, 0)), 0).sum(-1)
    return np.where(total.real > 0, top[..., 0] + np.log(np.where(total.real > 0, total, 1)), 0)


def softmax(s, seen):
    return np.where(seen, np.exp(np.where(seen, s - log_sum_exp(s, seen)[..., None], 0)), 0)


def off(n):
    return ~np.eye(n, dtype=bool)


def same(labels, copies=1):
    labels = np.tile(labels, copies)
    return np.equal.outer(labels, labels)


def gaps(s, seen, chosen):
    """log_sum_exp over `seen` minus the mean score of the `chosen`, a number an anchor, 0 where none is chosen."""
    count = chosen.sum(-1)
    mean = np.where(chosen, s, 0).sum(-1) / np.maximum(count, 1)
    return np.where(count > 0, log_sum_exp(s, seen) - mean, 0)


def nt_xent(z1, z2, temperature=0.5):
    n = z1.shape[-2]
    u = unit(stacked([z1, z2]))
    return gaps(u @ turned(u) / temperature, off(2 * n), same(np.arange(n), 2) & off(2 * n)).mean(-1)


def positives(n, labels, mask):
    """Whom supervised_contrastive takes for positives, of n rows that may be two views."""
    chosen = same(labels, n // len(labels)) if mask is None else np.tile(mask, (n // len(mask), n // len(mask)))
    return chosen & off(n)


def supervised_contrastive(*views, labels=None, mask=None, temperature=0.1):
    u = unit(stacked(views))
    chosen = positives(u.shape[-2], labels, mask)
    anchors = max(chosen.any(-1).sum(), 1)
    return gaps(u @ turned(u) / temperature, off(len(chosen)), chosen).sum(-1) / anchors


def patient_nce(z1, z2, patient=None, temperature=0.1):
    s, pairs = unit(z1) @ turned(unit(z2)) / temperature, same(patient)
    both = sum(np.where(pairs, log_sum_exp(x, True)[..., None] - x, 0).sum((-1, -2)) for x in (s, turned(s)))
    return both / pairs.sum()


def sigmoid_contrastive(z1, z2, temperature=0.1, bias=-10.0, labels=None):
    y = np.where(same(np.arange(z1.shape[-2]) if labels is None else labels), 1, -1)
    v = -y * (unit(z1) @ turned(unit(z2)) / temperature + bias)
    return softplus(v).sum((-1, -2)) / z1.shape[-2]


def softplus(v):
    return np.where(v.real > 0, v, 0) + np.log1p(np.exp(np.where(v.real > 0, -v, v)))


def instance_discrimination(z1, bank=None, index=None, temperature=0.07):
    bank = np.asarray(bank, np.longdouble)
    s = unit(z1) @ bank.T / temperature
    return gaps(s, True, np.equal.outer(index, np.arange(len(bank)))).mean(-1)


def siamese_contrastive(z1, z2, different=None, margin=1.0):
    y, distance = np.asarray(different, np.longdouble), length(z1 - z2)
    short = margin - distance
    return ((1 - y) * ((z1 - z2) ** 2).sum(-1) + y * np.where(short.real > 0, short, 0) ** 2).mean(-1)


def soft_nearest_neighbor(*views, labels=None, temperature=1.0):
    x = stacked(views)
    s = -((x[..., :, None, :] - x[..., None, :, :]) ** 2).sum(-1) / temperature
    alike = same(labels, len(views)) & off(x.shape[-2])
    gap = np.where(alike.any(-1), log_sum_exp(s, off(len(alike))) - log_sum_exp(s, alike), 0)
    return gap.sum(-1) / max(alike.any(-1).sum(), 1)


def centered(z):
    """From the first row, so that a column that is nearly constant keeps its digits."""
    apart = z - z[..., :1, :]
    return apart - apart.mean(-2, keepdims=True)


def standardized(z, eps):
    c = centered(z)
    return c / np.sqrt((c**2).mean(-2, keepdims=True) + eps)


def cross_correlation(z1, z2, eps=1e-5):
    return turned(standardized(z1, eps)) @ standardized(z2, eps) / z1.shape[-2]


def barlow_twins(z1, z2, lambd=0.0051, eps=1e-5):
    c = cross_correlation(z1, z2, eps)
    diagonal = c[..., np.arange(c.shape[-1]), np.arange(c.shape[-1])]
    return ((1 - diagonal) ** 2).sum(-1) + lambd * np.where(off(c.shape[-1]), c**2, 0).sum((-1, -2))


def vicreg(z1, z2, invariance=25.0, variance=25.0, covariance=1.0, gamma=1.0, eps=1e-4):
    n, d = z1.shape[-2:]
    total = invariance * ((z1 - z2) ** 2).mean((-1, -2))
    for c in (centered(z1), centered(z2)):
        cov = turned(c) @ c / np.longdouble(n - 1)
        short = gamma - np.sqrt((c**2).sum(-2) / np.longdouble(n - 1) + eps)
        total = total + variance * np.where(short.real > 0, short, 0).mean(-1)
        total = total + covariance * np.where(off(d), cov**2, 0).sum((-1, -2)) / d
    return total
