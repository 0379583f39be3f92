"""The exceptions of edgeecg: one tree, so that one `except edgeecg.EdgeECGError` catches them all."""

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
    """A signal, an option or a file that cannot be used; the message says which and why."""


class ModelError(EdgeECGError, ValueError):
    """A model file that is damaged, hostile or of another version."""


class MissingDependencyError(EdgeECGError, ImportError):
    """An optional library is needed for what was asked; the message says how to install it."""


class AmplitudeWarning(UserWarning):
    """The amplitude is implausible for the unit given (volts or microvolts taken for millivolts)."""


class RateWarning(UserWarning):
    """No sampling rate was given, and the beats are implausible at the 128 Hz that were assumed."""


class RecordingWarning(UserWarning):
    """A recording is damaged or incomplete, and what there is of it was read; the message says what is not there."""
