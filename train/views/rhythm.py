"""Rhythm resynthesis: the beats of a lead rearranged into another rhythm.

Recordings with premature beats, pauses or atrial fibrillation come from few subjects, and an encoder trained to detect
rhythms overfits to those subjects. Here any lead gets such rhythms. QRS complexes and P waves stay; the T wave shortens
a little and the interval after it most, as in a heart whose rate changes. Some early beats become ventricular: wide,
with another height and sign, a discordant T wave and no P wave. Signals are front-end units at 128 Hz around 0.
"""

from typing import NamedTuple

import numpy as np

BEFORE, AFTER = 28, 10  # samples around an R peak that no rate changes: P wave and QRS
T_WAVE = 40  # samples behind the QRS that a shorter interval squeezes less than the rest
SHORTEST, LONGEST = 46, 360  # samples of an interval
USUAL = (45, 320)  # samples of an interval of the lead that is taken for one: between them no beat was missed
REACH = (34, 48)  # samples around an R peak that a ventricular beat changes


class Rhythm(NamedTuple):
    """Of every interval and the beat that ends it, (n,) each."""

    factor: np.ndarray  # the interval over what it was
    p_wave: np.ndarray  # gain of the beat's P wave
    gain: np.ndarray  # of a ventricular beat's QRS, below 0 for one that points the other way; 0: an ordinary beat
    width: np.ndarray  # of its QRS, over what it was


def other_rhythm(x: np.ndarray, peaks: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A lead (n,) with R peaks at samples `peaks` -> as many samples of the same beats in a random rhythm.

    It is unchanged up to the first peak. A lead with fewer than three usable intervals stays as it is.
    """
    if not usable(peaks).any():
        return x.copy()
    return rebuild(x, peaks, draw_rhythm((len(x) - int(peaks[0])) // SHORTEST + 1, rng))


def usable(peaks: np.ndarray) -> np.ndarray:
    """Which intervals are long and short enough to be one; none where there are fewer than three."""
    length = np.diff(peaks)
    kept = (length > USUAL[0]) & (length < USUAL[1])
    return kept & (kept.sum() >= 3)


# ------------------------------------------------------------------------------------------------ drawing
def draw_rhythm(count: int, rng: np.random.Generator) -> Rhythm:
    """Stretches of 6 to 39 intervals, each of a kind of its own."""
    rhythm = Rhythm(np.ones(count), np.ones(count), np.zeros(count), np.ones(count))
    at = 0
    while at < count:
        end = at + int(rng.integers(6, 40))
        kind = rng.choice(len(KINDS), p=[share for _, share in KINDS])
        KINDS[kind][0](Rhythm(*(values[at:end] for values in rhythm)), rng)
        at = end
    return rhythm


def as_it_was(r: Rhythm, rng: np.random.Generator) -> None:
    pass


def steady(r: Rhythm, rng: np.random.Generator) -> None:
    """Another rate, and the sway of breathing."""
    phase = np.arange(len(r.factor)) * rng.uniform(0.5, 2) + rng.uniform(0, 6)
    r.factor[:] = np.exp(rng.normal(0, 0.15)) * (1 + rng.uniform(0, 0.1) * np.sin(phase))


def premature(r: Rhythm, rng: np.random.Generator) -> None:
    """Early beats, occasionally or every second to fourth, with a full pause after them or not."""
    steady(r, rng)
    count, ventricular = len(r.factor), rng.random() < 0.4
    if rng.random() < 0.2:
        early = np.arange(1, count + 1) % rng.integers(2, 5) == 0
    else:
        early = rng.random(count) < rng.uniform(0.03, 0.2)
    coupling = rng.uniform(0.5, 0.88)
    pause = rng.uniform(0.95, 1.15) if not ventricular and rng.random() < 0.6 else 2 - coupling
    r.factor[early] *= np.clip(coupling + rng.normal(0, 0.04, early.sum()), 0.42, 0.95)
    r.factor[1:][early[:-1]] *= pause
    r.p_wave[early] = 0 if ventricular else rng.choice([1, 1, 0, -0.7, 1.6])
    if ventricular:
        r.gain[early] = rng.choice([-1, 1]) * rng.uniform(0.6, 1.8)
        r.width[early] = rng.uniform(1.6, 2.8)


def irregular(r: Rhythm, rng: np.random.Generator) -> None:
    """Any interval after any other; mostly without P waves, as in atrial fibrillation."""
    steady(r, rng)
    r.factor[:] *= np.exp(rng.normal(0, rng.uniform(0.08, 0.3), len(r.factor)))
    if rng.random() < 0.6:
        r.p_wave[:] = rng.uniform(0, 0.25)


def pauses(r: Rhythm, rng: np.random.Generator) -> None:
    steady(r, rng)
    long = rng.random(len(r.factor)) < 0.08
    r.factor[long] *= rng.uniform(1.5, 2.3)


KINDS = ((as_it_was, 0.2), (premature, 0.45), (irregular, 0.2), (pauses, 0.15))  # and their shares


# ------------------------------------------------------------------------------------------------ putting together
def rebuild(x: np.ndarray, peaks: np.ndarray, rhythm: Rhythm) -> np.ndarray:
    """The intervals of a lead one after another, from the first again where they do not reach its end: (n,)."""
    order = np.flatnonzero(usable(peaks))
    pieces, at, ventricular = [x[: peaks[0] + 1]], int(peaks[0]), []
    for number, (factor, p_wave, gain, width) in enumerate(zip(*rhythm, strict=True)):
        which = order[number % len(order)]
        piece = stretched(x[peaks[which] : peaks[which + 1] + 1], factor)
        scale_p_wave(piece, p_wave)
        ramp = min(20, len(piece))
        piece[:ramp] += (pieces[-1][-1] - piece[0]) * np.linspace(1, 0, ramp)  # no step where peaks differ in height
        pieces.append(piece[1:])
        at += len(piece) - 1
        if gain:
            ventricular.append((at, gain, width))
        if at >= len(x):
            break
    y = np.concatenate(pieces)
    for peak, gain, width in ventricular:
        if peak >= REACH[0] and peak + REACH[1] < len(y):
            part = slice(peak - REACH[0], peak + REACH[1] + 1)
            y[part] = as_ventricular(y[part], gain, width)
    return y[: len(x)]


def stretched(piece: np.ndarray, factor: float) -> np.ndarray:
    """An interval from R peak to R peak (n + 1,) in about `factor` times its time."""
    old = len(piece) - 1
    new = int(np.clip(round(old * factor), SHORTEST, LONGEST))
    middle, room = old - BEFORE - AFTER, new - BEFORE - AFTER
    t_wave = min(T_WAVE, int(0.7 * middle))
    rest = middle - t_wave
    kept = t_wave * np.clip(1 - 0.35 * (1 - room / middle), 0.6, 1.15)
    if room - kept < 0.08 * rest:  # so early that the P wave falls on the T wave
        kept = max(room - 0.08 * rest, 0.3 * room)
    place = np.interp(
        np.arange(new + 1), [0, AFTER, AFTER + kept, new - BEFORE, new], [0, AFTER, AFTER + t_wave, old - BEFORE, old]
    )
    return np.interp(place, np.arange(old + 1), piece)


def scale_p_wave(piece: np.ndarray, gain: float) -> None:
    """Multiplies what rises above a straight line before the QRS that ends the interval, in place."""
    if gain != 1:
        part = piece[-1 - BEFORE : -8]
        line = np.linspace(part[0], part[-1], len(part))
        part[:] = line + gain * (part - line)


def as_ventricular(x: np.ndarray, gain: float, width: float) -> np.ndarray:
    """A beat with its R peak at sample REACH[0]: QRS drawn out and scaled, T wave against it, little before it."""
    t = np.arange(len(x)) - REACH[0]
    reach, edge = np.where(t < 0, *REACH), AFTER * width
    outside = np.sign(t) * (AFTER + (np.abs(t) - edge) * (reach - AFTER) / (reach - edge))
    drawn = np.interp(np.where(np.abs(t) <= edge, t / width, outside) + REACH[0], np.arange(len(x)), x)
    scale = np.where(t < -edge, 0.15 * gain, np.where(t > 0.8 * edge, -1.2 * gain, gain))
    smooth = np.convolve(np.pad(scale, 6, mode="edge"), np.ones(13) / 13, "valid")
    line = np.linspace(x[0], x[-1], len(x))
    return line + (drawn - line) * smooth
