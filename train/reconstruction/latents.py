"""Beats drawn from a variational autoencoder: where their latents come from, and how many are plausible.

The codes of real windows do not fill the prior evenly, and half of the beats decoded from N(0, I) are not like real
ones. So codes are also drawn from a mixture of Gaussians fitted to the codes of training windows (ex-post density
estimation; Ghosh et al., "From Variational to Deterministic Autoencoders", ICLR 2020).

A drawn beat is plausible if it is as near to a real training beat (root mean square) as that beat's third nearest
neighbor is (improved precision; Kynkäänniemi et al., NeurIPS 2019). The same fraction of held-out real beats is the
reference. Coverage is the fraction of held-out beats with a drawn beat among their three nearest (Naeem et al.,
"Reliable Fidelity and Diversity Metrics for Generative Models", ICML 2020). Windows of 10 s are not counted, because
their beats can be anywhere, so they have no near neighbors.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

DRAWS = 1000
COMPONENTS = 24
NEIGHBOR = 3
PIECE = 250  # rows whose distances are computed at a time


@dataclass(frozen=True)
class Drawn:
    """Windows (n, length) decoded from drawn codes, and the fractions of the module's docstring if counted."""

    windows: Tensor
    plausible: float | None = None
    coverage: float | None = None
    real: float | None = None  # fraction of held-out real beats that are plausible

    def figures(self) -> dict[str, float | None]:
        return {"plausible": self.plausible, "coverage": self.coverage, "plausible_real": self.real}

    def line(self, source: str) -> str:
        return (
            f"beats drawn from {source}: {self.plausible:.0%} plausible (held-out real beats {self.real:.0%}), "
            f"coverage {self.coverage:.0%}"
        )


def draw(net, codes: Tensor, training: Tensor, held_out: Tensor, counted: bool) -> dict[str, Drawn]:
    """Draws from the prior and from a mixture fitted to `codes` (n, code), the codes of the windows `training`."""
    generator = torch.Generator().manual_seed(0)
    sources = {
        "the prior": torch.randn(DRAWS, codes.shape[1], generator=generator),
        "a mixture fitted to training codes": mixture(codes, DRAWS),
    }
    radius = reach(training) if counted else None
    found = {}
    for name, drawn in sources.items():
        windows = torch.cat([net.decode(piece) for piece in drawn.split(PIECE)])
        if not counted:
            found[name] = Drawn(windows)
            continue
        near, real = (within(x, training, radius) for x in (windows, held_out))
        covered = torch.cdist(held_out, windows).amin(1) <= reach(held_out)
        found[name] = Drawn(windows, near, float(covered.float().mean()), real)
    return found


def mixture(codes: Tensor, count: int) -> Tensor:
    """(count, code) drawn from a mixture of Gaussians fitted to the codes."""
    from sklearn.mixture import GaussianMixture

    x = codes.double().numpy()
    components = max(1, min(COMPONENTS, len(x) // (4 * x.shape[1])))
    model = GaussianMixture(components, reg_covar=1e-4, random_state=0).fit(x)
    drawn, _ = model.sample(count)
    return torch.from_numpy(np.random.default_rng(0).permutation(drawn)).float()


def reach(x: Tensor) -> Tensor:
    """(n,) distance of each row to its third nearest other one."""
    return torch.cat([torch.cdist(piece, x).kthvalue(NEIGHBOR + 1, dim=1).values for piece in x.split(PIECE)])


def within(x: Tensor, others: Tensor, radius: Tensor) -> float:
    """The fraction of rows within the radius of at least one of the others."""
    hits = [(torch.cdist(piece, others) <= radius).any(1) for piece in x.split(PIECE)]
    return float(torch.cat(hits).float().mean())


def chosen(latent: tuple[float, ...], code: int) -> Tensor:
    """A code (1, code) from its first values; the others are 0, the mean of the prior."""
    full = torch.zeros(1, code)
    full[0, : len(latent)] = torch.tensor(latent)
    return full


def walks(start: Tensor, used: Tensor, reach: float = 2.0, steps: int = 5, count: int = 4) -> tuple[Tensor, list[str]]:
    """Codes (count * steps, code) from -reach to reach along each of the `count` dimensions with the largest `used`
    (code,), through `start` (1, code); and their titles.
    """
    codes, titles = [], []
    for number in used.argsort(descending=True)[:count].tolist():
        for value in torch.linspace(-reach, reach, steps).tolist():
            code = start.clone()
            code[0, number] = value
            codes.append(code)
            titles.append(f"number {number} = {value:g}")
    return torch.cat(codes), titles
