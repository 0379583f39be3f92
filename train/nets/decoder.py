"""Decoders: from a code back to its window.

A convolutional decoder starts from frames and doubles their rate twice, by nearest-neighbor upsampling before a
convolution instead of a transposed one, to avoid checkerboard artifacts (Odena et al., "Deconvolution and Checkerboard
Artifacts", 2016). Its last convolution gives all samples of a frame at once (Shi et al., "Real-Time Single Image and
Video Super-Resolution Using an Efficient Sub-Pixel Convolutional Neural Network", CVPR 2016), so no layer runs at the
full rate.
"""

import itertools

import torch
import torch.nn.functional as F
from torch import Tensor, nn

WIDTHS = (64, 48, 48)  # channels at one, two and four steps a frame
KERNEL = 7


class DenseDecoder(nn.Module):
    """Linear layers with ReLU between them: (N, code) -> (N, length)."""

    def __init__(self, code: int, widths: tuple[int, ...], length: int):
        super().__init__()
        self.layers = dense(code, (*widths, length))

    def forward(self, code: Tensor) -> Tensor:
        return self.layers(code)


class ConvDecoder(nn.Module):
    """What is known of a window and of each of its frames, to the samples.

    whole (N, size) or None, place (N, channels, frames) or None -> (N, frames * frame), `frame` samples each. With
    `place`, `whole` is the same for all frames; without, a linear layer lays it out over them.
    """

    def __init__(self, size: int, channels: int, frames: int, frame: int):
        super().__init__()
        self.frames, self.channels = frames, channels
        self.spread = nn.Linear(size, WIDTHS[0] * (1 if channels else frames)) if size else None
        self.place = nn.Conv2d(channels, WIDTHS[0], (1, 3), padding=(0, 1)) if channels else None
        self.norm = nn.BatchNorm2d(WIDTHS[0])
        self.steps = nn.ModuleList(Upsample(cin, cout) for cin, cout in itertools.pairwise(WIDTHS))
        self.last = nn.Conv2d(WIDTHS[-1], frame // 2 ** len(self.steps), (1, KERNEL), padding=(0, KERNEL // 2))
        self.to(memory_format=torch.channels_last)

    def forward(self, whole: Tensor | None, place: Tensor | None) -> Tensor:
        x = 0.0
        if self.spread is not None:
            x = self.spread(whole).view(len(whole), WIDTHS[0], 1, -1)
        if self.place is not None:
            x = x + self.place(place[:, :, None])
        x = F.relu(self.norm(x.contiguous(memory_format=torch.channels_last)))
        for step in self.steps:
            x = step(x)
        return self.last(x)[:, :, 0].transpose(1, 2).flatten(1)


class Upsample(nn.Module):
    """Twice the frames: (N, cin, 1, L) -> (N, cout, 1, 2 L)."""

    def __init__(self, cin: int, cout: int):
        super().__init__()
        self.conv = nn.Conv2d(cin, cout, (1, KERNEL), padding=(0, KERNEL // 2), bias=False)
        self.norm = nn.BatchNorm2d(cout)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.norm(self.conv(F.interpolate(x, scale_factor=(1, 2)))))


def dense(size: int, widths: tuple[int, ...]) -> nn.Sequential:
    """Linear layers of these widths with ReLU between them, none after the last."""
    layers: list[nn.Module] = []
    for position, width in enumerate(widths):
        layers += [nn.Linear(size, width)] + ([nn.ReLU()] if position < len(widths) - 1 else [])
        size = width
    return nn.Sequential(*layers)
