"""The model: an encoder as integers, and the `.eecg` file that holds it (docs/format.md)."""

import dataclasses
import os
from typing import Any

from ._files import write_atomically
from ._forks import lazy
from ._model import layout
from ._model.components import FrontEnd, Head, Layer, default_front_end, require, tensor_strides
from ._model.decode import decode
from ._model.describe import layer_rows, model_table
from ._model.encode import encode
from ._model.low_pass import kernel_table
from .constants import BLOCK, LEVELS, ZERO_POINT
from .errors import ModelError

__all__ = ["LEVELS", "FrontEnd", "Head", "Layer", "Model", "default_front_end", "describe", "inspect", "kernel_table"]


@dataclasses.dataclass(frozen=True, eq=False)
class Model:
    """An encoder: front end, trunk and head, with a name and free metadata.

    Two models with the same `id` give the same bytes for the same samples.

    Attributes
    ----------
    name : str
        At most 23 bytes of UTF-8.
    front : FrontEnd
        From samples to bytes.
    layers : tuple of Layer
        The trunk, 1 to 64 operations.
    head : Head
        From the frames of a window to its embedding.
    meta : dict
        JSON metadata: license (key `licence`), sources, card and any others. Not covered by `id`.

    Raises
    ------
    ModelError
        Where the components do not fit together, in one sentence.

    References
    ----------
    docs/format.md, docs/numerics.md.
    """

    name: str
    front: FrontEnd
    layers: tuple[Layer, ...]
    head: Head
    meta: dict[str, Any] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "layers", tuple(self.layers))
        self.to_bytes()

    def __repr__(self) -> str:
        return f"<edgeecg.model.Model {self.name!r}, {len(self.layers)} layers, id {self.id[:16]}>"

    def to_bytes(self) -> bytes:
        """Return the bytes of the `.eecg` file."""
        return encode(self.name, self.front, self.layers, self.head, self.meta)

    @classmethod
    def from_bytes(cls, data: bytes | bytearray | memoryview) -> "Model":
        """Read the bytes of a file.

        Parameters
        ----------
        data : bytes
            A whole `.eecg` file.

        Returns
        -------
        Model
            The model.

        Raises
        ------
        ModelError
            The fault of a damaged or hostile file, in one sentence.
        """
        return cls(*decode(bytes(data)))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the file at once or not at all.

        Parameters
        ----------
        path : path-like
            Where to; a file that is there is replaced.

        Raises
        ------
        OSError
            Where it cannot be written; what was there stays.
        """
        write_atomically(path, self.to_bytes())

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> "Model":
        """Read a file.

        Parameters
        ----------
        path : path-like
            An `.eecg` file.

        Returns
        -------
        Model
            The model.

        Raises
        ------
        ModelError
            Where it is missing, damaged or hostile.
        """
        return cls.from_bytes(_read_file(path))

    def strip(self) -> "Model":
        """Return the same model without metadata: for flash. The `id` stays."""
        return dataclasses.replace(self, meta={})

    @lazy
    def id(self) -> str:
        """SHA-256 (hex) of the arithmetic: everything but the metadata."""
        return layout.model_id(self.to_bytes())

    @lazy
    def weight_bytes(self) -> int:
        """Size of the file without its metadata, in bytes."""
        return len(encode(self.name, self.front, self.layers, self.head, {}))

    @property
    def strides(self) -> list[int]:
        """Samples at 128 Hz per frame of each tensor."""
        return tensor_strides(self.layers)

    @property
    def source_strides(self) -> list[int]:
        """Samples at 128 Hz per frame of what each layer reads."""
        strides = self.strides
        return [strides[layer.src_a] for layer in self.layers]

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
        """The byte that means 0, of each tensor."""
        return [ZERO_POINT, *(layer.zp_out for layer in self.layers)]

    @property
    def levels(self) -> tuple[str, ...]:
        """What the last numbers of an embedding hold of the signal before it was scaled: size, wander, range; or ()."""
        return LEVELS[: self.head.levels]

    @property
    def macs(self) -> int:
        """Multiply-accumulates of convolutions and linear layer for one window computed on its own."""
        total = self.head.weights.size
        for layer, stride in zip(self.layers, self.strides[1:], strict=True):
            if layer.op == "conv":
                total += -(-self.front.window // stride) * require(layer.weights).size
        return total

    @property
    def trunk_reach(self) -> tuple[int, int]:
        """(left, right): frame f of the last tensor depends on samples f * total_stride - left .. + right."""
        left, right = [0], [0]
        for layer, stride in zip(self.layers, self.source_strides, strict=True):
            sources = [layer.src_a] if layer.src_b is None else [layer.src_a, layer.src_b]
            left.append(max(left[s] for s in sources) + layer.pad_left * stride)
            right.append(max(right[s] for s in sources) + (layer.kernel - 1 - layer.pad_left) * stride)
        return left[-1], right[-1]

    @property
    def lookahead(self) -> int:
        """Samples at 128 Hz behind a window's last one on which its embedding may depend: trunk and front end."""
        beyond = max(0, self.trunk_reach[1] - self.total_stride + 1)
        if self.front.kind == 0:
            return beyond
        scale = BLOCK * self.front.reach + BLOCK - 1
        return beyond + scale + self.front.baseline // 2 - 1 + self.front.table_half - 1


def inspect(source: "Model | bytes | bytearray | memoryview | str | os.PathLike[str]") -> dict[str, Any]:
    """Read what a model file says, as a dict for programs.

    Parameters
    ----------
    source : Model, bytes or path-like
        A model, the bytes of its file, or where that lies.

    Returns
    -------
    dict
        Name, version, id, sizes in bytes, multiply-accumulates of a window, the fields of front end, layers and head,
        and `meta`.

    Raises
    ------
    ModelError
        Where there is no valid model.
    """
    model, size = _open(source)
    front = dataclasses.asdict(model.front)
    front.pop("table")
    head = model.head
    return {
        "name": model.name,
        "version": layout.VERSION,
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


def describe(source: "Model | bytes | bytearray | memoryview | str | os.PathLike[str]") -> str:
    """Read what a model file says, as a table to read: what `edgeecg info MODEL` prints.

    Parameters
    ----------
    source : Model, bytes or path-like
        A model, the bytes of its file, or where that lies.

    Returns
    -------
    str
        Several lines; the layers are aligned columns.

    Raises
    ------
    ModelError
        Where there is no valid model.
    """
    model, _ = _open(source)
    return model_table(model, inspect(source))


def _open(source: "Model | bytes | bytearray | memoryview | str | os.PathLike[str]") -> tuple[Model, int]:
    if isinstance(source, Model):
        return source, len(source.to_bytes())
    data = source if isinstance(source, (bytes, bytearray, memoryview)) else _read_file(source)
    return Model.from_bytes(data), len(data)


def _read_file(path: str | os.PathLike[str]) -> bytes:
    """Read the bytes of a model file, never more than its header announces.

    Parameters
    ----------
    path : path-like
        An `.eecg` file.

    Returns
    -------
    bytes
        Its bytes, and one more where it is longer than it says.

    Raises
    ------
    ModelError
        Where it cannot be read.
    """
    try:
        with open(path, "rb") as file:
            header = file.read(layout.HEADER.size)
            size = layout.announced_size(header)
            return header + file.read(max(0, size - len(header)) + 1)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        reason = getattr(error, "strerror", None) or error
        raise ModelError(f"cannot read model file {os.fspath(path)!r}: {reason}") from None
