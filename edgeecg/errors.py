"""The exceptions of edgeecg: one tree, so that one `except edgeecg.EdgeECGError` catches them all."""

__all__ = ["AmplitudeWarning", "EdgeECGError", "InputError", "MissingDependencyError", "ModelError"]


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
