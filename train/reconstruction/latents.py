"""Beats that a variational autoencoder draws: from which latents, and how many of them look like beats.

Codes of real windows do not fill the prior evenly: half of what the decoder makes of codes drawn from N(0, I) looks
like no beat. So codes are drawn from a mixture of Gaussians that is fitted to the codes of training windows (Ghosh et
al., "From Variational to Deterministic Autoencoders", ICLR 2020: ex-post density estimation).

A drawn beat counts as plausible where it is as near to a real one as real ones are to each other: nearer to some beat
of training patients, in root mean square, than 95 of 100 beats of held-out patients are. Coverage is the other
direction: the share of held-out beats that have a drawn one so near (precision and recall of Kynkäänniemi et al.,
NeurIPS 2019, with one radius for all). Windows of 10 s have no such neighbors, since their beats may be anywhere:
nothing is counted there.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

DRAWS = 1000
COMPONENTS = 24
QUANTILE = 0.95
PIECE = 250  # rows whose distances are computed at a time


@dataclass(frozen=True)
class Drawn:
    """Windows (n, length) decoded from drawn codes; shares of plausible ones and of what is covered, where counted."""

    windows: Tensor
    plausible: float | None = None
    coverage: float | None = None

    def line(self, source: str) -> str:
        return (
            f"beats drawn from {source}: {self.plausible:.0%} plausible (as near to a real one as {QUANTILE:.0%} of "
            f"held-out beats are), {self.coverage:.0%} of held-out beats covered"
        )


def draw(net, codes: Tensor, training: Tensor, held_out: Tensor, counted: bool) -> dict[str, Drawn]:
    """Draws from the prior and from a mixture fitted to `codes` (n, code), those of the windows `training`."""
    generator = torch.Generator().manual_seed(0)
    sources = {
        "the prior": torch.randn(DRAWS, codes.shape[1], generator=generator),
        "a mixture fitted to training codes": mixture(codes, DRAWS),
    }
    limit = quantile(nearest(held_out, training)) if counted else 0.0
    found = {}
    for name, drawn in sources.items():
        windows = torch.cat([net.decode(piece) for piece in drawn.split(PIECE)])
        if not counted:
            found[name] = Drawn(windows)
            continue
        near, covered = nearest(windows, training) <= limit, nearest(held_out, windows) <= limit
        found[name] = Drawn(windows, float(near.float().mean()), float(covered.float().mean()))
    return found


def mixture(codes: Tensor, count: int) -> Tensor:
    """(count, code) drawn from a mixture of Gaussians with the codes' density."""
    from sklearn.mixture import GaussianMixture

    x = codes.double().numpy()
    components = max(1, min(COMPONENTS, len(x) // (4 * x.shape[1])))
    model = GaussianMixture(components, reg_covar=1e-4, random_state=0).fit(x)
    drawn, _ = model.sample(count)
    return torch.from_numpy(np.random.default_rng(0).permutation(drawn)).float()


def nearest(x: Tensor, others: Tensor) -> Tensor:
    """(n,) root mean square distance of each row to its nearest one of the others."""
    return torch.cat([torch.cdist(piece, others).amin(1) for piece in x.split(PIECE)]) / x.shape[1] ** 0.5


def quantile(distance: Tensor) -> float:
    return float(torch.quantile(distance, QUANTILE))


def chosen(latent: tuple[float, ...], code: int) -> Tensor:
    """A code from its first numbers; the others are 0, the middle of the prior."""
    full = torch.zeros(1, code)
    full[0, : len(latent)] = torch.tensor(latent)
    return full


def walks(start: Tensor, used: Tensor, reach: float = 2.0, steps: int = 5, count: int = 4) -> tuple[Tensor, list[str]]:
    """Codes (count * steps, code) that go from -reach to reach along each of the numbers that are `used` (code,) most,
    from `start` (1, code); and what each is called.
    """
    codes, titles = [], []
    for number in used.argsort(descending=True)[:count].tolist():
        for value in torch.linspace(-reach, reach, steps).tolist():
            code = start.clone()
            code[0, number] = value
            codes.append(code)
            titles.append(f"number {number} = {value:g}")
    return torch.cat(codes), titles
