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

__all__ = [
    "AmplitudeWarning",
    "EdgeECGError",
    "InputError",
    "MissingDependencyError",
    "ModelError",
    "RateWarning",
    "RecordingWarning",
]


class EdgeECGError(Exception):
    """Base class of every error that edgeecg raises on purpose."""


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
