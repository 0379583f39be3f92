"""3KG: views of a multi-lead ECG that rotate and scale the heart's dipole.

Gopal et al., "3KG: Contrastive Learning of 12-Lead Electrocardiograms using Physiologically-Inspired Augmentations",
ML4H 2021: inverse Dower transform -> random rotation about the three axes and scaling of each -> Dower transform; then
noise, a time mask and a channel mask. Body build and electrode placement rotate and scale the dipole too. As in the
paper, the part of the leads that the dipole does not explain is lost.

Coefficients of the eight independent leads: Dower, Machado, Osborne, "On Deriving the Electrocardiogram from
Vectorcardiographic Leads", Clinical Cardiology 3, 1980. The inverse is their least-squares inverse, which Edenbrandt
and Pahlm, "Vectorcardiogram Synthesized from a 12-lead ECG", J. Electrocardiology 21, 1988, recommend (and print to 3
digits). Leads are in mV and pass the compiled front end after the transform: it scales each lead separately, which
would break a rotation.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from edgeecg.constants import RATE
from edgeecg.errors import InputError
from train.data.front_end import Reader, to_input
from train.data.twelve_lead import INDEPENDENT
from train.views.augment import at_snr, some_rows, uniform

TWELVE = ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")

DOWER = torch.tensor(
    [
        [0.632, -0.235, 0.059],
        [0.235, 1.066, -0.132],
        [-0.515, 0.157, -0.917],
        [0.044, 0.164, -1.387],
        [0.882, 0.098, -1.277],
        [1.213, 0.127, -0.601],
        [1.125, 0.127, -0.086],
        [0.831, 0.076, 0.230],
    ]
)
"""(8, 3): INDEPENDENT leads from the Frank leads X (to the left), Y (to the feet), Z (to the back)."""
INVERSE = torch.linalg.pinv(DOWER.double()).float()
"""(3, 8): Frank leads from INDEPENDENT."""


@dataclass(frozen=True)
class VcgViews:
    """Strength of the changes. Angles in degrees, SNR in dB, masks as a share of the window."""

    rotation: float = 45.0  # largest angle about each axis, in both directions
    scale: float = 1.5  # largest factor of each axis, from 1
    p_gaussian: float = 0.5
    gaussian_snr: tuple[float, float] = (10.0, 30.0)
    p_time_mask: float = 0.5  # one segment set to zero, in all leads
    time_mask: tuple[float, float] = (0.0, 0.5)
    p_channel_mask: float = 0.2  # probability of each lead to be zero; one lead always stays

    def __post_init__(self):
        for name in ("p_gaussian", "p_time_mask", "p_channel_mask"):
            if not 0 <= getattr(self, name) <= 1:
                raise InputError(f"vcg: the probability {name} must lie between 0 and 1")
        if not (0 <= self.rotation <= 180 and self.scale >= 1):
            raise InputError("vcg: rotation lies between 0 and 180 degrees, scale is at least 1")
        if not 0 <= self.time_mask[0] <= self.time_mask[1] <= 1:
            raise InputError("vcg: time_mask is a range of shares of the window")


def to_vcg(leads: Tensor) -> Tensor:
    """(N, 8, L) INDEPENDENT leads -> (N, 3, L) Frank leads, in the same unit."""
    return INVERSE @ leads


def from_vcg(vcg: Tensor) -> Tensor:
    """(N, 3, L) -> (N, 8, L)."""
    return DOWER @ vcg


def twelve_leads(leads: Tensor) -> Tensor:
    """(N, 8, L) INDEPENDENT -> (N, 12, L) in the order of TWELVE, by Einthoven's and Goldberger's definitions."""
    one, two = leads[:, :1], leads[:, 1:2]
    return torch.cat([one, two, two - one, -(one + two) / 2, one - two / 2, two - one / 2, leads[:, 2:]], 1)


def rotation(angles: Tensor) -> Tensor:
    """(N, 3) angles in radians about X, Y and Z, turned in this order -> (N, 3, 3)."""
    turns = []
    for axis in range(3):
        sine, cosine = angles[:, axis].sin(), angles[:, axis].cos()
        turn = torch.eye(3).repeat(len(angles), 1, 1)
        a, b = (axis + 1) % 3, (axis + 2) % 3
        turn[:, a, a], turn[:, a, b], turn[:, b, a], turn[:, b, b] = cosine, -sine, sine, cosine
        turns.append(turn)
    return turns[2] @ turns[1] @ turns[0]


class Vcg:
    """`vcg(leads, generator)`: (N, 8, L) mV at 128 Hz -> real network input (N, len(keep), L), `(y - 128) / 16`."""

    def __init__(self, views: VcgViews, read: Reader, keep: tuple[str, ...] = TWELVE):
        self.views, self.read, self.keep = views, read, [TWELVE.index(name) for name in keep]

    def __call__(self, leads: Tensor, generator: torch.Generator, one: Tensor | None = None) -> Tensor:
        """`one` (N,): instead of all leads of `keep`, the one of this number of each window: (N, L)."""
        if leads.ndim != 3 or leads.shape[1] != len(INDEPENDENT):
            raise InputError(
                f"vcg views need the leads {', '.join(INDEPENDENT)}, not an array of shape {tuple(leads.shape)}"
            )
        turned = twelve_leads(self.turn(leads, generator))[:, self.keep]
        if one is not None:
            turned = turned[torch.arange(len(turned)), one][:, None]
        x = self.front(some_rows(turned, [(self.views.p_gaussian, self.gaussian)], generator))
        x = some_rows(x, [(self.views.p_time_mask, self.time_mask)], generator)
        return self.channel_mask(x, generator) if one is None else x[:, 0]

    def turn(self, leads: Tensor, generator: torch.Generator) -> Tensor:
        """The dipole's part of the leads, rotated and scaled: (N, 8, L)."""
        reach = math.radians(self.views.rotation)
        angles = uniform((len(leads), 3), -reach, reach, generator)
        scale = uniform((len(leads), 3, 1), 1.0, self.views.scale, generator)
        return from_vcg(scale * (rotation(angles) @ to_vcg(leads)))

    def front(self, leads: Tensor) -> Tensor:
        """Each lead through the compiled front end."""
        rows = leads.reshape(-1, leads.shape[-1]).numpy()
        y = np.stack([self.read(row, RATE, None)[:, 0] for row in rows])
        return to_input(torch.from_numpy(y)).reshape(leads.shape)

    def gaussian(self, x: Tensor, generator: torch.Generator) -> Tensor:
        flat = x.flatten(0, 1)
        noise = at_snr(torch.randn(flat.shape, generator=generator), flat, self.views.gaussian_snr, generator)
        return x + noise.reshape(x.shape)

    def time_mask(self, x: Tensor, generator: torch.Generator) -> Tensor:
        share = uniform((len(x), 1), *self.views.time_mask, generator)
        start = torch.rand((len(x), 1), generator=generator) * (1 - share)
        time = torch.arange(x.shape[-1]) / x.shape[-1]
        return x.masked_fill(((time >= start) & (time < start + share))[:, None], 0.0)

    def channel_mask(self, x: Tensor, generator: torch.Generator) -> Tensor:
        ticket = torch.rand(x.shape[:2], generator=generator)
        gone = (ticket < self.views.p_channel_mask) & (ticket < ticket.amax(1, keepdim=True))
        return x.masked_fill(gone[..., None], 0.0)
