"""`basic_cnn`: six strided convolutions, leaky ReLU *then* batch norm, global average pooling.

The encoder of Viewmaker's ECG experiments (Tamkin et al., "Viewmaker Networks", ICLR 2021, and later work on
PhysioNet 2020): channels 16-32-64-64-128-256, kernels 7,7,5,3,3,3, strides 4,3,2,1,1,1.
"""

from train.nets.spec import Conv, Head, Spec

WIDTHS, KERNELS, STRIDES = (16, 32, 64, 64, 128, 256), (7, 7, 5, 3, 3, 3), (4, 3, 2, 1, 1, 1)


def basic_cnn(channels: int = 1, dim: int = 128) -> Spec:
    layers, width = [], channels
    for cout, kernel, stride in zip(WIDTHS, KERNELS, STRIDES, strict=True):
        layers.append(Conv(len(layers), width, cout, kernel, stride, act="leaky", order="act_norm"))
        width = cout
    return Spec("basic_cnn", tuple(layers), Head("mean", dim), channels)
