"""`resnet1d`: basic residual blocks in one dimension (He et al., "Deep Residual Learning", CVPR 2016).

Stem of kernel 7 and stride 2, then four stages of kernel-5 basic blocks, each stage starting with stride 2.
`depth` 18 has two blocks a stage, 34 has 3, 4, 6 and 3.
"""

from train.nets.spec import Add, Conv, Head, Spec

BLOCKS = {10: (1, 1, 1, 1), 18: (2, 2, 2, 2), 34: (3, 4, 6, 3)}


def resnet1d(
    channels: int = 1, depth: int = 18, widths: tuple = (32, 64, 128, 256), kernel: int = 5, dim: int = 128
) -> Spec:
    if depth not in BLOCKS:
        raise ValueError(f"resnet1d comes in depths {sorted(BLOCKS)}, not {depth}")
    layers: list = [Conv(0, channels, widths[0], 7, 2)]
    width = widths[0]
    for cout, count in zip(widths, BLOCKS[depth], strict=True):
        for block in range(count):
            basic_block(layers, width, cout, kernel, stride=2 if block == 0 else 1)
            width = cout
    return Spec("resnet1d", tuple(layers), Head("mean", dim), channels)


def basic_block(layers: list, cin: int, cout: int, kernel: int, stride: int) -> None:
    """Append conv-norm-relu, conv-norm, the shortcut (a strided 1x1 where the shape changes) and the sum."""
    source = len(layers)
    layers.append(Conv(source, cin, cout, kernel, stride))
    layers.append(Conv(source + 1, cout, cout, kernel, act="none"))
    if stride == 1 and cin == cout:
        layers.append(Add(source + 2, source))
    else:
        layers.append(Conv(source, cin, cout, 1, stride, act="none"))
        layers.append(Add(source + 2, source + 3))
