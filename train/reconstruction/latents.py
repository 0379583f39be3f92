"""Beats that a variational autoencoder draws: from which latents, and how many of them look like beats.

Codes of real windows do not fill the prior evenly: half of what the decoder makes of codes drawn from N(0, I) looks
like no beat. So codes are drawn from a mixture of Gaussians that is fitted to the codes of training windows (Ghosh et
al., "From Variational to Deterministic Autoencoders", ICLR 2020: ex-post density estimation).

A drawn beat counts as plausible where it lies as near to a real beat as that one's third nearest real neighbor does, in
root mean square (improved precision, Kynkäänniemi et al., NeurIPS 2019). Beside it stands the share of held-out real
beats that count: what can be asked for. Coverage is the share of held-out beats that have a drawn one among their three
nearest (Naeem et al., "Reliable Fidelity and Diversity Metrics for Generative Models", ICML 2020). Windows of 10 s have
no such neighbors, since their beats may be anywhere: nothing is counted there.
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
    """Windows (n, length) decoded from drawn codes; shares of plausible ones and of what is covered, where counted."""

    windows: Tensor
    plausible: float | None = None
    coverage: float | None = None

    real: float | None = None  # of held-out real ones, how many count as plausible

    def line(self, source: str) -> str:
        return (
            f"beats drawn from {source}: {self.plausible:.0%} plausible, as near to a real one as its {NEIGHBOR} "
            f"nearest are (of real beats of held-out patients {self.real:.0%}); {self.coverage:.0%} of those covered"
        )


def draw(net, codes: Tensor, training: Tensor, held_out: Tensor, counted: bool) -> dict[str, Drawn]:
    """Draws from the prior and from a mixture fitted to `codes` (n, code), those of the windows `training`."""
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
    """(count, code) drawn from a mixture of Gaussians with the codes' density."""
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
    """The share of rows that lie within the radius of one of the others at least."""
    hits = [(torch.cdist(piece, others) <= radius).any(1) for piece in x.split(PIECE)]
    return float(torch.cat(hits).float().mean())


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
