"""Learning-rate schedules: the fraction of the full learning rate at a step, counted from 1."""

import math
from collections.abc import Callable

WARMUP_STEPS = 200  # of the trapezoid: at most so many, at most a tenth of the run


def cosine(step: int, steps: int, warmup: float) -> float:
    """Linear warm-up over a share of the steps, then half a cosine to zero (Loshchilov and Hutter, "SGDR", 2017)."""
    rise = max(1, round(warmup * steps))
    if step <= rise:
        return step / rise
    return 0.5 * (1 + math.cos(math.pi * (step - rise) / max(1, steps - rise + 1)))


def trapezoid(step: int, steps: int, decay: float) -> float:
    """Linear warm-up, a constant rate, and a linear decay to zero over the last fraction `decay` of the steps.

    A run can be lengthened until the decay begins, because earlier rates do not depend on `steps` (Hägele et al.,
    "Scaling Laws and Compute-Optimal Training Beyond Fixed Training Durations", NeurIPS 2024).
    """
    rise, fall = min(WARMUP_STEPS, max(1, steps // 10)), max(1.0, decay * steps)
    return min(1.0, step / rise, (steps + 1 - step) / fall)


def schedule(options) -> Callable[[int], float]:
    """The schedule that the options (train/engine/options.py) name, as a function of the step."""
    if options.schedule == "trapezoid":
        return lambda step: trapezoid(step, options.steps, options.decay)
    return lambda step: cosine(step, options.steps, options.warmup)
