"""The losses of training as torch modules: forward(z1, z2, *, patient, segment, lead, index) -> scalar loss.

z1, z2 are the two views' projections (N, D) of this process; patient, segment, lead and index (the window's place in
the training set) are LongTensors (N,) or None, and each objective uses those that it needs.
"""

import math

import numpy as np
import torch
from torch import nn

from edgeecg import losses
from edgeecg.errors import InputError

from . import positives
from .autograd import evaluate, gather, gather_labels
from .masked import masked_nt_xent


class Objective(nn.Module):
    """Gathers the global batch and hands it, with the labels of `needs`, to `loss`."""

    needs = ()

    def __init__(self, threads=1):
        super().__init__()
        self.threads = threads

    def forward(self, z1, z2, *, patient=None, segment=None, lead=None, index=None):
        labels = {"patient": patient, "segment": segment, "lead": lead, "index": index}
        for name in self.needs:
            if labels[name] is None:
                raise InputError(f"{type(self).__name__} needs {name}=, one number a row")
        z1, z2 = gather(z1, z2)
        return self.loss(z1, z2, {name: gather_labels(label) for name, label in labels.items()})

    def loss(self, z1, z2, labels):
        raise NotImplementedError

    def of_held_out(self, z1, z2, **labels):
        """The loss of windows that no training step saw."""
        return self(z1, z2, **labels)


class BarlowTwins(Objective):
    def __init__(self, lambd=0.0051, eps=1e-5, threads=1):
        super().__init__(threads)
        self.lambd, self.eps = lambd, eps

    def loss(self, z1, z2, labels):
        return evaluate(losses.barlow_twins, z1, z2, lambd=self.lambd, eps=self.eps, threads=self.threads)


class VICReg(Objective):
    def __init__(self, invariance=25.0, variance=25.0, covariance=1.0, gamma=1.0, eps=1e-4, threads=1):
        super().__init__(threads)
        self.options = {
            "invariance": invariance,
            "variance": variance,
            "covariance": covariance,
            "gamma": gamma,
            "eps": eps,
        }

    def loss(self, z1, z2, labels):
        return evaluate(losses.vicreg, z1, z2, **self.options, threads=self.threads)


class NTXent(Objective):
    def __init__(self, temperature=0.5, threads=1):
        super().__init__(threads)
        self.temperature = temperature

    def loss(self, z1, z2, labels):
        return evaluate(losses.nt_xent, z1, z2, temperature=self.temperature, threads=self.threads)


class MaskedNTXent(Objective):
    """NT-Xent without the patient's other windows among the negatives."""

    needs = ("patient",)

    def __init__(self, temperature=0.1, threads=1):
        super().__init__(threads)
        self.temperature = temperature

    def loss(self, z1, z2, labels):
        z1, z2 = (z if z.dtype == torch.float64 else z.float() for z in (z1, z2))
        return masked_nt_xent(z1, z2, torch.as_tensor(labels["patient"], device=z1.device), self.temperature)


class SupervisedContrastive(Objective):
    """All windows of one patient are positives."""

    needs = ("patient",)

    def __init__(self, temperature=0.1, threads=1):
        super().__init__(threads)
        self.temperature = temperature

    def positives(self, labels):
        """The keyword arguments that tell the kernel which windows are positives of each other."""
        return {"labels": labels["patient"]}

    def loss(self, z1, z2, labels):
        chosen = self.positives(labels)
        return evaluate(
            losses.supervised_contrastive, z1, z2, **chosen, temperature=self.temperature, threads=self.threads
        )


class PCLR(SupervisedContrastive):
    """Patient contrastive learning of representations: the supervised form keyed on the patient."""


class _Masked(SupervisedContrastive):
    """The supervised form with the positives of CLOCS, which its authors train by `PatientNCE`."""

    needs = ("patient", "segment", "lead")
    mask = None

    def positives(self, labels):
        return {"mask": type(self).mask(labels["patient"], labels["segment"], labels["lead"])}


class SupervisedCMSC(_Masked):
    mask = staticmethod(positives.cmsc)


class SupervisedCMLC(_Masked):
    needs = ("patient", "segment")
    mask = staticmethod(positives.cmlc)


class SupervisedCMSMLC(_Masked):
    needs = ("patient", "segment")
    mask = staticmethod(positives.cmsmlc)


class PatientNCE(Objective):
    """The loss of CLOCS as published: the two views of all windows of one patient attract.

    Which views those are makes it CMSC (neighboring segments), CMLC (leads) or CMSMLC (both): `--positives`. The
    authors' program takes the mean of four means (its own pair and other pairs of the patient, in each direction) where
    the paper has one over all pairs; with one window a patient they differ by a factor of two.
    """

    needs = ("patient",)

    def __init__(self, temperature=0.1, threads=1):
        super().__init__(threads)
        self.temperature = temperature

    def loss(self, z1, z2, labels):
        return evaluate(
            losses.patient_nce, z1, z2, patient=labels["patient"], temperature=self.temperature, threads=self.threads
        )


class SiameseContrastive(Objective):
    """True pairs are the two views of a window; as many false pairs join a window and one of another patient."""

    def __init__(self, margin=1.0, threads=1):
        super().__init__(threads)
        self.margin = margin

    def loss(self, z1, z2, labels):
        partner, found = positives.other_patient(labels["patient"], len(z1))
        left, right = torch.cat([z1, z1[found]]), torch.cat([z2, z2[partner[found]]])
        different = np.arange(len(left)) >= len(z1)
        return evaluate(
            losses.siamese_contrastive, left, right, different=different, margin=self.margin, threads=self.threads
        )


class SoftNearestNeighbor(Objective):
    """Windows of one patient are of one class."""

    needs = ("patient",)

    def __init__(self, temperature=1.0, threads=1):
        super().__init__(threads)
        self.temperature = temperature

    def loss(self, z1, z2, labels):
        return evaluate(
            losses.soft_nearest_neighbor,
            z1,
            z2,
            labels=labels["patient"],
            temperature=self.temperature,
            threads=self.threads,
        )


class SigmoidContrastive(Objective):
    """The two views of a window are a positive pair; temperature and bias are learned from the paper's initial values.

    The parameter is log(1 / temperature), so that the temperature stays positive.
    """

    def __init__(self, temperature=0.1, bias=-10.0, threads=1):
        super().__init__(threads)
        self.log_scale = nn.Parameter(torch.tensor(-math.log(temperature)))
        self.bias = nn.Parameter(torch.tensor(float(bias)))

    def loss(self, z1, z2, labels):
        return evaluate(self._kernel, z1, z2, self.log_scale, self.bias)

    def _kernel(self, z1, z2, log_scale, bias):
        temperature = math.exp(-float(log_scale))
        value, (dz1, dz2, dtemperature, dbias) = losses.sigmoid_contrastive(
            z1, z2, temperature=temperature, bias=float(bias), threads=self.threads
        )
        return value, (dz1, dz2, -temperature * dtemperature, dbias)


class InstanceDiscrimination(Objective):
    """Each window finds its own entry of a memory bank; entries follow their window by an exponential average.

    n_items: rows of the bank, the items (windows or recordings) of the training set; index= says which row is whose.
    Without it the bank grows to hold the largest index seen. In training mode an entry moves after its loss is taken:
    m <- unit(momentum m + (1 - momentum) unit(z)), first for z1, then for z2.
    """

    needs = ("index",)

    def __init__(self, n_items=None, dim=None, temperature=0.07, momentum=0.5, seed=0, threads=1):
        super().__init__(threads)
        self.temperature, self.momentum, self.seed = temperature, momentum, seed
        self.n_items, self.grows = n_items, n_items is None
        self.register_buffer("bank", torch.empty(0, dim or 0))
        if dim is not None and not self.grows:
            self._make_room(n_items, dim)

    def loss(self, z1, z2, labels):
        index = labels["index"]
        rows = torch.cat([z1, z2])
        self._make_room(int(index.max()) + 1 if self.grows else self.n_items, z1.shape[1])
        bank = self.bank.to(rows.dtype if rows.dtype == torch.float64 else torch.float32).cpu().numpy()
        value = evaluate(
            losses.instance_discrimination,
            rows,
            bank=bank,
            index=np.tile(index, 2),
            temperature=self.temperature,
            threads=self.threads,
        )
        if self.training:
            self._remember(z1, z2, torch.as_tensor(index, device=self.bank.device))
        return value

    @torch.no_grad()
    def of_held_out(self, z1, z2, *, index, **_):
        """Each second view finds its first one among the entries: the bank has none of windows that it never met."""
        rows, places = gather(z1, z2)[0], gather_labels(index)
        self._make_room(int(places.max()) + 1 if self.grows else self.n_items, z1.shape[1])
        kept, self.bank = self.bank, self.bank.clone()
        self.bank[torch.as_tensor(places, device=kept.device)] = nn.functional.normalize(rows, dim=1).to(kept)
        try:
            return self(z2, z2, index=index)
        finally:
            self.bank = kept

    def _make_room(self, n_items, dim):
        """Random unit rows up to `n_items`, from a seed of their own: all ranks must draw the same ones."""
        have = len(self.bank)
        if n_items > have:
            draw = torch.Generator().manual_seed(self.seed + have)
            fresh = nn.functional.normalize(torch.randn(n_items - have, dim, generator=draw), dim=1).to(self.bank)
            self.bank = torch.cat([self.bank.reshape(have, dim), fresh])

    def _load_from_state_dict(self, state, prefix, *rest):
        saved = state.get(prefix + "bank")
        if self.grows and saved is not None:
            self.bank = torch.empty_like(saved)
        super()._load_from_state_dict(state, prefix, *rest)

    @torch.no_grad()
    def _remember(self, z1, z2, index):
        for z in (z1, z2):
            new = nn.functional.normalize(z.detach().to(self.bank), dim=1)
            moved = self.momentum * self.bank[index] + (1 - self.momentum) * new
            self.bank[index] = nn.functional.normalize(moved, dim=1)
