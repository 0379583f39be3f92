"""WFDB records (PhysioNet): the integers of the file as they are, with gain and baseline from the header.

All of signal(5) and header(5): every storage format, several samples a frame, skew, offsets, records of several
segments with fixed and variable layout, each segment with its own gain, baseline and code for what was not measured.
https://physionet.org/physiotools/wag/
"""

import dataclasses
import re
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import InputError
from ._files import File
from ._units import UNITS_PER_MV, normal_unit
from ._wfdb_header import Header, Signal, read_header
from ._wfdb_signals import LOWEST, frames_in, read_signal
from .recording import MISSING, Lead, Source

__all__ = ["open_source"]

FINEST = 1 << 12  # how much finer than one segment a common gain of several may be


@dataclasses.dataclass(frozen=True)
class Part:
    """A segment in its place: `frames` from `first`; its file and header are None in a gap."""

    first: int
    frames: int
    file: File | None
    header: Header | None


@dataclasses.dataclass(frozen=True)
class Track:
    """One lead of a record.

    Attributes
    ----------
    name, unit : str
    per_frame : int
    pieces : tuple of (Part, int)
        The segments that hold it, and its place among their signals.
    """

    name: str
    unit: str
    per_frame: int
    pieces: tuple[tuple[Part, int], ...]


def open_source(file: File, keep_identity: bool = False) -> Source:
    """Open the record that a header means, or a signal file with its header in the same folder.

    It keeps the remarks of the header about the person. Raises InputError where a file is missing, too short, or the
    header makes no sense.
    """
    header_file = file if file.suffix not in (".dat", ".mat") else beside(file, f"{file.stem}.hea", file.name)
    header = read_header(header_file, keep_identity)
    parts = parts_of(header_file, header)
    tracks = tracks_of(file.name, header, parts)
    if not tracks:
        raise InputError(f"{file.name}: not a readable WFDB record: the record has no signal")
    frames = max((part.first + part.frames for part in parts), default=0)
    if frames == 0:
        raise InputError(f"{file.name}: not a readable WFDB record: the record has no samples")
    longest = frames * max(track.per_frame for track in tracks)
    if 8 * longest > header_file.budget:
        with_its_data(header_file, parts).afford(8.0 * longest, "a lead of the record")
    scales = [scale_of(track) for track in tracks]
    leads = tuple(lead_of(track, header.rate, scale) for track, scale in zip(tracks, scales, strict=True))

    def load(index: int) -> npt.NDArray[Any]:
        return samples_of(tracks[index], frames, scales[index])

    no_rate = None
    if header.rate is None and header.written_rate.strip("0.") not in ("", "-"):
        no_rate = f"{file.name}: the rate in the header, {header.written_rate!r}, is none: give it with fs= (--fs)"
    start = header.start or next((part.header.start for part in parts if part.header and part.first == 0), None)
    return Source(file.name, "WFDB", longest, leads, load, start, header.identity, no_rate)


def with_its_data(header_file: File, parts: list[Part]) -> File:
    """A record's header with the size of all its files: by that it is said how much memory it may take."""
    data = (
        data_of(part.file, group)
        for part in parts
        if part.file is not None and part.header is not None
        for group in groups_of(part.header)
    )
    return header_file.of_size(header_file.size + sum(file.size for file in data if file is not None))


def beside(file: File, name: str, where: str) -> File:
    """A file that a header names; InputError where it is not there, or not below its folder."""
    if re.match(r"[/\\~]|[A-Za-z]:", name) or ".." in re.split(r"[/\\]", name):
        raise InputError(f"{where}: not a readable WFDB record: the header names a file outside its folder")
    found = file.beside(name)
    if found is None and name.endswith(".hea"):
        raise InputError(f"{where}: a WFDB record needs its header, and there is no {name} beside it")
    if found is None:
        raise InputError(f"{where}: not a readable WFDB record: there is no {name} beside it")
    return found


def parts_of(file: File, header: Header) -> list[Part]:
    """The segments in their places; of a simple record itself."""
    if not header.segments:
        return [Part(0, frames_of(file, header, header.frames), file, header)] if header.signals else []
    parts, first = [], 0
    for segment in header.segments:
        if segment.name == "~":
            parts.append(Part(first, segment.frames, None, None))
        else:
            segment_file = beside(file, f"{segment.name}.hea", file.name)
            inner = read_header(segment_file)
            if inner.segments:
                raise InputError(f"{file.name}: not a readable WFDB record: its segment {segment.name} has segments")
            if None not in (inner.rate, header.rate) and abs((inner.rate or 0) - (header.rate or 0)) > 1e-6 * (
                header.rate or 0
            ):
                raise InputError(f"{file.name}: not a readable WFDB record: its segments have different rates")
            frames = frames_of(segment_file, inner, segment.frames) if segment.frames else 0
            parts.append(Part(first, frames, segment_file, inner))
        first += segment.frames
    return parts


def frames_of(file: File, header: Header, stated: int | None) -> int:
    """Frames of a segment: as stated where its signal files hold them, else what they hold where nothing is stated."""
    held = [frames_in(data, group) for group in groups_of(header) if (data := data_of(file, group)) is not None]
    if not held:
        return stated or 0
    if stated is None:
        return min(held)
    if min(held) < stated:
        raise InputError(
            f"{file.name}: not a readable WFDB record: the header tells of {stated} samples of each signal, and the "
            f"signal file holds {min(held)}"
        )
    return stated


def groups_of(header: Header) -> list[list[Signal]]:
    """The signals of each signal file, in order."""
    groups: dict[str, list[Signal]] = {}
    for signal in header.signals:
        groups.setdefault(signal.file, []).append(signal)
    return list(groups.values())


def data_of(file: File, group: list[Signal]) -> File | None:
    """The signal file of a group; None of signals that are nowhere stored."""
    if group[0].file == "~" or group[0].format == 0:
        return None
    if any((signal.format, signal.start) != (group[0].format, group[0].start) for signal in group):
        raise InputError(f"{file.name}: not a readable WFDB record: signals of one file have different formats")
    return beside(file, group[0].file, file.name)


def tracks_of(where: str, header: Header, parts: list[Part]) -> list[Track]:
    """The leads: of a fixed layout by their places, of a variable one by the names of its first segment."""
    stored = [part for part in parts if part.header is not None]
    first = stored[0].header if stored else None
    if first is None:
        return []
    layout = bool(header.segments) and header.segments[0].frames == 0
    tracks = []
    for place, signal in enumerate(first.signals):
        pieces = []
        for part in stored[1:] if layout else stored:
            assert part.header is not None
            found = by_name(first, part.header, place) if layout else place
            if found is not None and found < len(part.header.signals) and part.frames:
                pieces.append((part, found))
        rates = {signal_at(piece).per_frame for piece in pieces} or {signal.per_frame}
        if len(rates) > 1:
            raise InputError(f"{where}: lead {signal.name!r} has different rates in its segments")
        unit = signal_at(pieces[0]).unit if pieces else signal.unit
        tracks.append(Track(signal.name, unit, rates.pop(), tuple(pieces)))
    return tracks


def signal_at(piece: tuple[Part, int]) -> Signal:
    part, place = piece
    assert part.header is not None
    return part.header.signals[place]


def by_name(layout: Header, header: Header, place: int) -> int | None:
    """Where a segment has the signal of this place of the layout: the same among those of its name."""
    name = layout.signals[place].name
    before = sum(signal.name == name for signal in layout.signals[:place])
    found = [i for i, signal in enumerate(header.signals) if signal.name == name]
    return found[before] if before < len(found) else None


def scale_of(track: Track) -> float | None:
    """ADC units per unit that all segments of a lead can be brought to as whole numbers; None where there is none."""
    gains = {abs(per_unit(signal_at(piece), track.unit)) for piece in track.pieces} or {200.0}
    finest = max(gains)
    if len(gains) == 1:
        return finest
    common = Fraction(1)
    for gain in gains:
        common = max(common, Fraction(finest / gain).limit_denominator(64), key=lambda f: f.denominator)
    scale = finest * common.denominator
    steps = [scale / gain for gain in gains]
    good = all(abs(step - round(step)) < 1e-9 * step and 1 <= round(step) <= FINEST for step in steps)
    return scale if good else None


def per_unit(signal: Signal, unit: str) -> float:
    """ADC units per unit of the lead; segments may be in microvolts and millivolts."""
    own, wanted = normal_unit(signal.unit), normal_unit(unit)
    if own == wanted is not None or signal.unit == unit:
        return signal.gain * (UNITS_PER_MV[own] / UNITS_PER_MV[own] if own else 1.0)
    if own is None or wanted is None:
        raise InputError(f"segments of one lead are in {signal.unit!r} and {unit!r}")
    return signal.gain * UNITS_PER_MV[own] / UNITS_PER_MV[wanted]


def lead_of(track: Track, rate: float | None, scale: float | None) -> Lead:
    known = normal_unit(track.unit)
    fs = rate * track.per_frame if rate is not None else None
    if scale is None:
        return Lead(track.name, track.unit, None, fs)
    return Lead(track.name, track.unit, scale * UNITS_PER_MV[known] if known else None, fs, None if known else scale)


def samples_of(track: Track, frames: int, scale: float | None) -> npt.NDArray[Any]:
    """(n,) int32 ADC units above the baseline, MISSING where nothing was measured; floats without a common gain."""
    n = frames * track.per_frame
    whole = len(track.pieces) == 1 and track.pieces[0][0].frames == frames
    out: npt.NDArray[Any] = np.full(0 if whole else n, MISSING, np.int32) if scale is not None else np.full(n, np.nan)
    for part, place in track.pieces:
        signal = signal_at((part, place))
        stored = stored_values(part, place)
        factor = (scale / per_unit(signal, track.unit)) if scale is not None else 1 / per_unit(signal, track.unit)
        piece = scaled(part, signal, stored, factor, scale is not None)
        if whole and scale is not None:
            return piece
        begin = part.first * track.per_frame
        out[begin : begin + len(piece)] = piece
    return out if len(out) else np.full(n, MISSING, np.int32)


def stored_values(part: Part, place: int) -> npt.NDArray[Any]:
    """What the signal file holds of a signal in the frames of a segment."""
    assert part.file is not None and part.header is not None
    signal = part.header.signals[place]
    group = [other for other in part.header.signals if other.file == signal.file]
    data = data_of(part.file, group)
    if data is None:
        return np.empty(0, np.int64)
    late = min(signal.skew, part.frames)
    held = min(frames_in(data, group), part.frames + late)
    values = read_signal(data, group, index_in(part.header, place), held)
    return values[late * signal.per_frame :]


def index_in(header: Header, place: int) -> int:
    """The place of a signal among those of its file."""
    return sum(signal.file == header.signals[place].file for signal in header.signals[:place])


def scaled(part: Part, signal: Signal, stored: npt.NDArray[Any], factor: float, whole: bool) -> npt.NDArray[Any]:
    """Stored values in units of the lead."""
    n = part.frames * signal.per_frame
    missing = stored == LOWEST[signal.format] if signal.format in LOWEST else np.zeros(len(stored), bool)
    if not whole:
        values = np.where(missing, np.nan, (stored.astype(np.float64) - signal.baseline) * factor)
        return np.concatenate([values, np.full(n - len(values), np.nan)])
    reach = (2.0**31 if signal.format in (8, 32) else -LOWEST.get(signal.format, -(2**31))) + abs(signal.baseline)
    if reach * abs(factor) >= 2**31:
        values = (stored.astype(np.int64) - signal.baseline) * round(factor)
        if np.any(np.abs(values[~missing]) >= 2**31):
            raise InputError(f"{part.file.name if part.file else ''}: a sample does not fit 32 bits")
        out = np.where(missing, MISSING, values).astype(np.int32)
    else:
        out = np.subtract(stored, signal.baseline, dtype=np.int32)
        if round(factor) != 1:
            out *= round(factor)
        if missing.any():
            out[missing] = MISSING
    return np.concatenate([out, np.full(n - len(out), MISSING, np.int32)]) if len(out) < n else out
