"""`edge`: the default encoder, at most 3 M multiply-accumulates a window and 96 KB of weights.

Depthwise-separable in spirit, but in groups of four channels instead of one: a group fills the lanes of a 4-wide
integer dot product (VNNI, SMLAD pairs) that a depthwise layer would leave idle. All activations are ReLU, so every
zero point behind the input is 0 and any scale between two layers moves into the weights.
"""

from train.nets.spec import Conv, Head, Spec

# (width, kernel, stride) of the grouped convolution and the pointwise one behind it
STAGES = ((32, 7, 2), (64, 7, 2), (96, 5, 2), (128, 5, 2), (128, 13, 1))


def edge(channels: int = 1, stem: int = 16, stages: tuple = STAGES, dim: int = 128) -> Spec:
    layers = [Conv(0, channels, stem, 9, 2)]
    width = stem
    for cout, kernel, stride in stages:
        layers.append(Conv(len(layers), width, width, kernel, stride, groups=width // 4))
        layers.append(Conv(len(layers), width, cout, 1))
        width = cout
    return Spec("edge", tuple(layers), Head("mean_max", dim), channels)
