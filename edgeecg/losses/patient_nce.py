"""Patient noise-contrastive estimation, the form of CLOCS.

Kiyasseh, Zhu, Clifton: CLOCS: Contrastive Learning of Cardiac Signals Across Space, Time, and Patients, ICML 2021.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import _checks
from ._float64_pairs import softmax_contrast
from ._positives import by_labels, same
from ._range import quietly, tiles_hold
from ._softmax import LN2, StreamingLogSumExp, base2_scale, pull_softmax
from ._threads import Team
from ._tiles import PairTiles
from ._types import Array, Grads, Positive
from ._unit import UnitRows


def patient_nce(
    z1: ArrayLike, z2: ArrayLike, patient: ArrayLike, temperature: float = 0.1, threads: int = 1
) -> tuple[float, tuple[NDArray[Any], NDArray[Any]]]:
    """Compute patient noise-contrastive estimation, as CLOCS has it: views of one patient attract, in both directions.

    The views may be segments in time, or leads. With unit rows a of z1 and b of z2, s_ij = a_i . b_j / temperature and
    P = {(i, j): patient_i = patient_j}::

        L = - 1/|P| sum_{(i, j) in P} ( log exp(s_ij) / sum_k exp(s_ik)  +  log exp(s_ij) / sum_k exp(s_kj) )

    N = 1: loss and gradients are 0.

    Parameters
    ----------
    z1, z2 : array_like of float32 or float64, shape (N, d)
        Two views of a batch, of one shape and type; any scale. Row i of both is of patient[i]: each has a positive.
    patient : array_like of int, bool or str, shape (N,)
        Whose the rows are.
    temperature : float, default 0.1
        Divides the cosine similarity, > 0.
    threads : int, default 1
        Workers of this call, at least 1; the BLAS runs on one thread a worker.

    Returns
    -------
    tuple of (float, tuple of ndarray)
        The loss, and its gradients (dL/dz1, dL/dz2), in the shapes and the type of the views. Memory beyond them: O(N
        d).

    Raises
    ------
    InputError
        For other types, unlike shapes, NaN or infinity, and options out of range.

    References
    ----------
    Kiyasseh et al., "CLOCS: Contrastive Learning of Cardiac Signals Across Space, Time, and Patients", ICML 2021.
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
def _in_float64(z1: Array, z2: Array, positive: Positive, temperature: float, team: Team) -> tuple[float, Grads]:
    """The same at temperatures that no tile holds."""
    a, b = (UnitRows(z, team=team, dtype=np.float64) for z in (z1, z2))
    forward, da, db = softmax_contrast(a.rows, b.rows, positive, temperature, team, each_pair=True)
    backward, other_db, other_da = softmax_contrast(b.rows, a.rows, positive, temperature, team, each_pair=True)
    grads = a.backward(da + other_da, 1.0 / temperature) + b.backward(db + other_db, 1.0 / temperature)
    return _checks.not_overflown(forward + backward), grads
