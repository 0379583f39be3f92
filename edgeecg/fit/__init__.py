"""From labels to a head: `edgeecg fit`. Needs scikit-learn, and matplotlib for the report (the extra `fit`)."""

from __future__ import annotations

from .cross_validation import Aim, Fitted, fit
from .examples import Examples, examples_of
from .labels import Label, find_recordings, read_labels

__all__ = ["Aim", "Examples", "Fitted", "Label", "examples_of", "find_recordings", "fit", "read_labels"]
