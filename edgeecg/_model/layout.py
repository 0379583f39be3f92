"""The fixed-size records of an `.eecg` file: the fields of docs/format.md."""

import struct
from typing import Any

__all__ = ["FRONT", "FRONT_OFF", "HEAD", "HEADER", "LAYER", "LAYERS_OFF", "MAGIC", "NO_TENSOR", "OPS", "OP_CODES"]

MAGIC = b"\x89EECG\r\n\x1a"
VERSION = 1
NO_TENSOR = 0xFFFF
OPS = {1: "conv", 2: "add", 3: "max_pool"}
OP_CODES = {name: code for code, name in OPS.items()}
FILE_MAX = 2**32 - 1
ALIGNMENT = 16
"""Arrays start at multiples of this many bytes."""


class Record:
    """Named fields one after the other, little-endian.

    Each is "name type", the type as `struct` writes it: "4I" is a tuple of four numbers, "8s" are eight bytes.
    """

    def __init__(self, *fields: str):
        self.fields = dict(field.split() for field in fields)
        self.format = "<" + "".join(self.fields.values())
        self.size = struct.calcsize(self.format)

    def pack(self, **values: Any) -> bytes:
        """The bytes; a field of bytes is filled up with zeros."""
        numbers: list[Any] = []
        for name, kind in self.fields.items():
            numbers.extend(values[name] if is_tuple(kind) else [values[name]])
        return struct.pack(self.format, *numbers)

    def unpack(self, data: bytes, offset: int = 0) -> dict[str, Any]:
        """The values by their names."""
        values: dict[str, Any] = {}
        for name, kind in self.fields.items():
            found = struct.unpack_from("<" + kind, data, offset)
            values[name] = found if is_tuple(kind) else found[0]
            offset += struct.calcsize("<" + kind)
        return values


def is_tuple(kind: str) -> bool:
    """Whether a field of this type has several numbers."""
    return len(kind) > 1 and not kind.endswith("s")


HEADER = Record(
    *("magic 8s", "version H", "header_size H", "file_size I", "crc I", "flags I", "model_id 32s"),
    *("meta_off I", "meta_size I", "front_off I", "front_size I", "layers_off I", "n_layers H", "layer_size H"),
    *("head_off I", "head_size I", "data_off I", "data_size I", "name 24s", "reserved 8s"),
)
FRONT = Record(
    *("kind B", "channels B", "rate H", "window H", "baseline H", "block H", "reach H", "table_half H"),
    *("table_step H", "min_rate I", "table_off I", "floor I", "gain 4I"),
    *("direct_gain I", "flat_max H", "flat_blocks H", "off_blocks H", "clip_ms H", "noise I", "reserved 36s"),
)
LAYER = Record(
    *("op B", "requant B", "zp_out B", "layout B", "src_a H", "src_b H", "cin H", "cout H", "groups H", "kernel H"),
    *("stride H", "pad_left H", "weights_off I", "bias_off I", "mult_off I", "mneg_off I", "add_off I"),
    *("m_a i", "m_b i", "reserved 16s"),
)
HEAD = Record(
    *("pool B", "zp_mean B", "frames H", "dim H", "exponent H", "mean_off I", "weights_off I", "bias_off I"),
    *("mult_off I", "levels H", "reserved 38s"),
)
LAYER_ARRAYS = {
    "weights": "weights_off",
    "bias": "bias_off",
    "mult": "mult_off",
    "mult_neg": "mneg_off",
    "add": "add_off",
}
HEAD_ARRAYS = {"mean_mult": "mean_off", "weights": "weights_off", "bias": "bias_off", "mult": "mult_off"}
"""The arrays of a component and the fields with their places, in the order of the file."""
CRC_FROM = 20
"""Offset of the first byte that the checksum covers: the one after the checksum."""
ID_FROM = 64
"""Offset of the first byte that the model id covers: after the id and the offset and size of the metadata."""
FRONT_OFF = HEADER.size
LAYERS_OFF = FRONT_OFF + FRONT.size


def head_offset(n_layers: int) -> int:
    """Offset of the head, which follows the layers."""
    return LAYERS_OFF + LAYER.size * n_layers


def model_id(data: bytes) -> str:
    """The model id (hex SHA-256) in a file's header."""
    return bytes(HEADER.unpack(data)["model_id"]).hex()


def announced_size(header: bytes) -> int:
    """Bytes of a file by its header; 0 where that is not one, which `decode` then refuses."""
    if len(header) < HEADER.size or not header.startswith(MAGIC):
        return 0
    return int(HEADER.unpack(header)["file_size"])
