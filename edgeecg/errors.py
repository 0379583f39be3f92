"""The exceptions and warnings of edgeecg: one tree, so that one `except edgeecg.EdgeECGError` catches them all.

::

    Exception
     +-- EdgeECGError
          +-- InputError (also a ValueError)               a signal, an option or a file that cannot be used
          +-- ModelError (also a ValueError)               a model file that is damaged, hostile or of another version
          +-- MissingDependencyError (also an ImportError) an optional library is missing
    UserWarning
     +-- AmplitudeWarning                                  volts or microvolts taken for millivolts, perhaps
     +-- RateWarning                                       no rate was given, and 128 Hz is implausible
     +-- RecordingWarning                                  a recording is damaged or incomplete, and was read

A message is one sentence: what is wrong, where, and what would be right. An `OSError` (a full disk) stays one.
"""

import re
from typing import Final

__all__ = [
    "AmplitudeWarning",
    "EdgeECGError",
    "InputError",
    "MissingDependencyError",
    "ModelError",
    "RateWarning",
    "RecordingWarning",
]


NOT_PRINTABLE: Final = "[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]"  # not compiled yet: errors are rare
LONGEST: Final = 1600
"""Letters of a sentence; names in a damaged file may have thousands."""


def one_line(text: str) -> str:
    """What a sentence quotes of a file, as it can be shown on one line: without control characters, not too long."""
    text = re.sub(NOT_PRINTABLE, lambda found: ascii(found[0])[1:-1], text)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 300]} ... {text[-200:]}"


class EdgeECGError(Exception):
    """Base class of every error that edgeecg raises on purpose."""

    def __init__(self, *arguments: object):
        super().__init__(*(one_line(word) if isinstance(word, str) else word for word in arguments))


class InputError(EdgeECGError, ValueError):
    """A signal, an option or a file cannot be used; the message says which and why."""


class ModelError(EdgeECGError, ValueError):
    """A model file is damaged, hostile or of another version, or a model's components do not fit together."""


class MissingDependencyError(EdgeECGError, ImportError):
    """An optional library is needed for what was asked; the message says how to install it."""


class AmplitudeWarning(UserWarning):
    """The amplitude is implausible for the unit given: less than 0.02 or more than 100 mV from lowest to highest."""


class RateWarning(UserWarning):
    """No sampling rate was given, and the beats are implausible at the 128 Hz that were assumed."""


class RecordingWarning(UserWarning):
    """A recording is damaged or incomplete, and what there is of it was read; the message says what is not there."""
