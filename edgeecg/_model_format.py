"""The bytes of a `.eecg` file, as docs/format.md describes them: encode and decode, nothing else."""

import hashlib
import json
import struct
import zlib

import numpy as np

from ._model_check import MAX_LAYERS, check
from ._model_parts import TABLE_STEP, FrontEnd, Head, Layer
from .errors import ModelError

__all__ = ["announced_size", "decode", "encode", "model_id"]

MAGIC = b"\x89EECG\r\n\x1a"
VERSION = 1
HEADER = struct.Struct("<8sHHIII32sIIIIIHHIIII24s8s")
FRONT = struct.Struct("<BBHHHHHHHIII4IIHHHHI36s")
LAYER = struct.Struct("<BBBBHHHHHHHHIIIIIii16s")
HEAD = struct.Struct("<BBHHHIIIIH38s")
SPEC = 64
"""Where the part of the file begins that the model id names."""
FRONT_OFF = HEADER.size
LAYERS_OFF = FRONT_OFF + FRONT.size
NO_TENSOR = 0xFFFF
OPS = {1: "conv", 2: "add", 3: "max_pool"}
OP_CODES = {name: code for code, name in OPS.items()}
FILE_MAX = 2**32 - 1


class _Arrays:
    """The data section while it is written: arrays one after the other, each at a multiple of 16."""

    def __init__(self, offset: int):
        self.offset = offset
        self.data = bytearray()

    def put(self, array) -> int:
        """Append `array`, return its offset in the file; 0 for an array that the model does not have."""
        if array is None or array.size == 0:
            return 0
        offset = self.offset + len(self.data)
        self.data += array.astype(array.dtype.newbyteorder("<")).tobytes()
        self.data += bytes(-len(self.data) % 16)
        return offset


def encode(name: str, front: FrontEnd, layers: tuple[Layer, ...], head: Head, meta: dict) -> bytes:
    """The file's bytes. Raises ModelError where the parts do not make a valid model."""
    check(name, front, layers, head)
    head_off = LAYERS_OFF + LAYER.size * len(layers)
    data_off = head_off + HEAD.size
    arrays = _Arrays(data_off)
    parts = _encode_front(front, arrays) + b"".join(_encode_layer(layer, arrays) for layer in layers)
    parts += _encode_head(head, arrays)
    meta_off = data_off + len(arrays.data)
    text = _encode_meta(meta)
    size = meta_off + len(text)
    if size > FILE_MAX:
        raise ModelError(f"the model file would have {size} bytes, allowed is {FILE_MAX}")

    def header(crc: int, digest: bytes) -> bytes:
        return HEADER.pack(
            MAGIC,
            VERSION,
            HEADER.size,
            size,
            crc,
            0,
            digest,
            meta_off,
            len(text),
            FRONT_OFF,
            FRONT.size,
            LAYERS_OFF,
            len(layers),
            LAYER.size,
            head_off,
            HEAD.size,
            data_off,
            len(arrays.data),
            name.encode(),
            bytes(8),
        )

    body = parts + bytes(arrays.data)
    digest = hashlib.sha256(header(0, bytes(32))[SPEC:] + body).digest()
    crc = zlib.crc32(header(0, digest)[20:] + body + text)
    return header(crc, digest) + body + text


def _encode_meta(meta: dict) -> bytes:
    if not isinstance(meta, dict):
        raise ModelError(f"metadata must be a dict, not {type(meta).__name__}")
    if not meta:
        return b""
    try:
        text = json.dumps(meta, ensure_ascii=False, sort_keys=True, allow_nan=False, separators=(",", ":"))
        return text.encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise ModelError(f"metadata cannot be written as JSON: {error}") from None


def _encode_front(front: FrontEnd, arrays: _Arrays) -> bytes:
    gain = (*front.gain, 0, 0, 0)[:4]
    return FRONT.pack(
        front.kind,
        front.channels,
        128,
        front.window,
        front.baseline,
        32,
        front.reach,
        front.table_half,
        TABLE_STEP,
        front.min_rate,
        arrays.put(front.table),
        front.floor,
        *gain,
        front.direct_gain,
        front.flat_max,
        front.flat_blocks,
        front.off_blocks,
        front.clip_ms,
        front.noise,
        bytes(36),
    )


def _encode_layer(layer: Layer, arrays: _Arrays) -> bytes:
    return LAYER.pack(
        OP_CODES[layer.op],
        layer.requant,
        layer.zp_out,
        0,
        layer.src_a,
        NO_TENSOR if layer.src_b is None else layer.src_b,
        layer.cin,
        layer.cout,
        layer.groups,
        layer.kernel,
        layer.stride,
        layer.pad_left,
        arrays.put(layer.weights),
        arrays.put(layer.bias),
        arrays.put(layer.mult),
        arrays.put(layer.mult_neg),
        arrays.put(layer.add),
        layer.m_a,
        layer.m_b,
        bytes(16),
    )


def _encode_head(head: Head, arrays: _Arrays) -> bytes:
    return HEAD.pack(
        head.pool,
        head.zp_mean,
        head.frames,
        head.dim,
        head.exponent,
        arrays.put(head.mean_mult),
        arrays.put(head.weights),
        arrays.put(head.bias),
        arrays.put(head.mult),
        head.levels,
        bytes(38),
    )


def model_id(data: bytes) -> str:
    """The model id (hex SHA-256) that stands in a file's header."""
    return bytes(data[24:56]).hex()


def announced_size(header: bytes) -> int:
    """Bytes of a file by its header; 0 where that is not one, which `decode` then refuses."""
    if len(header) < HEADER.size or not header.startswith(MAGIC):
        return 0
    return struct.unpack_from("<I", header, 12)[0]


def decode(data) -> tuple[str, FrontEnd, tuple[Layer, ...], Head, dict]:
    """(name, front, layers, head, meta) of a file's bytes. Raises ModelError at the first fault."""
    data = bytes(data)
    n_layers, data_end, name = _decode_header(data)
    reader = _Reader(data, LAYERS_OFF + LAYER.size * n_layers + HEAD.size, data_end)
    front = _decode_front(reader)
    layers = tuple(_decode_layer(reader, index) for index in range(1, n_layers + 1))
    head = _decode_head(reader, layers[-1].cout, LAYERS_OFF + LAYER.size * n_layers)
    check(name, front, layers, head)
    if hashlib.sha256(data[SPEC:data_end]).hexdigest() != model_id(data):
        raise ModelError("model id does not match the content of the file")
    if encode(name, front, layers, head, {})[SPEC:] != data[SPEC:data_end]:
        raise ModelError("model file: arrays are not in the order and place that the format gives them")
    return name, front, layers, head, _decode_meta(data[data_end:])


def _equal(what: str, value, expected) -> None:
    if value != expected:
        raise ModelError(f"model file: {what} is {value}, expected {expected}")


def _reserved(what: str, value: bytes) -> None:
    if any(value):
        raise ModelError(f"model file: reserved bytes of {what} are not 0")


def _decode_header(data: bytes) -> tuple[int, int, str]:
    """(number of layers, end of the arrays, name) after every check of the header."""
    if len(data) < HEADER.size:
        raise ModelError(f"model file has {len(data)} bytes, its header alone has {HEADER.size}")
    (
        magic,
        version,
        header_size,
        file_size,
        crc,
        flags,
        _,
        meta_off,
        meta_size,
        front_off,
        front_size,
        layers_off,
        n_layers,
        layer_size,
        head_off,
        head_size,
        data_off,
        data_size,
        name,
        reserved,
    ) = HEADER.unpack_from(data)
    if magic != MAGIC:
        raise ModelError("not an .eecg model file: the first eight bytes are others")
    if version != VERSION:
        raise ModelError(f"model file is of format version {version}, this reader knows {VERSION}")
    _equal("header size", header_size, HEADER.size)
    if file_size != len(data):
        has = len(data) if len(data) < file_size else "more"
        raise ModelError(f"model file says it has {file_size} bytes, but has {has}")
    if zlib.crc32(data[20:]) != crc:
        raise ModelError("model file is damaged: its checksum (CRC-32) does not match")
    _equal("flags field", flags, 0)
    _equal("front-end offset", front_off, FRONT_OFF)
    _equal("front-end size", front_size, FRONT.size)
    _equal("layers offset", layers_off, LAYERS_OFF)
    _equal("layer size", layer_size, LAYER.size)
    if not 1 <= n_layers <= MAX_LAYERS:
        raise ModelError(f"model file has {n_layers} layers, allowed is 1 .. {MAX_LAYERS}")
    _equal("head offset", head_off, LAYERS_OFF + LAYER.size * n_layers)
    _equal("head size", head_size, HEAD.size)
    _equal("data offset", data_off, head_off + HEAD.size)
    _equal("end of data", data_off + data_size, meta_off)
    if data_size % 16:
        raise ModelError(f"model file: data size is {data_size}, not a multiple of 16")
    _equal("end of metadata", meta_off + meta_size, file_size)
    _reserved("the header", reserved)
    return n_layers, meta_off, _decode_name(name)


def _decode_name(raw: bytes) -> str:
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

    def array(self, what: str, offset: int, dtype: str, *shape: int) -> np.ndarray:
        count = int(np.prod(shape, dtype=object))
        size = count * np.dtype(dtype).itemsize
        if offset % 16:
            raise ModelError(f"model file: {what} is at offset {offset}, not a multiple of 16")
        if offset < self.start or offset + size > self.end:
            raise ModelError(f"model file: {what} ({size} bytes at {offset}) is outside {self.start} .. {self.end}")
        raw = np.frombuffer(self.data, np.dtype(dtype).newbyteorder("<"), count, offset)
        native = raw.astype(dtype, copy=False).reshape(shape)
        native.flags.writeable = False
        return native

    def absent(self, what: str, offset: int) -> None:
        if offset != 0:
            raise ModelError(f"model file: {what} has offset {offset}, but is not used")


def _decode_front(reader: _Reader) -> FrontEnd:
    (
        kind,
        channels,
        rate,
        window,
        baseline,
        block,
        reach,
        half,
        step,
        min_rate,
        table_off,
        floor,
        *gain,
        direct_gain,
        flat_max,
        flat_blocks,
        off_blocks,
        clip_ms,
        noise,
        reserved,
    ) = FRONT.unpack_from(reader.data, FRONT_OFF)
    _equal("front-end rate", rate, 128)
    _equal("front-end block", block, 32)
    _equal("front-end table step", step, TABLE_STEP)
    _reserved("the front end", reserved)
    if any(gain[channels:]):
        raise ModelError("front end has gains for channels that it does not have")
    if kind == 0:
        reader.absent("resampling table", table_off)
        table = np.zeros(0, np.int16)
    else:
        table = reader.array("resampling table", table_off, "int16", half * TABLE_STEP + 1)
    return FrontEnd(
        kind=kind,
        channels=channels,
        window=window,
        baseline=baseline,
        reach=reach,
        table=table,
        table_half=half,
        min_rate=min_rate,
        floor=floor,
        gain=tuple(gain[:channels]),
        direct_gain=direct_gain,
        flat_max=flat_max,
        flat_blocks=flat_blocks,
        off_blocks=off_blocks,
        clip_ms=clip_ms,
        noise=noise,
    )


def _decode_layer(reader: _Reader, index: int) -> Layer:
    offset = LAYERS_OFF + LAYER.size * (index - 1)
    (
        code,
        requant,
        zp_out,
        layout,
        src_a,
        src_b,
        cin,
        cout,
        groups,
        kernel,
        stride,
        pad_left,
        weights_off,
        bias_off,
        mult_off,
        mneg_off,
        add_off,
        m_a,
        m_b,
        reserved,
    ) = LAYER.unpack_from(reader.data, offset)
    what = f"layer {index}"
    if code not in OPS:
        raise ModelError(f"{what}: operation {code} is not 1 (conv), 2 (add) or 3 (max pool)")
    _equal(f"layout of {what}", layout, 0)
    _reserved(what, reserved)
    offsets = {"weights": weights_off, "bias": bias_off, "mult": mult_off, "mult_neg": mneg_off, "add": add_off}
    shapes = {}
    if OPS[code] == "conv":
        if groups == 0 or cin % groups:
            raise ModelError(f"{what} (conv): {groups} groups do not divide {cin} channels")
        shapes = {"weights": ("int8", cout, kernel, cin // groups), "bias": ("int32", cout)}
        shapes["mult"] = ("int16" if requant == 0 else "int32", cout)
        if requant != 0:
            shapes |= {"mult_neg": ("int32", cout), "add": ("int32", cout)}
    arrays = {}
    for name, array_off in offsets.items():
        if name in shapes:
            arrays[name] = reader.array(f"{name} of {what}", array_off, *shapes[name])
        else:
            reader.absent(f"{name} of {what}", array_off)
    return Layer(
        op=OPS[code],
        src_a=src_a,
        src_b=None if src_b == NO_TENSOR else src_b,
        cin=cin,
        cout=cout,
        groups=groups,
        kernel=kernel,
        stride=stride,
        pad_left=pad_left,
        requant=requant,
        zp_out=zp_out,
        m_a=m_a,
        m_b=m_b,
        **arrays,
    )


def _decode_head(reader: _Reader, channels: int, offset: int) -> Head:
    (
        pool,
        zp_mean,
        frames,
        dim,
        exponent,
        mean_off,
        weights_off,
        bias_off,
        mult_off,
        levels,
        reserved,
    ) = HEAD.unpack_from(reader.data, offset)
    _reserved("the head", reserved)
    mean_mult = None
    if pool == 2:
        reader.absent("mean_mult of the head", mean_off)
    else:
        mean_mult = reader.array("mean_mult of the head", mean_off, "int16", channels)
    features = channels * (2 if pool == 3 else 1)
    return Head(
        pool=pool,
        zp_mean=zp_mean,
        frames=frames,
        dim=dim,
        exponent=exponent,
        levels=levels,
        mean_mult=mean_mult,
        weights=reader.array("weights of the head", weights_off, "int8", dim, features),
        bias=reader.array("bias of the head", bias_off, "int32", dim),
        mult=reader.array("mult of the head", mult_off, "int16", dim),
    )


def _decode_meta(raw: bytes) -> dict:
    if not raw:
        return {}
    try:
        meta = json.loads(raw.decode())
    except (ValueError, RecursionError):
        raise ModelError("model file: the metadata is not JSON in UTF-8") from None
    if not isinstance(meta, dict):
        raise ModelError(f"model file: the metadata is a JSON {type(meta).__name__}, not an object")
    return meta
