"""Encoders by name, path or model."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ._bundled import bundled_models
from ._engines import Backend
from .encoder import Encoder
from .errors import ModelError

if TYPE_CHECKING:
    from .model import Model

__all__ = ["bundled_models", "load"]


def load(name_or_path: str | os.PathLike[str] | Model = "default", backend: Backend = "c") -> Encoder:
    """Open an encoder.

    Parameters
    ----------
    name_or_path : str, path-like or Model, default "default"
        Name of a bundled model ("default", "nano", "plus"), path of an `.eecg` file, or a Model.
    backend : {"c", "numba", "numpy"}, default "c"
        The engine: the compiled core, Numba for machines without it, or the NumPy reference. All give the same bytes.

    Returns
    -------
    Encoder
        The model, ready to embed.

    Raises
    ------
    ModelError
        Where there is no such model, or its file is damaged or hostile.
    InputError
        For another backend.
    MissingDependencyError
        Where the backend's library is missing.

    Examples
    --------
    >>> import numpy as np, edgeecg
    >>> encoder = edgeecg.load("nano")
    >>> encoder.embed(np.sin(np.arange(1280)), dtype="int8").shape
    (1, 56)
    """
    if not isinstance(name_or_path, (str, os.PathLike)):
        from .model import Model  # here, so that importing edgeecg stays as quick as importing numpy

        if not isinstance(name_or_path, Model):
            raise ModelError(f"a model is a name, a path or a Model, not {type(name_or_path).__name__}")
        return Encoder(name_or_path, backend)
    path = os.fspath(name_or_path)
    if not path.endswith(".eecg") and not os.path.dirname(path):
        models = bundled_models()
        if path not in models:
            known = ", ".join(models) or "none"
            raise ModelError(f"there is no bundled model {path!r} (there is: {known}); a path ends in .eecg")
        with open(models[path], "rb") as file:
            return Encoder(file.read(), backend)
    from .model import Model

    return Encoder(Model.load(path), backend)
