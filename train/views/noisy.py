"""A window with recorded noise and its clean version, to train and test a denoiser."""

import torch
from torch import Tensor

from train.data.front_end import SCALE, ZERO
from train.views.augment import Augment, Views, gain, quantize


def noisy_pair(y: Tensor, noise: Tensor, snr: tuple[float, float], generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """(noisy, clean) network input, (N, L) float32 each, of uint8 windows (N, L).

    noise: (kinds, samples) of `load_noise`; snr: dB, drawn for each row from the range. The device scales what it gets
    to a moving size; the clean signal is scaled by the same factors, so that the two differ by the noise and by
    rounding only.
    """
    x = y.float() - ZERO
    noisy = Augment(Views(noise_snr=snr), noise).recorded(x, generator)
    factor = gain(noisy, x)
    return quantize(noisy * factor), x * factor / SCALE
