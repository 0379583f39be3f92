"""NT-Xent without false negatives: other windows of the same patient are excluded."""

import torch
import torch.nn.functional as F
from torch import Tensor


def masked_nt_xent(first: Tensor, second: Tensor, patient: Tensor, temperature: float = 0.1) -> Tensor:
    """Mean cross-entropy of finding each row's partner among all rows of other patients.

    first, second: (N, d) projections of two views; patient: (N,). Chen et al., "A Simple Framework for Contrastive
    Learning of Visual Representations", ICML 2020, with the same patient's other windows taken out of the sum: in an
    ECG that lasts, a "negative" a minute away often shows the same thing.
    """
    z = torch.cat([first, second])
    z = F.normalize(z if z.dtype == torch.float64 else z.float(), dim=1)  # half precision has too few digits for a sum
    logits = z @ z.T / temperature
    same = patient.repeat(2)[:, None] == patient.repeat(2)[None]
    partner = torch.arange(len(z), device=z.device).roll(len(first))
    same[torch.arange(len(z)), partner] = False
    return F.cross_entropy(logits.masked_fill(same, -torch.inf), partner)
