"""The fixed parts of an `.eecg` file, field by field as docs/format.md has them."""

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
"""Arrays start at multiples of it."""


class Record:
    """Named fields one after the other, little-endian; each is "name type", the type as `struct` writes it."""

    def __init__(self, *fields: str):
        pairs = [field.split() for field in fields]
        self.fields = tuple(name for name, _ in pairs)
        self._struct = struct.Struct("<" + "".join(kind for _, kind in pairs))
        self.size = self._struct.size

    def pack(self, **values: Any) -> bytes:
        """The bytes; a field of bytes is filled up with zeros."""
        return self._struct.pack(*(values.pop(name) for name in self.fields))

    def unpack(self, data: bytes, offset: int = 0) -> dict[str, Any]:
        """The values by their names."""
        return dict(zip(self.fields, self._struct.unpack_from(data, offset), strict=True))


HEADER = Record(
    *("magic 8s", "version H", "header_size H", "file_size I", "crc I", "flags I", "model_id 32s"),
    *("meta_off I", "meta_size I", "front_off I", "front_size I", "layers_off I", "n_layers H", "layer_size H"),
    *("head_off I", "head_size I", "data_off I", "data_size I", "name 24s", "reserved 8s"),
)
FRONT = Record(
    *("kind B", "channels B", "rate H", "window H", "baseline H", "block H", "reach H", "table_half H"),
    *("table_step H", "min_rate I", "table_off I", "floor I", "gain_0 I", "gain_1 I", "gain_2 I", "gain_3 I"),
    *("direct_gain I", "flat_max H", "flat_blocks H", "off_blocks H", "clip_ms H", "noise I", "reserved 36s"),
)
LAYER = Record(
    *("op B", "requant B", "zp_out B", "layout B", "src_a H", "src_b H", "cin H", "cout H", "groups H", "kernel H"),
    *("stride H", "pad_left H", "weights_off I", "bias_off I", "mult_off I", "mult_neg_off I", "add_off I"),
    *("m_a i", "m_b i", "reserved 16s"),
)
HEAD = Record(
    *("pool B", "zp_mean B", "frames H", "dim H", "exponent H", "mean_mult_off I", "weights_off I", "bias_off I"),
    *("mult_off I", "levels H", "reserved 38s"),
)
CRC_FROM = 20
"""Where the bytes begin that the checksum is of: behind it."""
ID_FROM = 64
"""Where the bytes begin that the model id names: behind itself and the place of the metadata."""
FRONT_OFF = HEADER.size
LAYERS_OFF = FRONT_OFF + FRONT.size


def head_offset(n_layers: int) -> int:
    """Where the head begins, behind the layers."""
    return LAYERS_OFF + LAYER.size * n_layers


def model_id(data: bytes) -> str:
    """The model id (hex SHA-256) that stands in a file's header."""
    return bytes(HEADER.unpack(data)["model_id"]).hex()


def announced_size(header: bytes) -> int:
    """Bytes of a file by its header; 0 where that is not one, which `decode` then refuses."""
    if len(header) < HEADER.size or not header.startswith(MAGIC):
        return 0
    return int(HEADER.unpack(header)["file_size"])
