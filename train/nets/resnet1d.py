"""`resnet1d`: residual blocks in one dimension (He et al., "Deep Residual Learning", CVPR 2016).

A stem of kernel 7 and stride 2, then four stages of blocks, each starting with stride 2. `depth` 18 has two basic
blocks (two convolutions of kernel 5) per stage, 34 has 3, 4, 6 and 3. 50 has as many bottleneck blocks (1, 5, 1; four
times as wide between them), which is 69 layers: more than the 64 of a model file, so it is trained and compared, not
exported.
"""

from train.nets.spec import Add, Conv, Head, Spec

BLOCKS = {10: (1, 1, 1, 1), 18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3)}
WIDEN = 4  # output of a bottleneck block over its inner width


def resnet1d(
    channels: int = 1, depth: int = 18, widths: tuple = (32, 64, 128, 256), kernel: int = 5, dim: int = 128
) -> Spec:
    if depth not in BLOCKS:
        raise ValueError(f"resnet1d comes in depths {sorted(BLOCKS)}, not {depth}")
    layers: list = [Conv(0, channels, widths[0], 7, 2)]
    width = widths[0]
    for cout, count in zip(widths, BLOCKS[depth], strict=True):
        for block in range(count):
            make = bottleneck if depth == 50 else basic_block
            width = make(layers, width, cout, kernel, stride=2 if block == 0 else 1)
    name = "resnet1d" if depth == 18 else f"resnet1d_{depth}"
    return Spec(name, tuple(layers), Head("mean", dim), channels)


def basic_block(layers: list, cin: int, cout: int, kernel: int, stride: int) -> int:
    """Append conv-norm-relu, conv-norm, the shortcut and the sum; returns the block's width."""
    source = len(layers)
    layers.append(Conv(source, cin, cout, kernel, stride))
    layers.append(Conv(source + 1, cout, cout, kernel, act="none"))
    return join(layers, source, cin, cout, stride)


def bottleneck(layers: list, cin: int, inner: int, kernel: int, stride: int) -> int:
    """Append a pointwise, a strided and a widening pointwise convolution, the shortcut and the sum;
    returns the width.
    """
    source, cout = len(layers), WIDEN * inner
    layers.append(Conv(source, cin, inner, 1))
    layers.append(Conv(source + 1, inner, inner, kernel, stride))
    layers.append(Conv(source + 2, inner, cout, 1, act="none"))
    return join(layers, source, cin, cout, stride)


def join(layers: list, source: int, cin: int, cout: int, stride: int) -> int:
    """The sum with the block's input, through a strided 1x1 convolution where the shape changes."""
    end = len(layers)
    if stride == 1 and cin == cout:
        layers.append(Add(end, source))
    else:
        layers.append(Conv(source, cin, cout, 1, stride, act="none"))
        layers.append(Add(end, end + 1))
    return cout
