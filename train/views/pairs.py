"""Pairs of views for pretraining: which two windows, how they are changed, and which options go together."""

from typing import Literal

import torch
from torch import Tensor

from edgeecg.errors import InputError
from train.data.front_end import to_input
from train.data.positives import Positives
from train.data.twelve_lead import TwelveLeadSampler
from train.data.windows import WindowSampler
from train.views.augment import Augment, Views
from train.views.vcg import Vcg

View = Literal["augment", "vcg", "viewmaker", "vcg_viewmaker"]
"""augment: disturbances as on a device; vcg: the heart's dipole turned (3KG); viewmaker: learned perturbations;
vcg_viewmaker: those of the turned dipole's leads.
"""
TURNED, LEARNED = ("vcg", "vcg_viewmaker"), ("viewmaker", "vcg_viewmaker")

# The second window of the published systems: what --positives is where it is not given.
PUBLISHED = {"pclr": "patient", "cmsc": "segment", "cmlc": "lead", "cmsmlc": "segment_lead"}
# What the objectives that read more than the pair take for a positive: a pair of another kind would contradict them.
AGREEING = {
    "cmsc": ("segment",),
    "cmlc": ("lead",),
    "cmsmlc": ("segment_lead",),
    "supervised_cmsc": ("nearby", "window", "segment"),
    "supervised_cmlc": ("nearby", "window", "lead"),
    "supervised_cmsmlc": ("nearby", "window", "segment", "lead", "segment_lead"),
    "instance_discrimination": ("nearby", "window", "segment"),
}
WHY = {
    "cmsc": "its positives are neighboring segments of one lead",
    "cmlc": "its positives are the leads of one segment",
    "cmsmlc": "its positives are the leads of neighboring segments",
    "instance_discrimination": "its memory bank has an entry for each lead of a recording",
}
VCG_POSITIVES = ("window", "lead", "patient")


def check_pairs(view: View, positives: Positives | None, objective: str) -> Positives:
    """The positives that a run has, `None` being the objective's or the view's default.

    Raises InputError where they make no sense together.
    """
    usual = "window" if view in TURNED else "nearby"
    chosen = positives or PUBLISHED.get(objective, usual)
    if view in TURNED and chosen not in VCG_POSITIVES:
        raise InputError(
            f"vcg views are made from pieces of 10 s: their positives are {', '.join(VCG_POSITIVES)}, not {chosen!r}"
        )
    agreeing = AGREEING.get(objective, (chosen,))
    if chosen not in agreeing:
        why = WHY[objective.removeprefix("supervised_")]
        raise InputError(f"{objective} does not go with positives {chosen!r}, for {why}: choose {', '.join(agreeing)}")
    return chosen


class WindowPairs:
    """Windows of the cache. `augment` None: as they are, for a viewmaker that comes later."""

    def __init__(
        self, training: WindowSampler, validation: WindowSampler | None, views: Views, augment: Augment | None
    ):
        self.training, self.validation, self.views, self.augment = training, validation, views, augment

    def draw(self, count: int, generator: torch.Generator, margin: int, validation: bool) -> dict[str, Tensor]:
        """`first` and `second` (count, length), network input, and who the first ones are."""
        sampler = self.validation if validation else self.training
        batch = sampler.draw(count, generator, margin, self.views.shift, self.views.positive)
        y = torch.cat([batch.first, batch.second])
        first, second = (self.augment(y, generator) if self.augment else to_input(y)).chunk(2)
        return {"first": first, "second": second, **batch.identity()}


class VcgPairs:
    """Windows of the eight independent leads.

    The encoder sees one of `vcg`'s leads of each view, or `every` one of them.
    """

    def __init__(
        self, training: TwelveLeadSampler, validation: TwelveLeadSampler | None, vcg: Vcg, every: bool = False
    ):
        if every and training.positives == "lead":
            raise InputError(
                "positives 'lead' show one lead of a window at a time: they do not go with an encoder of several leads"
            )
        self.training, self.validation, self.vcg, self.every = training, validation, vcg, every

    def draw(self, count: int, generator: torch.Generator, margin: int, validation: bool) -> dict[str, Tensor]:
        """`first` and `second` (count, length) or, of every lead, (count, leads, length)."""
        sampler = self.validation if validation else self.training
        batch, leads = sampler.draw(count, generator), len(self.vcg.keep)
        if self.every:
            first, second = (self.vcg(y, generator) for y in (batch.first, batch.second))
            return {"first": first, "second": second, **batch.identity()}
        lead = torch.randint(leads, (count,), generator=generator)
        step = torch.randint(1, leads, (count,), generator=generator) if sampler.positives == "lead" else 0
        first = self.vcg(batch.first, generator, lead)
        second = self.vcg(batch.second, generator, (lead + step) % leads)
        return {"first": first, "second": second, **batch.identity(), "lead": lead}
