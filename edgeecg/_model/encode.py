"""A model as the bytes of an `.eecg` file (docs/format.md)."""

import functools
import hashlib
import json
import zlib
from typing import Any

from numpy.typing import NDArray

from ..constants import BLOCK, RATE, TABLE_STEP
from ..errors import ModelError
from . import layout
from .check import check
from .components import FrontEnd, Head, Layer

__all__ = ["encode"]


class _Arrays:
    """The data section while it is written: arrays one after the other, each at a multiple of 16."""

    def __init__(self, offset: int):
        self.offset = offset
        self.data = bytearray()

    def put(self, array: NDArray[Any] | None) -> int:
        """Append `array`, return its offset in the file; 0 for an array that the model does not have."""
        if array is None or array.size == 0:
            return 0
        offset = self.offset + len(self.data)
        self.data += array.astype(array.dtype.newbyteorder("<")).tobytes()
        self.data += bytes(-len(self.data) % layout.ALIGNMENT)
        return offset


def encode(name: str, front: FrontEnd, layers: tuple[Layer, ...], head: Head, meta: dict[str, Any]) -> bytes:
    """The file's bytes. Raises ModelError where the components do not make a valid model."""
    check(name, front, layers, head)
    head_off = layout.head_offset(len(layers))
    data_off = head_off + layout.HEAD.size
    arrays = _Arrays(data_off)
    records = _front(front, arrays) + b"".join(_layer(layer, arrays) for layer in layers) + _head(head, arrays)
    text = _meta(meta)
    meta_off = data_off + len(arrays.data)
    if meta_off + len(text) > layout.FILE_MAX:
        raise ModelError(f"the model file would have {meta_off + len(text)} bytes, allowed is {layout.FILE_MAX}")
    header = functools.partial(
        layout.HEADER.pack,
        magic=layout.MAGIC,
        version=layout.VERSION,
        header_size=layout.HEADER.size,
        file_size=meta_off + len(text),
        flags=0,
        meta_off=meta_off,
        meta_size=len(text),
        front_off=layout.FRONT_OFF,
        front_size=layout.FRONT.size,
        layers_off=layout.LAYERS_OFF,
        n_layers=len(layers),
        layer_size=layout.LAYER.size,
        head_off=head_off,
        head_size=layout.HEAD.size,
        data_off=data_off,
        data_size=len(arrays.data),
        name=name.encode(),
        reserved=b"",
    )
    body = records + bytes(arrays.data)
    digest = hashlib.sha256(header(crc=0, model_id=b"")[layout.ID_FROM :] + body).digest()
    crc = zlib.crc32(header(crc=0, model_id=digest)[layout.CRC_FROM :] + body + text)
    return header(crc=crc, model_id=digest) + body + text


def _meta(meta: dict[str, Any]) -> bytes:
    if not isinstance(meta, dict):
        raise ModelError(f"metadata must be a dict, not {type(meta).__name__}")
    if not meta:
        return b""
    try:
        text = json.dumps(meta, ensure_ascii=False, sort_keys=True, allow_nan=False, separators=(",", ":"))
        return text.encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise ModelError(f"metadata cannot be written as JSON: {error}") from None


def _front(front: FrontEnd, arrays: _Arrays) -> bytes:
    fixed = {"rate": RATE, "block": BLOCK, "table_step": TABLE_STEP, "reserved": b""}
    values = {**vars(front), **fixed, "gain": (*front.gain, 0, 0, 0)[:4], "table_off": arrays.put(front.table)}
    return layout.FRONT.pack(**values)


def _layer(layer: Layer, arrays: _Arrays) -> bytes:
    values = {
        **vars(layer),
        **_offsets(layer, layout.LAYER_ARRAYS, arrays),
        "op": layout.OP_CODES[layer.op],
        "src_b": layout.NO_TENSOR if layer.src_b is None else layer.src_b,
    }
    return layout.LAYER.pack(**values, layout=0, reserved=b"")


def _head(head: Head, arrays: _Arrays) -> bytes:
    return layout.HEAD.pack(**vars(head), **_offsets(head, layout.HEAD_ARRAYS, arrays), reserved=b"")


def _offsets(component: Layer | Head, fields: dict[str, str], arrays: _Arrays) -> dict[str, int]:
    """The places of the arrays of a component, which are put into the file."""
    return {field: arrays.put(getattr(component, name)) for name, field in fields.items()}
