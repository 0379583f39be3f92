"""The description of an encoder: a list of layers from which both the torch module and the exported model derive.

Tensors are numbered as in the model file (docs/format.md): 0 is the front end's output, `i` the output of layer `i`.
A layer with kernel `k` and stride `s` maps length `L` to `ceil(L / s)`, with `(k - 1) // 2` frames of padding on
the left (docs/numerics.md, section 3), so nothing here depends on the window.
"""

from dataclasses import asdict, dataclass

from edgeecg.constants import WINDOW
from edgeecg.model import LEVELS


@dataclass(frozen=True)
class Conv:
    """Convolution with its batch norm and activation.

    `order` "norm_act" (usual) folds into one integer requantization; "act_norm" (leaky ReLU, then batch norm) needs
    two slopes and an offset (`requant` 1). `act` is "relu", "leaky" (slope 0.01) or "none".
    """

    source: int
    cin: int
    cout: int
    kernel: int
    stride: int = 1
    groups: int = 1
    act: str = "relu"
    order: str = "norm_act"

    @property
    def pad_left(self) -> int:
        return (self.kernel - 1) // 2


@dataclass(frozen=True)
class Add:
    """ReLU of the sum of two tensors of one shape."""

    source: int
    other: int


@dataclass(frozen=True)
class MaxPool:
    source: int
    kernel: int
    stride: int


@dataclass(frozen=True)
class Head:
    """Pooling over the frames of a window ("mean", "max" or "mean_max"), then a linear layer into `dim` dimensions.

    `levels`: the model file adds the levels of the signal (train/quantization/signal_levels.py); the network does not
    have them.
    """

    pool: str = "mean_max"
    dim: int = 128
    levels: bool = False


@dataclass(frozen=True)
class Spec:
    """A whole encoder. `source` of layer `i` (counted from 1) is a tensor number below `i`."""

    name: str
    layers: tuple
    head: Head = Head()
    channels: int = 1
    # each window to mean 0 and deviation 1 first: to compare with, for a model file has no such layer
    standardize: bool = False

    def shapes(self) -> list[tuple[int, int]]:
        """(channels, total stride) of every tensor, the input first."""
        shapes = [(self.channels, 1)]
        for layer in self.layers:
            width, stride = shapes[layer.source]
            if isinstance(layer, Conv):
                if layer.cin != width:
                    raise ValueError(f"{self.name}: a convolution expects {layer.cin} channels and gets {width}")
                shapes.append((layer.cout, stride * layer.stride))
            elif isinstance(layer, MaxPool):
                shapes.append((width, stride * layer.stride))
            else:
                if shapes[layer.other] != (width, stride):
                    raise ValueError(f"{self.name}: an addition joins tensors of different shapes")
                shapes.append((width, stride))
        return shapes

    @property
    def total_stride(self) -> int:
        return self.shapes()[-1][1]

    @property
    def features(self) -> int:
        return self.shapes()[-1][0] * (2 if self.head.pool == "mean_max" else 1)

    def reach(self) -> tuple[int, int]:
        """Samples before and after a frame's first sample that the frame depends on."""
        reach, shapes = [(0, 0)], self.shapes()
        for layer in self.layers:
            left, right = reach[layer.source]
            if isinstance(layer, Add):
                other = reach[layer.other]
                reach.append((max(left, other[0]), max(right, other[1])))
                continue
            step, pad = shapes[layer.source][1], (layer.kernel - 1) // 2
            reach.append((left + pad * step, right + (layer.kernel - 1 - pad) * step))
        return reach[-1]

    @property
    def margin(self) -> int:
        """Samples on each side of a window that its frames can see, in whole frames."""
        return -(-max(self.reach()) // self.total_stride) * self.total_stride

    def macs(self, window: int = WINDOW) -> int:
        """Multiply-accumulates of one window: convolutions and the last linear layer, whose rows of the levels are
        zeros.
        """
        total = self.features * (self.head.dim + self.head.levels * len(LEVELS))
        for layer, (_, stride) in zip(self.layers, self.shapes()[1:], strict=True):
            if isinstance(layer, Conv):
                total += -(-window // stride) * layer.kernel * layer.cin // layer.groups * layer.cout
        return total

    def to_dict(self) -> dict:
        """A JSON form that names the kind of each layer."""
        layers = [{"op": type(layer).__name__, **asdict(layer)} for layer in self.layers]
        more = {"standardize": True} if self.standardize else {}
        return {"name": self.name, "channels": self.channels, "layers": layers, "head": asdict(self.head), **more}

    @classmethod
    def from_dict(cls, data: dict) -> "Spec":
        kinds = {kind.__name__: kind for kind in (Conv, Add, MaxPool)}
        layers = tuple(kinds[d["op"]](**{k: v for k, v in d.items() if k != "op"}) for d in data["layers"])
        return cls(data["name"], layers, Head(**data["head"]), data["channels"], data.get("standardize", False))
