"""The learning-rate range test (Smith, "Cyclical Learning Rates for Training Neural Networks", WACV 2017).

The rate grows exponentially from step to step; the loss first falls, then diverges. The suggestion is the rate at which
the smoothed loss falls fastest, on a logarithmic axis, before its minimum.
"""

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from tqdm import tqdm

from edgeecg.errors import EdgeECGError
from train.engine.options import Options
from train.engine.trainer import Trainer
from train.plots import training as plots
from train.runs.folder import write_json

STEPS = 100
RANGE = {"adamw": (1e-6, 1.0), "lars": (1e-3, 1e3)}
SMOOTH = 0.9  # exponential average, corrected for its start
EDGE = 5  # smoothed values at either end that settle nothing


def find_rate(build: Callable[[Options], Trainer], options: Options) -> Path:
    """Runs the test, writes OUT/lr_finder.png and .json, prints the suggestion. Returns the picture's path."""
    low, high = RANGE[options.optimizer]
    trainer = build(replace(options, steps=10**6, clip=math.inf))
    rates, losses = sweep(trainer, low, high)
    smooth = smoothed(losses)
    suggestion = steepest(rates, smooth)
    picture = options.out / "lr_finder.png"
    if trainer.processes.first:
        options.out.mkdir(parents=True, exist_ok=True)
        table = {
            "suggestion": suggestion,
            "rates": rates.tolist(),
            "losses": losses.tolist(),
            "smoothed": smooth.tolist(),
        }
        write_json(options.out / "lr_finder.json", table)
        plots.rate_finder(picture, rates, losses, smooth, suggestion)
        print(f"suggested: --lr {suggestion:.1e}   ({picture})")
    return picture


def sweep(trainer: Trainer, low: float, high: float, steps: int = STEPS) -> tuple[np.ndarray, np.ndarray]:
    """Rates and losses (n,), n <= steps: it ends where the loss has risen far beyond its start."""
    rates, losses = np.geomspace(low, high, steps), []
    with tqdm(total=steps, desc="learning rate", unit=" steps", disable=not trainer.processes.first) as bar:
        for number, rate in enumerate(rates, 1):
            try:
                losses.append(trainer.processes.mean(trainer.step(number, float(rate)))["loss"])
            except EdgeECGError:  # ran away to infinity
                break
            bar.update()
            smooth = smoothed(np.array(losses))
            if number > 2 * EDGE and smooth[-1] - smooth.min() > max(4 * (smooth[0] - smooth.min()), abs(smooth[0])):
                break
    return rates[: len(losses)], np.array(losses)


def smoothed(losses: np.ndarray) -> np.ndarray:
    mean, result = 0.0, np.empty(len(losses))
    for i, loss in enumerate(losses):
        mean = SMOOTH * mean + (1 - SMOOTH) * loss
        result[i] = mean / (1 - SMOOTH ** (i + 1))
    return result


def steepest(rates: np.ndarray, smooth: np.ndarray) -> float:
    """The rate at which the loss falls fastest against the logarithm of the rate."""
    if len(rates) < 2 * EDGE + 2:
        raise EdgeECGError(
            f"the loss ran away after {len(rates)} steps: no learning rate in this range can be suggested"
        )
    end = max(int(smooth.argmin()), 2 * EDGE + 2)  # what falls behind the lowest loss is noise
    slope = np.gradient(smooth[:end], np.log(rates[:end]))[EDGE:-EDGE]
    return float(rates[EDGE + int(slope.argmin())])
