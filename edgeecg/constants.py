"""The facts that the whole package shares, one place for each; docs/numerics.md says why.

The C core has the same in its headers, as EE_ and the name. This module imports nothing.
"""

__all__ = [
    "BLOCK",
    "CANONICAL_PER_MV",
    "FASTEST",
    "LEVELS",
    "LEVEL_MARGIN",
    "LONGEST_HOP",
    "MISSING",
    "PLAUSIBLE_MV",
    "RATE",
    "RATE_MHZ",
    "ROUGHEST",
    "SLOWEST",
    "STEP_LIMIT",
    "TABLE_STEP",
    "WINDOW",
    "X_MAX",
    "ZERO_POINT",
]

# Time
RATE = 128
"""Samples a second behind the front end (Hz)."""
RATE_MHZ = 1000 * RATE
"""The same in millihertz, the unit of sampling rates in integer arithmetic."""
WINDOW = 10 * RATE
"""Samples of a window at `RATE`: of the bundled models, and of a new one unless it says otherwise."""
BLOCK = 32
"""Samples at `RATE` in a block of the front end's scale and of the quality flags."""
SLOWEST, FASTEST = 50.0, 4000.0
"""Sampling rates that are taken (Hz)."""
LONGEST_HOP = 86400.0
"""The largest distance of window starts (s)."""

# Amplitude
CANONICAL_PER_MV = 8000
"""Canonical samples are integers of 1/8 microvolt."""
X_MAX = 2**22 - 1
"""The largest canonical sample; what is beyond is held there."""
MISSING = -(2**31)
"""An integer sample that was not measured."""
PLAUSIBLE_MV = (0.02, 100.0)
"""Plausible peak-to-peak range of an ECG with its electrode offset (mV)."""
ZERO_POINT = 128
"""The byte of the front end that means 0."""

# Front end, quality flags and levels
TABLE_STEP = 32
"""Points of the resampling table per output sample."""
STEP_LIMIT = 6
"""The limit of one step in the roughness of a block (docs/numerics.md 5)."""
ROUGHEST = (BLOCK - 1) * STEP_LIMIT
"""The largest roughness of a block."""
LEVELS = ("size", "wander", "range")
"""Levels of the unscaled signal that a head may add to its last sums (docs/numerics.md 4.1)."""
LEVEL_MARGIN = 2
"""Blocks at each end of a window whose baseline does not count: it may be made of held samples."""
