"""`edge`, the default encoder: at most 3 M multiply-accumulates a window and 96 KB; `nano`: 0.7 M, 16 KB; `plus`: 12 M,
400 KB.

They resemble depthwise-separable networks, but use groups of four channels instead of one: a group fills the lanes of a
4-wide integer dot product (VNNI, SMLAD pairs) that a depthwise layer would leave idle. All activations are ReLU, so
every zero point after the input is 0, and any scale between two layers moves into the weights.
"""

from train.nets.spec import Conv, Head, Spec

# (width, kernel, stride) of the grouped convolution and its pointwise one
NANO = ((16, 7, 2), (24, 7, 2), (32, 5, 2), (40, 5, 2), (40, 9, 1))
STAGES = ((32, 7, 2), (64, 7, 2), (96, 5, 2), (128, 5, 2), (128, 13, 1))
PLUS = ((64, 7, 2), (128, 7, 2), (160, 5, 2), (224, 5, 2), (224, 13, 1), (224, 9, 1))


def edge(channels: int = 1, stem: int = 16, stages: tuple = STAGES, dim: int = 128) -> Spec:
    return paired("edge", channels, stem, stages, dim)


def nano(channels: int = 1, stem: int = 8, stages: tuple = NANO, dim: int = 56) -> Spec:
    """The same blocks, narrower, and fewer dimensions, because the head would be half of the file."""
    return paired("nano", channels, stem, stages, dim)


def plus(channels: int = 1, stem: int = 32, stages: tuple = PLUS, dim: int = 192) -> Spec:
    """The same blocks, wider, and one more; better at identification (docs/experiments/008-full-length-runs.md)."""
    return paired("plus", channels, stem, stages, dim)


def paired(name: str, channels: int, stem: int, stages: tuple, dim: int) -> Spec:
    layers, width = [Conv(0, channels, stem, 9, 2)], stem
    for cout, kernel, stride in stages:
        layers.append(Conv(len(layers), width, width, kernel, stride, groups=width // 4))
        layers.append(Conv(len(layers), width, cout, 1))
        width = cout
    return Spec(name, tuple(layers), Head("mean_max", dim), channels)
