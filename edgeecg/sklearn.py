"""The encoder as a transformer of scikit-learn: signals in, a row of numbers each out.

>>> from sklearn.linear_model import LogisticRegression
>>> from sklearn.pipeline import make_pipeline
>>> from edgeecg.sklearn import ECGEncoder
>>> pipeline = make_pipeline(ECGEncoder(fs=250), LogisticRegression())
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from .encoder import Encoder
from .errors import InputError, MissingDependencyError
from .io import Recording
from .loading import load

try:
    from sklearn.base import BaseEstimator, TransformerMixin
    from sklearn.utils.validation import check_is_fitted, validate_data
except ImportError as error:
    raise MissingDependencyError(
        f'edgeecg.sklearn needs scikit-learn 1.6 or newer: pip install "edgeecg[fit]" ({error})'
    ) from None

__all__ = ["ECGEncoder"]


class ECGEncoder(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Embed each signal and average its windows.

    Nothing is learnt from the data: `fit` only checks it. A pipeline of it, a `StandardScaler` and a linear classifier
    becomes a head with `edgeecg.heads.from_sklearn(pipeline[1:], edgeecg.load())`.

    Parameters
    ----------
    model : str, default "default"
        Name of a bundled model, or path of an `.eecg` file.
    fs : float, default 128
        Sampling rate of arrays in Hz. Recordings and paths have their own.
    hop : float, default 10
        Seconds from one window's start to the next.
    unit : {"mV", "uV", "V"}, default "mV"
        Unit of arrays.
    nan : {"raise", "mask"}, default "raise"
        What is done with missing samples.
    only_good : bool, default True
        Whether windows with a quality flag are left out of the average, where others are left.
    short : {"raise", "repeat"}, default "raise"
        Signals shorter than a window are refused, or repeated until they fill one.

    Attributes
    ----------
    n_features_in_ : int
        Samples of a signal, where all have the same number.

    Examples
    --------
    >>> import numpy as np
    >>> from edgeecg.sklearn import ECGEncoder
    >>> ECGEncoder().fit_transform(np.sin(np.arange(2 * 1280)).reshape(2, 1280)).shape
    (2, 128)
    """

    def __init__(
        self,
        model: str = "default",
        fs: float = 128.0,
        hop: float = 10.0,
        unit: str = "mV",
        nan: str = "raise",
        only_good: bool = True,
        short: str = "raise",
    ):
        self.model, self.fs, self.hop, self.unit = model, fs, hop, unit
        self.nan, self.only_good, self.short = nan, only_good, short

    def fit(self, X: Any, y: Any = None) -> Self:  # noqa: N803 (scikit-learn's name)
        """Check the parameters and the first shape.

        Parameters
        ----------
        X : array of shape (n, samples), or sequence of arrays, Recordings or paths
            Signals.
        y : ignored
            There for pipelines.

        Returns
        -------
        ECGEncoder
            Itself.

        Raises
        ------
        InputError
            For a parameter out of range.
        """
        if self.short not in ("raise", "repeat"):
            raise InputError(f'short is "raise" or "repeat", not {self.short!r}')
        self._rows(X, reset=True)
        self.encoder_ = load(self.model)
        return self

    def transform(self, X: Any) -> NDArray[np.float32]:  # noqa: N803 (scikit-learn's name)
        """Embed signals.

        Parameters
        ----------
        X : array of shape (n, samples), DataFrame, or sequence of arrays, Recordings or paths
            Signals; those of a sequence need not be of one length.

        Returns
        -------
        ndarray of float32, shape (n, dim)
            The mean embedding of each signal's windows.

        Raises
        ------
        InputError
            Where a signal cannot be embedded; the sentence begins with its place.
        """
        check_is_fitted(self, "encoder_")
        rows = list(self._rows(X, reset=False))
        found = np.empty((len(rows), self.encoder_.dim), np.float32)
        for place, signal in enumerate(rows):
            try:
                found[place] = self._one(self.encoder_, signal)
            except InputError as error:
                raise InputError(f"signal {place}: {error}") from None
        return found

    def _rows(self, X: Any, reset: bool) -> Iterable[Any]:  # noqa: N803 (scikit-learn's name)
        """The signals one by one; tables are checked as scikit-learn checks them."""
        if isinstance(X, (list, tuple)) and X and is_signal(X[0]):
            return X
        checked = validate_data(self, X, reset=reset, dtype="numeric", ensure_all_finite=self.nan == "raise")
        return np.asarray(checked)

    def _one(self, encoder: Encoder, signal: Any) -> NDArray[np.float32]:
        """(dim,) of a signal."""
        if isinstance(signal, (Recording, str, os.PathLike)):
            analysis = encoder.analyze(signal, hop=self.hop, nan=self.nan)  # type: ignore[arg-type]
        else:
            samples = np.asarray(signal, np.float64)
            least = int(np.ceil(encoder.window * self.fs))
            if self.short == "repeat" and 0 < len(samples) < least:
                samples = np.resize(samples, least)
            analysis = encoder.analyze(samples, self.fs, self.hop, self.unit, nan=self.nan)  # type: ignore[arg-type]
        kept = analysis.good if self.only_good and analysis.good.any() else np.ones(len(analysis.start), np.bool_)
        return np.asarray(analysis.embedding[kept].mean(axis=0), np.float32)

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[np.object_]:
        """Names of the columns: e0, e1, ...

        Parameters
        ----------
        input_features : ignored
            There for pipelines.

        Returns
        -------
        ndarray of str, shape (dim,)
            For `set_output`.
        """
        check_is_fitted(self, "encoder_")
        return np.array([f"e{i}" for i in range(self.encoder_.dim)], dtype=object)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.requires_fit = True
        tags.transformer_tags.preserves_dtype = []
        return tags


def is_signal(row: Any) -> bool:
    """Whether the first of a sequence is a signal of its own, of a length that the others need not have."""
    return isinstance(row, (Recording, str, os.PathLike)) or np.ndim(row) == 1
