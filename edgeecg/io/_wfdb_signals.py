"""Signal files of WFDB records: every storage format of signal(5), one signal at a time.

https://physionet.org/physiotools/wag/signal-5.htm; the formats 508, 516 and 524 are FLAC, which the package soundfile
decodes.
"""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ..errors import InputError
from ._decode import attempt, import_decoder
from ._files import File
from ._wfdb_header import Signal

__all__ = ["LOWEST", "frames_in", "read_signal"]

Bytes = npt.NDArray[np.uint8]
# The code that says "no valid sample" is the lowest value of each format, signal(5); format 8 has none.
BITS: Final = {80: 8, 508: 8, 310: 10, 311: 10, 212: 12, 16: 16, 61: 16, 160: 16, 516: 16, 24: 24, 524: 24, 32: 32}
LOWEST: Final = {form: -(1 << (bits - 1)) for form, bits in BITS.items()}
BYTES: Final = {8: 1, 16: 2, 24: 3, 32: 4, 61: 2, 80: 1, 160: 2}  # of a sample
PACKED: Final = {212: (2, 3), 310: (3, 4), 311: (3, 4)}  # so many samples in so many bytes
FLAC: Final = {508: 8, 516: 16, 524: 24}
BLOCK: Final = 1 << 18  # frames of FLAC decoded at once


def frames_in(file: File, group: list[Signal]) -> int:
    """Whole frames in a signal file that a group of signals shares."""
    form, frame = group[0].format, sum(signal.per_frame for signal in group)
    if form in FLAC:
        with opened_flac(file) as flac:
            return int(flac.frames) // group[0].per_frame
    size = max(0, file.size - group[0].start)
    if form in BYTES:
        return size // (BYTES[form] * frame)
    samples, whole = PACKED[form]
    full, left = divmod(size, whole)
    return (full * samples + partial(form, left)) // frame


def partial(form: int, left: int) -> int:
    """Samples in the bytes of a pack that is not full."""
    return {212: (0, 0, 1), 310: (0, 0, 1, 1), 311: (0, 0, 1, 2)}[form][left]


def read_signal(file: File, group: list[Signal], place: int, frames: int) -> npt.NDArray[Any]:
    """(frames * per_frame,) values of one signal as they are stored, `place` in its group."""
    signal = group[place]
    frame = sum(each.per_frame for each in group)
    first = sum(each.per_frame for each in group[:place])
    columns = slice(first, first + signal.per_frame)
    if signal.format in FLAC:
        return from_flac(file, group, place, frames)
    if signal.format in BYTES:
        width = BYTES[signal.format]
        raw = np.frombuffer(file.read(signal.start, frames * frame * width), np.uint8)
        table = check_length(file, raw, frames * frame * width).reshape(frames, frame, width)[:, columns]
        values = DECODERS[signal.format](np.ascontiguousarray(table)).reshape(-1)
        return np.cumsum(values) + signal.initial if signal.format == 8 else values
    samples, whole = PACKED[signal.format]
    packs = -(-frames * frame // samples)
    raw = np.frombuffer(file.read(signal.start, packs * whole), np.uint8)
    if len(raw) < packs * whole:
        raw = np.concatenate([raw, np.zeros(packs * whole - len(raw), np.uint8)])
    if signal.format == 212 and frame % 2 == 0 and signal.per_frame == 1:  # only its own half of its pairs
        pairs = raw.reshape(frames, frame // 2, 3)[:, first // 2]
        return halves(pairs)[first % 2]
    unpacked = DECODERS[signal.format](raw.reshape(packs, whole)).reshape(-1)[: frames * frame]
    return np.ascontiguousarray(unpacked.reshape(frames, frame)[:, columns]).reshape(-1)


def check_length(file: File, raw: Bytes, needed: int) -> Bytes:
    if len(raw) < needed:
        raise InputError(f"{file.name}: became shorter while it was read")
    return raw


def little_24(raw: Bytes) -> npt.NDArray[Any]:
    wide = np.zeros((*raw.shape[:-1], 4), np.uint8)
    wide[..., 1:] = raw
    return wide.view("<i4")[..., 0] >> 8


def signed(values: npt.NDArray[np.int32], bits: int) -> npt.NDArray[np.int32]:
    """The lowest bits as a number with a sign."""
    return (values << (32 - bits)) >> (32 - bits)


def halves(pairs: Bytes) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """Format 212: the two samples of three bytes."""
    b = pairs.astype(np.int32)
    return signed(b[:, 0] | b[:, 1] << 8, 12), signed(b[:, 2] | (b[:, 1] & 0xF0) << 4, 12)


def from_310(packs: Bytes) -> npt.NDArray[np.int32]:
    """Two words of 16 bits: ten bits of each above its lowest, and five of each for the third sample."""
    words = packs.view("<u2").astype(np.int32)
    third = words[:, 0] >> 11 & 31 | (words[:, 1] >> 11 & 31) << 5
    return signed(np.stack([words[:, 0] >> 1, words[:, 1] >> 1, third], axis=1), 10)


def from_311(packs: Bytes) -> npt.NDArray[np.int32]:
    """A word of 32 bits: three times ten bits, the lowest first."""
    word = packs.view("<i4")[:, 0]
    return signed(np.stack([word, word >> 10, word >> 20], axis=1), 10)


DECODERS: Final[dict[int, Callable[[Bytes], npt.NDArray[Any]]]] = {
    8: lambda raw: raw.view(np.int8)[..., 0].astype(np.int64),
    16: lambda raw: raw.view("<i2")[..., 0],
    24: little_24,
    32: lambda raw: raw.view("<i4")[..., 0],
    61: lambda raw: raw.view(">i2")[..., 0].astype(np.int16),
    80: lambda raw: raw[..., 0].astype(np.int16) - 128,
    160: lambda raw: raw.view("<u2")[..., 0].astype(np.int32) - 32768,
    212: lambda packs: np.stack(halves(packs), axis=1),
    310: from_310,
    311: from_311,
}


@contextlib.contextmanager
def opened_flac(file: File) -> Iterator[Any]:
    """The file as soundfile opens it."""
    soundfile = import_decoder("soundfile", "WFDB signals in FLAC", "flac")
    if file.read(0, 4) != b"fLaC":
        raise InputError(f"{file.name}: is no FLAC file")
    with file.opener() as opened, attempt(file.name, "FLAC file", soundfile.SoundFile, opened) as flac:
        yield flac


def from_flac(file: File, group: list[Signal], place: int, frames: int) -> npt.NDArray[np.int32]:
    """A channel of FLAC; soundfile fills 32 bits from the top."""
    signal = group[place]
    if any(each.per_frame != signal.per_frame for each in group):
        raise InputError(
            f"{file.name}: its signals have different numbers of samples a frame, which FLAC does not hold"
        )
    out = np.empty(frames * signal.per_frame, np.int32)
    with opened_flac(file) as flac:
        if flac.channels != len(group):
            raise InputError(f"{file.name}: has {flac.channels} channels, and the header tells of {len(group)}")
        for first in range(0, len(out), BLOCK):
            count = min(BLOCK, len(out) - first)
            block = attempt(file.name, "FLAC file", flac.read, count, dtype="int32", always_2d=True)
            if len(block) < count:
                raise InputError(f"{file.name}: ends before the {frames} frames of its header")
            out[first : first + count] = block[:, place]
    return out >> (32 - FLAC[signal.format])
