"""Which learning rate to take: range tests (Smith, "Cyclical Learning Rates for Training Neural Networks", WACV 2017),
then short runs around what they suggest.

In a range test the rate grows exponentially from step to step; the loss first falls, then diverges. Several sweeps,
each with other weights and windows, give a median curve. The rate at which it falls fastest on a logarithmic axis,
before its minimum, is one at which something is learned. The best rate of a whole run was one to four times higher for
the encoders here. So short runs with the run's own schedule, from the same weights on the same windows, try that rate,
half and twice of it, and further until the lowest loss has higher ones on both sides. The suggestion is the minimum of
the parabola through those three.
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

SWEEPS, STEPS = 3, 100  # range tests, steps of each
TRIAL = 100  # steps of a short run; of a shorter run as many as it has
MOST = 7  # short runs
RANGE = {"adamw": (1e-6, 1.0), "lars": (1e-3, 1e3)}
SMOOTH = 8.0  # steps: deviation of the Gaussian that smooths the median curve
EDGE = 5  # smoothed values at either end that settle nothing
Build = Callable[[Options], Trainer]


def find_rate(build: Build, options: Options) -> Path:
    """Runs the tests, writes OUT/lr_finder.png and .json, prints the suggestion. Returns the picture's path."""
    sweeps = [one_sweep(build, replace(options, seed=options.seed + number)) for number in range(SWEEPS)]
    rates, median, smooth = median_curve(sweeps)
    steep = steepest(rates, smooth)
    trials = try_rates(lambda rate: trial(build, options, rate), steep)
    suggestion = lowest(trials)
    picture = options.out / "lr_finder.png"
    if build(options).processes.first:
        options.out.mkdir(parents=True, exist_ok=True)
        table = {
            "suggestion": suggestion,
            "steepest": steep,
            "rates": rates.tolist(),
            "sweeps": [losses.tolist() for _, losses in sweeps],
            "median": median.tolist(),
            "smoothed": smooth.tolist(),
            "trials": {f"{rate:.3g}": loss for rate, loss in sorted(trials.items())},
        }
        write_json(options.out / "lr_finder.json", table)
        plots.rate_finder(picture, sweeps, rates, smooth, steep, trials, suggestion)
        print(f"suggested: --lr {suggestion:.1e}   ({picture})")
    return picture


def one_sweep(build: Build, options: Options) -> tuple[np.ndarray, np.ndarray]:
    return sweep(build(replace(options, steps=10**6, clip=math.inf)), *RANGE[options.optimizer])


def sweep(trainer: Trainer, low: float, high: float, steps: int = STEPS) -> tuple[np.ndarray, np.ndarray]:
    """Rates and losses (n,), n <= steps: it ends where the loss has risen far beyond its start."""
    rates, losses = np.geomspace(low, high, steps), []
    with tqdm(total=steps, desc="range test", unit=" steps", disable=not trainer.processes.first) as bar:
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


def median_curve(sweeps: list[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rates, median loss and its smoothed form (n,), as far as the shortest sweep goes."""
    rates = min((rates for rates, _ in sweeps), key=len)
    median = np.median([losses[: len(rates)] for _, losses in sweeps], 0)
    return rates, median, smoothed(median)


def smoothed(losses: np.ndarray) -> np.ndarray:
    """Gaussian means, so that a fall is shown where it is, not behind it."""
    place = np.arange(len(losses))
    weight = np.exp(-0.5 * ((place[:, None] - place) / SMOOTH) ** 2)
    return weight @ losses / weight.sum(1)


def steepest(rates: np.ndarray, smooth: np.ndarray) -> float:
    """The rate at which the loss falls fastest against the logarithm of the rate."""
    if len(rates) < 2 * EDGE + 2:
        raise EdgeECGError(
            f"the loss ran away after {len(rates)} steps: no learning rate in this range can be suggested"
        )
    end = max(int(smooth.argmin()) + 1, 2 * EDGE + 2)  # what falls behind the lowest loss is noise
    slope = np.gradient(smooth[:end], np.log(rates[:end]))[EDGE:-EDGE]
    return float(rates[EDGE + int(slope.argmin())])


def trial(build: Build, options: Options, rate: float) -> float:
    """The validation loss behind a short run at this rate, or its last training losses; infinity where it ran away."""
    steps = min(TRIAL, options.steps)
    trainer = build(replace(options, lr=rate, steps=steps))
    try:
        losses = [trainer.processes.mean(trainer.step(number))["loss"] for number in range(1, steps + 1)]
        figures = trainer.evaluate()
    except EdgeECGError:
        return math.inf
    found = trainer.learner.criterion(figures) if figures else float(np.mean(losses[-max(1, steps // 10) :]))
    return found if math.isfinite(found) else math.inf


def try_rates(loss_of: Callable[[float], float], start: float) -> dict[float, float]:
    """Rate -> loss, by factors of two around `start`, until the lowest has higher ones on both sides."""
    found: dict[int, float] = {}
    wanted = [0, 1, -1]
    with tqdm(desc="short runs", unit=" runs", disable=None) as bar:
        while wanted and len(found) < MOST:
            power = wanted.pop(0)
            found[power] = loss_of(start * 2.0**power)
            bar.update()
            best = min(found, key=found.__getitem__)
            wanted = wanted or [p for p in (best - 1, best + 1) if p not in found]
    return {start * 2.0**power: loss for power, loss in found.items()}


def lowest(trials: dict[float, float]) -> float:
    """Where the parabola through the lowest loss and its neighbors is lowest, on a logarithmic axis of rates."""
    rates = sorted(trials)
    best = min(range(len(rates)), key=lambda i: trials[rates[i]])
    if not 0 < best < len(rates) - 1:
        return float(rates[best])
    left, middle, right = (trials[rates[i]] for i in (best - 1, best, best + 1))
    bend = left - 2 * middle + right
    shift = 0.5 * (left - right) / bend if np.isfinite(bend) and bend > 0 else 0.0
    return float(rates[best] * 2.0 ** np.clip(shift, -0.5, 0.5))
