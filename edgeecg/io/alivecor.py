"""AliveCor's .atc files (Kardia): blocks of 16-bit samples, one a lead.

Format: Alive ECG File Format Specification, AliveCor 2014: a header, then blocks of a four-letter name, a length, the
content and a sum of its bytes.
"""

import datetime
import struct
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ..errors import InputError
from ._files import File
from ._times import parse_moment
from .recording import Lead, Source

__all__ = ["open_source"]

LEADS: Final = {b"ecg ": "I", b"ecg2": "II", b"ecg3": "III", b"ecg4": "aVR", b"ecg5": "aVL", b"ecg6": "aVF"}
HEADER: Final = 12  # "ALIVE\0\0\0" and a version
NV_PER_MV: Final = 1e6
DEFAULT_RATE, DEFAULT_NANOVOLTS = 300, 500  # of the specification, where no block "fmt " tells


def open_source(file: File, keep_identity: bool = False) -> Source:
    """Open the file: each block of an ECG is a lead.

    Nothing of a person is in these files but a number of the recording, which is not kept. Raises InputError where a
    block is longer than the file, or none is an ECG.
    """
    blocks = blocks_of(file)
    rate, nanovolts = DEFAULT_RATE, DEFAULT_NANOVOLTS
    if len(blocks.get(b"fmt ", b"")) >= 5:
        _, rate, nanovolts = struct.unpack_from("<BHH", blocks[b"fmt "])
    found = {name: blocks[key] for key, name in LEADS.items() if len(blocks.get(key, b"")) >= 2}
    if not found:
        raise InputError(f"{file.name}: not a readable AliveCor file: it holds no ECG")
    samples = {name: np.frombuffer(block[: len(block) // 2 * 2], "<i2") for name, block in found.items()}
    gain = NV_PER_MV / nanovolts if nanovolts else None
    leads = tuple(Lead(name, "nV" if gain else None, gain, float(rate)) for name in samples)

    def load(index: int) -> npt.NDArray[Any]:
        return samples[leads[index].name].astype(np.int32)

    longest = max(len(values) for values in samples.values())
    return Source(file.name, "AliveCor ATC", longest, leads, load, start_of(blocks.get(b"info", b"")))


def blocks_of(file: File) -> dict[bytes, bytes]:
    """The first block of each name."""
    content, place = file.read(), HEADER
    blocks: dict[bytes, bytes] = {}
    while place + 8 <= len(content):
        name, size = content[place : place + 4], struct.unpack_from("<I", content, place + 4)[0]
        if place + 8 + size > len(content):
            raise InputError(f"{file.name}: not a readable AliveCor file: a block is longer than the file")
        end = place + 8 + size
        stated = struct.unpack_from("<I", content, end)[0] if end + 4 <= len(content) else None
        if stated != int(np.frombuffer(content[place:end], np.uint8).sum(dtype=np.uint64)) & 0xFFFFFFFF:
            raise InputError(f"{file.name}: not a readable AliveCor file: a block is damaged (its checksum)")
        blocks.setdefault(name, content[place + 8 : end])
        place = end + 4
    return blocks


def start_of(info: bytes) -> datetime.datetime | None:
    """The date that the block of information begins with."""
    return parse_moment(info[:32].split(b"\0")[0].decode("latin-1"))
