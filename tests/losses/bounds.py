"""The accuracy that docs/losses.md states, as numbers: (bound of the value, bounds of the gradients) at given arrays.

`ulp` is the eps of the precision in which a loss computes (`computed_in`). Absolute values stand in place of signs, so
what cancels in a gradient is in its bound.
"""

import numpy as np

from tests.losses import exact


def extended(*arrays):
    return [np.asarray(z, np.longdouble) for z in arrays]


def computed_in(name, arrays, options):
    """The precision that docs/losses.md names for a loss at these arrays."""
    z = arrays[0]
    if z.dtype == np.float64:
        return np.float64
    temperature = options.get("temperature", 1.0)
    if name == "barlow_twins":
        return np.float32 if len(z) >= 8 else np.float64
    if name == "soft_nearest_neighbor":
        return np.float32 if reach(arrays, temperature) <= 1000 else np.float64
    if name in ("vicreg", "siamese_contrastive", "cross_correlation"):
        return np.float32
    logit = row_lengths(options["bank"]).max() / temperature if "bank" in options else 1 / temperature
    return np.float32 if 2.0**-40 <= logit <= 128 - abs(options.get("bias", 0.0)) else np.float64


def reach(views, temperature):
    """2 |x - mean|^2 / temperature of the farthest row."""
    longest = exact.length(exact.centered(exact.stacked(extended(*views)))).max()
    return 2 * longest * (longest / np.longdouble(temperature))


def terms(*lengths):
    """How many eps sums of these lengths may be off: roundings add up like a random walk, not like a staircase."""
    return 4 + np.sqrt(sum(lengths))


def underflow(ulp):
    """An exponential below the normal numbers is 0."""
    return np.longdouble(2) ** (-126 if ulp > 1e-10 else -1022)


def row_lengths(z):
    return exact.length(*extended(z))


def weight_error(log_p, delta):
    """How far a softmax probability may be off where its logits are right to delta: p (e**2delta - 1), at most 1."""
    return np.exp(np.minimum(log_p + 2 * delta, 0)) * -np.expm1(-2 * delta)


def over_lengths(total, z, temperature):
    """Bound of each number of dL/dz: the pulls on a row, and the part along it that the projection takes off again."""
    size = row_lengths(z)
    per_row = np.where(size > 0, 2 * total / (temperature * np.where(size > 0, size, 1)), 0)
    return np.repeat(per_row[:, None], z.shape[1], axis=1)


def softmax_pairs(s, seen, share, weight, delta, rounding):
    """(rows, columns) bounds of the pulls weight_i (p(j|i) - share_ij)."""
    log_p = np.where(seen, s - exact.log_sum_exp(s, seen)[..., None], -np.inf)
    return weight[:, None] * (weight_error(log_p, delta) + rounding * (np.exp(log_p) + share) + underflow(rounding))


def shares(chosen):
    return chosen / np.maximum(chosen.sum(1), 1)[:, None]


def anchors(chosen):
    return chosen.any(1) / max(chosen.any(1).sum(), 1)


def one_set(views, chosen, temperature, ulp):
    z = exact.stacked(extended(*views))
    m, d = z.shape
    rounding = terms(m, d) * ulp
    delta = rounding * (1 + 1 / temperature)
    u = exact.unit(z)
    pairs = softmax_pairs(u @ u.T / temperature, exact.off(m), shares(chosen), anchors(chosen), delta, rounding)
    grads = over_lengths(pairs.sum(0) + pairs.sum(1), z, temperature)
    return 2 * delta + rounding * np.log(m), np.split(grads, len(views))


def nt_xent(z1, z2, ulp, temperature=0.5):
    chosen = exact.same(np.arange(len(z1)), 2) & exact.off(2 * len(z1))
    return one_set([z1, z2], chosen, *extended(temperature), ulp)


def supervised_contrastive(*views, ulp, labels=None, mask=None, temperature=0.1):
    chosen = exact.positives(len(views) * len(views[0]), labels, mask)
    return one_set(views, chosen, *extended(temperature), ulp)


def patient_nce(z1, z2, ulp, patient=None, temperature=0.1):
    rows, d = z1.shape
    rounding, chosen = terms(2 * rows, d) * ulp, exact.same(patient)
    z1, z2, temperature = extended(z1, z2, temperature)
    delta = rounding * (1 + 1 / temperature)
    s, weight = exact.unit(z1) @ exact.unit(z2).T / temperature, chosen.sum(1) / chosen.sum()
    pairs = softmax_pairs(s, True, shares(chosen), weight, delta, rounding)
    pairs = pairs + softmax_pairs(s.T, True, shares(chosen), weight, delta, rounding).T
    grads = [over_lengths(pairs.sum(axis), z, temperature) for axis, z in ((1, z1), (0, z2))]
    return 4 * delta + 2 * rounding * np.log(rows + 1), grads


def instance_discrimination(z1, ulp, bank=None, index=None, temperature=0.07):
    z1, bank, temperature = extended(z1, bank, temperature)
    rounding, sizes = terms(*bank.shape) * ulp, row_lengths(bank)
    delta = rounding * (1 + sizes.max() / temperature)
    s, chosen = exact.unit(z1) @ bank.T / temperature, np.equal.outer(index, np.arange(len(bank)))
    pairs = softmax_pairs(s, True, chosen, np.full(len(z1), 1 / len(z1)), delta, rounding) * sizes
    return 2 * delta + rounding * np.log(len(bank)), [over_lengths(pairs.sum(1), z1, temperature)]


def sigmoid_contrastive(z1, z2, ulp, temperature=0.1, bias=-10.0, labels=None):
    rows, d = z1.shape
    z1, z2, temperature = extended(z1, z2, temperature)
    rounding = terms(rows, d) * ulp
    delta = rounding * (1 + 1 / temperature + abs(bias))
    y = np.where(exact.same(np.arange(rows) if labels is None else labels), 1, -1)
    cosine = exact.unit(z1) @ exact.unit(z2).T
    v = -y * (cosine / temperature + bias)
    log_slope = np.where(v > 0, 0, v) - np.log1p(np.exp(-abs(v)))
    pairs = (weight_error(log_slope, delta) + rounding * np.exp(log_slope) + underflow(ulp)) / rows
    grads = [over_lengths(pairs.sum(axis), z, temperature) for axis, z in ((1, z1), (0, z2))]
    value = delta * np.exp(np.minimum(log_slope + delta, 0)) + rounding * exact.softplus(v) + underflow(ulp)
    of_temperature = (pairs * abs(cosine) + rounding * np.exp(log_slope) / rows).sum() / temperature**2
    return value.sum() / rows, [*grads, of_temperature, pairs.sum()]


def siamese_contrastive(z1, z2, ulp, different=None, margin=1.0):
    z1, z2, y, margin = extended(z1, z2, different, margin)
    rounding, gap = terms(z1.shape[1]) * ulp, abs(z1 - z2)
    distance = exact.length(gap)
    slack = rounding * (distance + margin)
    short = np.maximum(margin - distance + slack, 0)
    value = (2 * rounding * (1 - y) * distance**2 + 2 * y * short * slack).mean()
    push = np.minimum(short, slack) + rounding * short
    direction = gap / np.where(distance > 0, distance, 1)[:, None]
    grad = 2 * (rounding * (1 - y)[:, None] * gap + (y * push)[:, None] * direction) / len(z1)
    return value, [grad, grad]


def soft_nearest_neighbor(*views, ulp, labels=None, temperature=1.0):
    z, temperature = extended(exact.stacked(extended(*views)), temperature)
    m, d = z.shape
    rounding = terms(m, d) * ulp
    delta = rounding * (1 + reach(views, temperature))
    s = -((z[:, None] - z[None]) ** 2).sum(-1) / temperature
    alike = exact.same(labels, len(views)) & exact.off(m)
    pairs = sum(softmax_pairs(s, seen, 0, anchors(alike), delta, rounding) for seen in (exact.off(m), alike))
    per_row = 4 * exact.length(exact.centered(z)).max() / temperature * (pairs.sum(0) + pairs.sum(1))
    return 4 * delta + 2 * rounding * np.log(m), np.split(np.repeat(per_row[:, None], d, axis=1), len(views))


def cross_correlation(z1, z2, ulp, eps=1e-5):
    u1, u2 = (centered_size(z, ulp) / deviations(z, eps) for z in extended(z1, z2))
    return terms(*z1.shape) * ulp * (u1.T @ u2) / len(z1)


def deviations(z, eps=0.0):
    return np.sqrt((exact.centered(z) ** 2).mean(0) + eps)


def lost_to_the_mean(z, ulp):
    """What the rounding of a column's mean takes off, in units of ulp: float32 has its mean in float64, and a mean
    2**20 times the deviation is taken off exactly.
    """
    mean, apart = abs(z.mean(0)), abs(exact.centered(z)).max(0)
    return (np.where(deviations(z) > 2.0**-21 * mean, mean, 0) + apart) * (2.0**-52 / ulp)


def centered_size(z, ulp):
    """Absolute values of the centered numbers, as large as their roundings are in units of ulp."""
    return abs(exact.centered(z)) + lost_to_the_mean(z, ulp)


def barlow_twins(z1, z2, ulp, lambd=0.0051, eps=1e-5):
    rounding, rows = 4 * terms(*z1.shape) * ulp, len(z1)
    z1, z2, lambd = extended(z1, z2, lambd)
    u1, u2 = (centered_size(z, ulp) / deviations(z, eps) for z in (z1, z2))
    both = u1.T @ u2 / rows
    diagonal = 1 + both.diagonal()
    grads = []
    for own, other, c, z in ((u1, u2, both.T, z1), (u2, u1, both, z2)):
        g = 2 / np.longdouble(rows) * (other * diagonal + lambd * (other @ c))
        grads.append(rounding * (g + own * (g * own).mean(0)) / deviations(z, eps))
    return rounding * ((diagonal**2).sum() + lambd * (both**2).sum()), grads


def vicreg(z1, z2, ulp, invariance=25.0, variance=25.0, covariance=1.0, gamma=1.0, eps=1e-4):
    (rows, d), rounding = z1.shape, 4 * terms(*z1.shape) * ulp
    z1, z2, covariance, variance = extended(z1, z2, covariance, variance)
    gap = abs(z1 - z2)
    value, grads = invariance * (gap**2).mean(), []
    for z in (z1, z2):
        c = centered_size(z, ulp)
        sigma = np.sqrt(deviations(z) ** 2 * (rows / np.longdouble(rows - 1)) + eps)
        value += variance * (gamma + sigma).mean() + covariance * ((c.T @ c) ** 2).sum() / (d * (rows - 1.0) ** 2)
        # At the kink of max(0, gamma - sigma) the term is there or not.
        at_kink = abs(gamma - sigma) <= rounding * (2.0**-52 / ulp) * (sigma + c.max(0))
        pull = variance / (d * (rows - 1.0) * sigma) * np.where(at_kink, 1, rounding * (sigma < gamma))
        others = 2 * invariance / z.size * gap + 4 * covariance / (d * (rows - 1.0) ** 2) * (c @ (c.T @ c))
        grads.append(rounding * others + pull * c)
    return rounding * value, grads
