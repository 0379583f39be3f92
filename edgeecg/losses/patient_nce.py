"""Patient noise-contrastive estimation, the form of CLOCS.

Kiyasseh, Zhu, Clifton: CLOCS: Contrastive Learning of Cardiac Signals Across Space, Time, and Patients, ICML 2021.
"""

import numpy as np

from . import _checks
from ._float64_pairs import softmax_contrast
from ._positives import by_labels, same
from ._range import quietly, tiles_hold
from ._softmax import LN2, StreamingLogSumExp, base2_scale, pull_softmax
from ._threads import Team
from ._tiles import PairTiles
from ._unit import UnitRows


def patient_nce(z1, z2, patient, temperature=0.1, threads=1):
    """Two views (segments in time, or leads) attract where they are of one patient, in both directions.

    With unit rows a of z1 and b of z2, s_ij = a_i . b_j / temperature and P = {(i, j): patient_i = patient_j}::

        L = - 1/|P| sum_{(i, j) in P} ( log exp(s_ij) / sum_k exp(s_ik)  +  log exp(s_ij) / sum_k exp(s_kj) )

    z1, z2: (N, d), float32 or float64, any scale; row i of both is of patient[i], so every row has a positive.
    patient: (N,) integers, booleans or strings. N = 1: loss and gradients are 0.
    threads: workers of this call; the BLAS runs on one thread a worker (see `_threads`).
    Returns (value, (dz1, dz2)). Memory beyond the gradients: O(N d).
    Raises InputError for other dtypes, unlike shapes, NaN or infinity.
    """
    z1, z2 = _checks.embeddings(z1=z1, z2=z2)
    (temperature,) = _checks.positive(temperature=temperature)
    codes = _checks.label_codes(patient, len(z1), "patient")
    with Team(threads) as team:
        if not tiles_hold(1.0 / temperature, z1.dtype):
            return _in_float64(z1, z2, same(codes, codes), temperature, team)
        a, b = UnitRows(z1, team=team), UnitRows(z2, team=team)
        tiles = PairTiles(a.rows, b.rows, team)
        kappa = base2_scale(1.0 / temperature, z1.dtype)
        row_lse, col_lse = StreamingLogSumExp(tiles, kappa).run()
        count, mean_of_b = by_labels(b.rows, codes, codes)
        _, mean_of_a = by_labels(a.rows, codes, codes)
        weight = count / count.sum()
        value = float(LN2 * (weight * (row_lse + col_lse - 2.0 * kappa * a.dot(mean_of_b))).sum())

        da, db = pull_softmax(tiles, kappa, weight, row_lse, weight, col_lse)
        twice = (2.0 * weight[:, None]).astype(da.dtype)
        da -= twice * mean_of_b
        db -= twice * mean_of_a
        return value, a.backward(da, 1.0 / temperature) + b.backward(db, 1.0 / temperature)


@quietly
def _in_float64(z1, z2, positive, temperature, team):
    """The same at temperatures that no tile holds."""
    a, b = (UnitRows(z, team=team, dtype=np.float64) for z in (z1, z2))
    forward, da, db = softmax_contrast(a.rows, b.rows, positive, temperature, team, each_pair=True)
    backward, other_db, other_da = softmax_contrast(b.rows, a.rows, positive, temperature, team, each_pair=True)
    grads = a.backward(da + other_da, 1.0 / temperature) + b.backward(db + other_db, 1.0 / temperature)
    return _checks.not_overflown(forward + backward), grads
