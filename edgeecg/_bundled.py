"""The models and heads that come with the package."""

from __future__ import annotations

import os

__all__ = ["bundled_heads", "bundled_models"]

BUNDLED = os.path.join(os.path.dirname(__file__), "models")


def bundled_models() -> dict[str, str]:
    """List the models that come with the package.

    Returns
    -------
    dict
        Paths by name, in alphabetical order.
    """
    return bundled(".eecg")


def bundled_heads() -> dict[str, str]:
    """List the heads that come with the package.

    Returns
    -------
    dict
        Paths by name, in alphabetical order.
    """
    return bundled(".eech")


def bundled(suffix: str) -> dict[str, str]:
    files = sorted(os.listdir(BUNDLED)) if os.path.isdir(BUNDLED) else []
    return {name.removesuffix(suffix): os.path.join(BUNDLED, name) for name in files if name.endswith(suffix)}
