"""A model in words: the table that `edgeecg info` prints."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..constants import RATE
from .components import Layer, require

if TYPE_CHECKING:
    from ..model import Model

__all__ = ["layer_rows", "model_table"]

COLUMNS = "tensor op from cin cout kernel stride pad_left zero_point frames macs bytes".split()


def layer_rows(model: Model) -> list[dict[str, Any]]:
    """One dict a layer: what it does, its shapes, zero point, frames of a window, multiply-accumulates, bytes."""
    rows = []
    for index, (layer, stride) in enumerate(zip(model.layers, model.strides[1:], strict=True), 1):
        frames = -(-model.front.window // stride)
        arrays = [layer.weights, layer.bias, layer.mult, layer.mult_neg, layer.add]
        row: dict[str, Any] = {
            "tensor": index,
            "op": _kind(layer),
            "from": [layer.src_a],
            "cin": layer.cin,
            "cout": layer.cout,
            "groups": layer.groups,
            "kernel": layer.kernel,
            "stride": layer.stride,
            "pad_left": layer.pad_left,
            "requant": layer.requant,
            "zero_point": layer.zp_out,
            "frames": frames,
            "macs": frames * require(layer.weights).size if layer.op == "conv" else 0,
            "bytes": sum(a.nbytes for a in arrays if a is not None),
        }
        if layer.src_b is not None:
            row["from"].append(layer.src_b)
        rows.append(row)
    return rows


def _kind(layer: Layer) -> str:
    """The usual name of the operation: a convolution by its grouping."""
    if layer.op != "conv":
        return layer.op
    if layer.groups == layer.cin and layer.cin > 1:
        return "depthwise"
    if layer.groups > 1:
        return "grouped"
    return "pointwise" if layer.kernel == 1 else "conv"


def model_table(model: Model, info: dict[str, Any]) -> str:
    """`info` (of `edgeecg.model.inspect`) and the layers as aligned text."""
    front, head = model.front, model.head
    lines = [
        f"{model.name}  (.eecg version {info['version']}, id {model.id[:16]})",
        f"  {model.macs / 1e6:.2f} M multiply-accumulates per window, {model.weight_bytes / 1024:.1f} KiB "
        f"without metadata, {info['file_size'] / 1024:.1f} KiB in all",
        f"  front end  kind {front.kind}, {front.channels} channel(s), window {front.window} samples "
        f"({front.window / RATE:g} s at {RATE} Hz), baseline {front.baseline}, reach {front.reach} blocks",
        f"  trunk      {len(model.layers)} layers, stride {model.total_stride}, a frame sees "
        f"{model.trunk_reach[0]} samples before and {model.trunk_reach[1]} after it",
        f"  head       {['mean', 'max', 'mean and max'][head.pool - 1]} over {head.frames} frames, "
        f"{head.weights.shape[1]} features -> {head.dim} numbers, in units of 2^-{head.exponent}",
    ]
    if model.levels:
        lines.append(f"  levels     the last {head.levels} numbers hold {', '.join(model.levels)} of the signal")
    groups = _dimensions(model.meta)
    if groups:
        lines.append(f"  numbers    {', '.join(groups)}")
    for key, value in model.meta.items():
        if isinstance(value, (str, int, float)) and key != "card":
            lines.append(f"  {key:10} {value}")
    lines += [f"  trained on {source}" for source in _sources(model.meta)]
    return "\n".join([*lines, "", *_aligned(layer_rows(model))])


def _dimensions(meta: dict[str, Any]) -> list[str]:
    groups = meta.get("dimensions")
    if not isinstance(groups, dict):
        return []
    known = [
        (ends, name)
        for name, ends in groups.items()
        if isinstance(ends, list) and len(ends) == 2 and all(type(n) is int for n in ends)
    ]
    return [f"{name} [{first}:{end}]" for (first, end), name in sorted(known)]


def _sources(meta: dict[str, Any]) -> list[str]:
    sources = meta.get("sources")
    if not isinstance(sources, list):
        return []
    return [f"{s.get('name')} ({s.get('licence')})" for s in sources if isinstance(s, dict)]


def _aligned(rows: list[dict[str, Any]]) -> list[str]:
    cells = [COLUMNS] + [[",".join(map(str, row[c])) if c == "from" else str(row[c]) for c in COLUMNS] for row in rows]
    widths = [max(len(line[i]) for line in cells) for i in range(len(COLUMNS))]
    return ["  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)) for line in cells]
