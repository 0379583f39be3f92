"""The model: an encoder as integers, and the `.eecg` file that holds it (docs/format.md)."""

import dataclasses
import functools
import os

from . import _model_format
from ._files import write_atomically
from ._model_check import tensor_strides
from ._model_describe import layer_rows, model_table
from ._model_parts import LEVELS, FrontEnd, Head, Layer, default_front_end, kernel_table
from .errors import ModelError

__all__ = ["LEVELS", "FrontEnd", "Head", "Layer", "Model", "default_front_end", "describe", "inspect", "kernel_table"]


@dataclasses.dataclass(frozen=True, eq=False)
class Model:
    """An encoder: front end, trunk (`layers`) and head, with a name and free metadata.

    The parts are checked when the model is made: ModelError in one sentence where they do not fit together.
    Two models with the same `id` give the same bytes for the same samples.
    """

    name: str
    front: FrontEnd
    layers: tuple[Layer, ...]
    head: Head
    meta: dict = dataclasses.field(default_factory=dict)

    def __post_init__(self):
        object.__setattr__(self, "layers", tuple(self.layers))
        self.to_bytes()

    def __repr__(self):
        return f"<edgeecg.model.Model {self.name!r}, {len(self.layers)} layers, id {self.id[:16]}>"

    def to_bytes(self) -> bytes:
        """The `.eecg` file."""
        return _model_format.encode(self.name, self.front, self.layers, self.head, self.meta)

    @classmethod
    def from_bytes(cls, data) -> "Model":
        """Read a file's bytes; ModelError names the fault of a damaged or hostile one."""
        return cls(*_model_format.decode(data))

    def save(self, path) -> None:
        """Write the file at once or not at all."""
        write_atomically(path, self.to_bytes())

    @classmethod
    def load(cls, path) -> "Model":
        """Read the file at `path`; ModelError where it is missing, damaged or hostile."""
        return cls.from_bytes(read_file(path))

    def strip(self) -> "Model":
        """The same model without metadata: for flash. The `id` stays."""
        return dataclasses.replace(self, meta={})

    @functools.cached_property
    def id(self) -> str:
        """SHA-256 (hex) of the arithmetic: everything but the metadata."""
        return _model_format.model_id(self.to_bytes())

    @functools.cached_property
    def weight_bytes(self) -> int:
        """Size of the file without its metadata, in bytes."""
        return len(_model_format.encode(self.name, self.front, self.layers, self.head, {}))

    @property
    def strides(self) -> list[int]:
        """Samples at 128 Hz per frame of each tensor."""
        return tensor_strides(self.layers)

    @property
    def total_stride(self) -> int:
        """Samples at 128 Hz per frame of the last tensor."""
        return self.strides[-1]

    @property
    def channels(self) -> list[int]:
        """Channels of each tensor."""
        return [self.front.channels, *(layer.cout for layer in self.layers)]

    @property
    def zero_points(self) -> list[int]:
        """The uint8 value that means 0, of each tensor."""
        return [128, *(layer.zp_out for layer in self.layers)]

    @property
    def levels(self) -> tuple[str, ...]:
        """What the last numbers of an embedding hold of the signal before it was scaled: size, wander, range, or
        nothing.
        """
        return LEVELS[: self.head.levels]

    @property
    def macs(self) -> int:
        """Multiply-accumulates of convolutions and linear layer for one window computed on its own."""
        total = self.head.weights.size
        for layer, stride in zip(self.layers, self.strides[1:], strict=True):
            if layer.op == "conv":
                total += -(-self.front.window // stride) * layer.weights.size
        return total

    @property
    def trunk_reach(self) -> tuple[int, int]:
        """Frame f of the last tensor depends on samples f * total_stride - left .. f * total_stride + right."""
        left, right = [0], [0]
        for layer, stride in zip(self.layers, self._source_strides(), strict=True):
            sources = [layer.src_a] if layer.src_b is None else [layer.src_a, layer.src_b]
            left.append(max(left[s] for s in sources) + layer.pad_left * stride)
            right.append(max(right[s] for s in sources) + (layer.kernel - 1 - layer.pad_left) * stride)
        return left[-1], right[-1]

    def _source_strides(self) -> list[int]:
        strides = self.strides
        return [strides[layer.src_a] for layer in self.layers]

    @property
    def lookahead(self) -> int:
        """Samples (128 Hz input) behind a window's last one on which its embedding may depend: trunk and front end."""
        beyond = max(0, self.trunk_reach[1] - self.total_stride + 1)
        if self.front.kind == 0:
            return beyond
        scale = 32 * self.front.reach + 31
        return beyond + scale + self.front.baseline // 2 - 1 + self.front.table_half - 1


def inspect(source) -> dict:
    """What a model file says, as a dict for programs. `source`: the file's bytes, its path or a Model."""
    model, size = _open(source)
    front = dataclasses.asdict(model.front)
    front.pop("table")
    head = model.head
    return {
        "name": model.name,
        "version": _model_format.VERSION,
        "id": model.id,
        "file_size": size,
        "weight_bytes": model.weight_bytes,
        "macs": model.macs,
        "embedding_dim": head.dim,
        "levels": list(model.levels),
        "exponent": head.exponent,
        "pool": head.pool,
        "frames": head.frames,
        "total_stride": model.total_stride,
        "lookahead": model.lookahead,
        "trunk_reach": model.trunk_reach,
        "front_end": front,
        "layers": layer_rows(model),
        "meta": model.meta,
    }


def describe(source) -> str:
    """What a model file says, as a table to read. `source`: the file's bytes, its path or a Model."""
    model, _ = _open(source)
    return model_table(model, inspect(source))


def _open(source) -> tuple[Model, int]:
    if isinstance(source, Model):
        return source, len(source.to_bytes())
    data = source if isinstance(source, (bytes, bytearray, memoryview)) else read_file(source)
    return Model.from_bytes(data), len(data)


def read_file(path) -> bytes:
    """The bytes of a model file, never more than its header announces."""
    try:
        with open(path, "rb") as file:
            header = file.read(_model_format.HEADER.size)
            size = _model_format.announced_size(header)
            return header + file.read(max(0, size - len(header)) + 1)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        reason = getattr(error, "strerror", None) or error
        raise ModelError(f"cannot read model file {os.fspath(path)!r}: {reason}") from None
