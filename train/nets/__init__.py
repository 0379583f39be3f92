"""Encoders by name. Each is a function that returns a `Spec`; `Encoder(spec)` is the torch module."""

from collections.abc import Callable
from functools import partial

from train.nets.basic_cnn import basic_cnn
from train.nets.edge import edge, nano, plus
from train.nets.encoder import Encoder
from train.nets.resnet1d import resnet1d
from train.nets.spec import Add, Conv, Head, MaxPool, Spec

ENCODERS: dict[str, Callable[..., Spec]] = {
    "edge": edge,
    "nano": nano,
    "plus": plus,
    "basic_cnn": basic_cnn,
    "resnet1d": resnet1d,
    "resnet1d_34": partial(resnet1d, depth=34),
    "resnet1d_50": partial(resnet1d, depth=50),
}

__all__ = [
    "ENCODERS",
    "Add",
    "Conv",
    "Encoder",
    "Head",
    "MaxPool",
    "Spec",
    "basic_cnn",
    "edge",
    "nano",
    "plus",
    "resnet1d",
]
