"""A model from the bytes of an `.eecg` file (docs/format.md), which may be damaged or hostile."""

import hashlib
import json
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..constants import BLOCK, RATE, TABLE_STEP
from ..errors import ModelError
from . import layout
from .check import MAX_LAYERS, check
from .components import FrontEnd, Head, Layer
from .encode import encode

__all__ = ["decode"]


def decode(data: bytes) -> tuple[str, FrontEnd, tuple[Layer, ...], Head, dict[str, Any]]:
    """(name, front, layers, head, meta) of a file's bytes. Raises ModelError at the first fault."""
    data = bytes(data)
    n_layers, data_end, name = _header(data)
    reader = _Reader(data, layout.head_offset(n_layers) + layout.HEAD.size, data_end)
    front = _front(reader)
    layers = tuple(_layer(reader, index) for index in range(1, n_layers + 1))
    head = _head(reader, layers[-1].cout, layout.head_offset(n_layers))
    check(name, front, layers, head)
    if hashlib.sha256(data[layout.ID_FROM : data_end]).hexdigest() != layout.model_id(data):
        raise ModelError("model id does not match the content of the file")
    if encode(name, front, layers, head, {})[layout.ID_FROM :] != data[layout.ID_FROM : data_end]:
        raise ModelError("model file: arrays are not in the order and place that the format gives them")
    return name, front, layers, head, _meta(data[data_end:])


def _equal(label: str, value: int, expected: int) -> None:
    if value != expected:
        raise ModelError(f"model file: {label} is {value}, expected {expected}")


def _reserved(label: str, fields: dict[str, Any]) -> None:
    if any(fields["reserved"]):
        raise ModelError(f"model file: reserved bytes of {label} are not 0")


def _header(data: bytes) -> tuple[int, int, str]:
    """(number of layers, end of the arrays, name) after every check of the header."""
    if len(data) < layout.HEADER.size:
        raise ModelError(f"model file has {len(data)} bytes, its header alone has {layout.HEADER.size}")
    header = layout.HEADER.unpack(data)
    if header["magic"] != layout.MAGIC:
        raise ModelError("not an .eecg model file: the first eight bytes are others")
    if header["version"] != layout.VERSION:
        raise ModelError(f"model file is of format version {header['version']}, this reader knows {layout.VERSION}")
    _equal("header size", header["header_size"], layout.HEADER.size)
    size = header["file_size"]
    if size != len(data):
        raise ModelError(f"model file says it has {size} bytes, but has {len(data) if len(data) < size else 'more'}")
    if zlib.crc32(data[layout.CRC_FROM :]) != header["crc"]:
        raise ModelError("model file is damaged: its checksum (CRC-32) does not match")
    _equal("flags field", header["flags"], 0)
    _sections(header)
    _reserved("the header", header)
    return header["n_layers"], header["meta_off"], _name(header["name"])


def _sections(header: dict[str, Any]) -> None:
    """Each part of the file is where its layout puts it, and ends where the next one begins."""
    _equal("front-end offset", header["front_off"], layout.FRONT_OFF)
    _equal("front-end size", header["front_size"], layout.FRONT.size)
    _equal("layers offset", header["layers_off"], layout.LAYERS_OFF)
    _equal("layer size", header["layer_size"], layout.LAYER.size)
    if not 1 <= header["n_layers"] <= MAX_LAYERS:
        raise ModelError(f"model file has {header['n_layers']} layers, allowed is 1 .. {MAX_LAYERS}")
    _equal("head offset", header["head_off"], layout.head_offset(header["n_layers"]))
    _equal("head size", header["head_size"], layout.HEAD.size)
    _equal("data offset", header["data_off"], header["head_off"] + layout.HEAD.size)
    _equal("end of data", header["data_off"] + header["data_size"], header["meta_off"])
    if header["data_size"] % layout.ALIGNMENT:
        raise ModelError(f"model file: data size is {header['data_size']}, not a multiple of {layout.ALIGNMENT}")
    _equal("end of metadata", header["meta_off"] + header["meta_size"], header["file_size"])


def _name(raw: bytes) -> str:
    text, nul, rest = raw.partition(b"\0")
    if not nul or any(rest):
        raise ModelError("model file: the name is not padded with NUL")
    try:
        return text.decode()
    except UnicodeDecodeError:
        raise ModelError("model file: the name is not UTF-8") from None


class _Reader:
    """Arrays of a file, each checked to lie in the data section before it is viewed in place."""

    def __init__(self, data: bytes, start: int, end: int):
        self.data = data
        self.start = start
        self.end = end

    def array(self, label: str, offset: int, dtype: str, *shape: int) -> NDArray[Any]:
        count = int(np.prod(shape, dtype=object))
        size = count * np.dtype(dtype).itemsize
        if offset % layout.ALIGNMENT:
            raise ModelError(f"model file: {label} is at offset {offset}, not a multiple of {layout.ALIGNMENT}")
        if offset < self.start or offset + size > self.end:
            raise ModelError(f"model file: {label} ({size} bytes at {offset}) is outside {self.start} .. {self.end}")
        raw = np.frombuffer(self.data, np.dtype(dtype).newbyteorder("<"), count, offset)
        native: NDArray[Any] = raw.astype(dtype, copy=False).reshape(shape)
        native.flags.writeable = False
        return native

    def absent(self, label: str, offset: int) -> None:
        if offset != 0:
            raise ModelError(f"model file: {label} has offset {offset}, but is not used")


def _front(reader: _Reader) -> FrontEnd:
    fields = layout.FRONT.unpack(reader.data, layout.FRONT_OFF)
    _equal("front-end rate", fields.pop("rate"), RATE)
    _equal("front-end block", fields.pop("block"), BLOCK)
    _equal("front-end table step", fields.pop("table_step"), TABLE_STEP)
    _reserved("the front end", fields)
    del fields["reserved"]
    gains = fields.pop("gain")
    if any(gains[fields["channels"] :]):
        raise ModelError("front end has gains for channels that it does not have")
    offset = fields.pop("table_off")
    if fields["kind"] == 0:
        reader.absent("resampling table", offset)
        table = np.zeros(0, np.int16)
    else:
        table = reader.array("resampling table", offset, "int16", fields["table_half"] * TABLE_STEP + 1)
    return FrontEnd(**fields, table=table, gain=gains[: fields["channels"]])


def _layer(reader: _Reader, index: int) -> Layer:
    fields = layout.LAYER.unpack(reader.data, layout.LAYERS_OFF + layout.LAYER.size * (index - 1))
    label = f"layer {index}"
    code = fields.pop("op")
    if code not in layout.OPS:
        raise ModelError(f"{label}: operation {code} is not 1 (conv), 2 (add) or 3 (max pool)")
    _equal(f"layout of {label}", fields.pop("layout"), 0)
    _reserved(label, fields)
    del fields["reserved"]
    op, src_b = layout.OPS[code], fields.pop("src_b")
    shapes = _conv_arrays(label, fields) if op == "conv" else {}
    arrays: dict[str, Any] = {}
    for name, field in layout.LAYER_ARRAYS.items():
        offset = fields.pop(field)
        if name in shapes:
            dtype, *shape = shapes[name]
            arrays[name] = reader.array(f"{name} of {label}", offset, dtype, *shape)
        else:
            reader.absent(f"{name} of {label}", offset)
    return Layer(op=op, src_b=None if src_b == layout.NO_TENSOR else src_b, **fields, **arrays)


def _conv_arrays(label: str, fields: dict[str, Any]) -> dict[str, tuple[Any, ...]]:
    """(type, *shape) of the arrays that a convolution has."""
    cin, cout, groups = fields["cin"], fields["cout"], fields["groups"]
    if groups == 0 or cin % groups:
        raise ModelError(f"{label} (conv): {groups} groups do not divide {cin} channels")
    arrays = {"weights": ("int8", cout, fields["kernel"], cin // groups), "bias": ("int32", cout)}
    if fields["requant"] == 0:
        return {**arrays, "mult": ("int16", cout)}
    return {**arrays, "mult": ("int32", cout), "mult_neg": ("int32", cout), "add": ("int32", cout)}


def _head(reader: _Reader, channels: int, offset: int) -> Head:
    fields = layout.HEAD.unpack(reader.data, offset)
    _reserved("the head", fields)
    del fields["reserved"]
    pool, dim = fields["pool"], fields["dim"]
    offsets = {name: fields.pop(field) for name, field in layout.HEAD_ARRAYS.items()}
    mean_mult = None
    if pool == 2:
        reader.absent("mean_mult of the head", offsets["mean_mult"])
    else:
        mean_mult = reader.array("mean_mult of the head", offsets["mean_mult"], "int16", channels)
    features = channels * (2 if pool == 3 else 1)
    return Head(
        **fields,
        mean_mult=mean_mult,
        weights=reader.array("weights of the head", offsets["weights"], "int8", dim, features),
        bias=reader.array("bias of the head", offsets["bias"], "int32", dim),
        mult=reader.array("mult of the head", offsets["mult"], "int16", dim),
    )


def _meta(raw: bytes) -> dict[str, Any]:
    if not raw:
        return {}
    try:
        meta = json.loads(raw.decode())
    except (ValueError, RecursionError):
        raise ModelError("model file: the metadata is not JSON in UTF-8") from None
    if not isinstance(meta, dict):
        raise ModelError(f"model file: the metadata is a JSON {type(meta).__name__}, not an object")
    return meta
