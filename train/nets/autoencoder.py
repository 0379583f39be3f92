"""Autoencoders: a window to a code of 128 numbers and back.

    simple         one linear layer to the code and one back: principal components at best (Baldi & Hornik, 1989)
    sparse         the same with a ReLU on the code and an L1 activity penalty: few of many numbers are used
    deep           a stack of dense layers with ReLU on both sides
    convolutional  four strided convolutions and a dense layer (`conv4`), or an encoder of train/nets
    denoising      the same; the input is a noisy window, the target the clean one
    variational    the code is sampled from a Gaussian that the encoder describes (Kingma & Welling, "Auto-Encoding
                   Variational Bayes", ICLR 2014)

An encoder that can be exported pools over the window: its embedding describes what the beats look like, not where they
are. So its decoder also gets `place` numbers per frame, from a 1x1 convolution that is discarded with the decoder. They
are part of the code and count toward its size.
"""

from dataclasses import asdict, dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from edgeecg.constants import WINDOW
from edgeecg.errors import InputError
from train.nets.decoder import ConvDecoder, DenseDecoder, dense
from train.nets.encoder import Encoder

KINDS = ("simple", "sparse", "deep", "convolutional", "denoising", "variational")
DENSE_WIDTHS = {"simple": (), "sparse": (), "deep": (512, 256)}
CONV4_FRAME, POOLED_FRAME = 40, 32  # samples of a decoder's frame


@dataclass(frozen=True)
class Shape:
    """The shape of an autoencoder: enough to rebuild it. `encoder` is "dense", "conv4" or a name in ENCODERS."""

    kind: str = "convolutional"
    encoder: str = "conv4"
    dim: int = 128  # numbers of the embedding
    place: int = 0  # further numbers a frame, beside the embedding of an encoder that pools
    length: int = WINDOW  # samples of a window

    def __post_init__(self):
        from train.nets import ENCODERS

        if self.kind not in KINDS:
            raise InputError(f"kind {self.kind!r} is not one of {', '.join(KINDS)}")
        if self.encoder not in ("dense", "conv4", *ENCODERS) or (self.encoder == "dense") != (
            self.kind in DENSE_WIDTHS
        ):
            raise InputError(f"a {self.kind} autoencoder has no encoder {self.encoder!r}")
        if self.dim < 1 or self.place < 0 or (self.place and not self.pools):
            raise InputError("dim is at least 1; place is at least 0, and 0 for an encoder that does not pool")
        if self.pools and self.length != WINDOW:
            raise InputError(f"{self.encoder} reads windows of {WINDOW} samples, not {self.length}")
        if self.encoder == "conv4" and (self.length % CONV4_FRAME or self.dim % self.frames):
            raise InputError(
                f"conv4 has frames of {CONV4_FRAME} samples: length must be a multiple of that, and dim one of their "
                "number"
            )

    @property
    def pools(self) -> bool:
        """Whether the encoder is one that `train/export.py` takes."""
        return self.encoder not in ("dense", "conv4")

    @property
    def frame(self) -> int:
        """Samples that a frame of the decoder stands for."""
        return POOLED_FRAME if self.pools else CONV4_FRAME

    @property
    def frames(self) -> int:
        return self.length // self.frame

    @property
    def code(self) -> int:
        """Numbers that the decoder gets."""
        return self.dim + self.place * self.frames

    def to_dict(self) -> dict:
        return asdict(self)


class Conv4(nn.Module):
    """Four strided convolutions, dim / frames channels for each frame of 40 samples, and a dense layer over them.

    (N, length) -> (N, dim). The dense layer starts as the identity: first the code has its place in time, then it may
    mix.
    """

    def __init__(self, shape: Shape, widths=(16, 32, 64), kernels=(9, 7, 7, 5), strides=(5, 2, 2, 2)):
        super().__init__()
        cin, layers = 1, []
        for cout, kernel, stride in zip((*widths, 64), kernels, strides, strict=True):
            layers += [
                nn.Conv2d(cin, cout, (1, kernel), (1, stride), (0, kernel // 2), bias=False),
                nn.BatchNorm2d(cout),
                nn.ReLU(),
            ]
            cin = cout
        self.trunk = nn.Sequential(*layers, nn.Conv2d(cin, shape.dim // shape.frames, 1))
        self.features = shape.dim
        self.linear = identity(shape.dim)
        self.to(memory_format=torch.channels_last)

    def pooled(self, x: Tensor) -> Tensor:
        return self.trunk(x[:, None, None].contiguous(memory_format=torch.channels_last)).flatten(1)


class Dense(nn.Module):
    """A stack of dense layers: (N, length) -> (N, dim)."""

    def __init__(self, shape: Shape):
        super().__init__()
        widths = DENSE_WIDTHS[shape.kind]
        self.pooled = nn.Sequential(dense(shape.length, widths), nn.ReLU()) if widths else nn.Identity()
        self.features = widths[-1] if widths else shape.length
        self.linear = nn.Linear(self.features, shape.dim)


def identity(size: int) -> nn.Linear:
    layer = nn.Linear(size, size)
    nn.init.eye_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer


@dataclass(frozen=True)
class Coded:
    """The codes of N windows.

    `mean` (N, code); `log_variance` of the same shape if variational, else None.
    """

    mean: Tensor
    log_variance: Tensor | None = None

    def draw(self) -> Tensor:
        """A code from the Gaussian; the mean where there is none. Torch's global generator."""
        if self.log_variance is None:
            return self.mean
        return self.mean + (0.5 * self.log_variance).exp() * torch.randn_like(self.mean)


class Autoencoder(nn.Module):
    """`code(x)` and `decode(code)`.

    x: real network input (N, margin + length + margin), as `Encoder` takes it; codes (N, shape.code), the embedding
    first; decoded windows (N, length).
    """

    def __init__(self, shape: Shape):
        from train.nets import ENCODERS

        super().__init__()
        self.shape = shape
        self.mix, channels = None, 0
        if shape.pools:
            self.encoder: nn.Module = Encoder(ENCODERS[shape.encoder](dim=shape.dim))
            features, channels = self.encoder.spec.features, self.encoder.spec.shapes()[-1][0]
            self.decoder: nn.Module = ConvDecoder(shape.dim, shape.place, shape.frames, shape.frame)
        elif shape.encoder == "conv4":
            self.encoder = Conv4(shape)
            features, self.mix = self.encoder.features, identity(shape.dim)
            self.decoder = ConvDecoder(0, shape.dim // shape.frames, shape.frames, shape.frame)
        else:
            self.encoder = Dense(shape)
            features = self.encoder.features
            self.decoder = DenseDecoder(shape.dim, DENSE_WIDTHS[shape.kind][::-1], shape.length)
        spread = 2 if shape.kind == "variational" else 1  # mean, and logarithm of the variance
        self.log_variance = nn.Linear(features, shape.dim) if spread == 2 else None
        self.place = nn.Conv1d(channels, shape.place * spread, 1) if shape.place else None

    def code(self, x: Tensor, margin: int = 0) -> Coded:
        features, frames = self.features(x, margin)
        mean = self.encoder.linear(features)
        mean = F.relu(mean) if self.shape.kind == "sparse" else mean
        spread = None if self.log_variance is None else self.log_variance(features)
        if self.place is not None:
            place = F.adaptive_avg_pool1d(self.place(frames), self.shape.frames).flatten(1)
            mean = torch.cat([mean, place[:, : self.shape.code - self.shape.dim]], 1)
            spread = None if spread is None else torch.cat([spread, place[:, self.shape.code - self.shape.dim :]], 1)
        return Coded(mean, None if spread is None else spread.clamp(-12, 6))

    def features(self, x: Tensor, margin: int) -> tuple[Tensor, Tensor | None]:
        """The input of the code's linear layer (N, features), and the frames (N, channels, count) of an encoder that
        pools.
        """
        if not self.shape.pools:
            return self.encoder.pooled(x[:, margin : margin + self.shape.length]), None
        stride = self.encoder.spec.total_stride
        frames = self.encoder.tensors(x)[-1][:, :, 0, margin // stride : (margin + WINDOW) // stride]
        return self.encoder.pool(frames), frames

    def decode(self, code: Tensor) -> Tensor:
        shape = self.shape
        if shape.encoder == "dense":
            return self.decoder(code)
        if shape.encoder == "conv4":
            return self.decoder(None, self.mix(code).view(len(code), -1, shape.frames))
        place = code[:, shape.dim :].view(len(code), shape.place, shape.frames) if shape.place else None
        return self.decoder(code[:, : shape.dim], place)

    def forward(self, x: Tensor, margin: int = 0) -> tuple[Tensor, Coded]:
        """Decoded windows and their codes; in training a variational code is drawn, in evaluation it is the mean."""
        coded = self.code(x, margin)
        return self.decode(coded.draw() if self.training else coded.mean), coded
