"""The options of the objectives as one typed set; None means the objective's default."""

import inspect
from dataclasses import dataclass, fields

from edgeecg.errors import InputError
from train.objectives import OBJECTIVES, current_name
from train.objectives.losses import Objective

INTERNAL = ("self", "threads", "n_items", "dim", "seed")


@dataclass(frozen=True)
class LossOptions:
    """Options of the objective; an objective refuses options that it does not have."""

    temperature: float | None = None  # nt_xent, supervised_contrastive, pclr, cmsc, cmlc, cmsmlc, ...
    lambd: float | None = None  # weight of barlow_twins' off-diagonal
    eps: float | None = None  # barlow_twins, vicreg: added to a variance
    invariance: float | None = None  # vicreg
    variance: float | None = None  # vicreg
    covariance: float | None = None  # vicreg
    gamma: float | None = None  # vicreg
    margin: float | None = None  # siamese_contrastive
    bias: float | None = None  # sigmoid_contrastive: initial value
    momentum: float | None = None  # instance_discrimination: of its memory bank


def make_objective(name: str, options: LossOptions | None = None, threads: int = 1) -> Objective:
    """The objective of this name with those options that are set."""
    name = current_name(name)
    if name not in OBJECTIVES:
        raise InputError(f"objective {name!r} is not one of {', '.join(sorted(OBJECTIVES))}")
    options = options or LossOptions()
    given = {f.name: getattr(options, f.name) for f in fields(options) if getattr(options, f.name) is not None}
    known = [p for p in inspect.signature(OBJECTIVES[name].__init__).parameters if p not in INTERNAL]
    unknown = [f"loss.{option}" for option in given if option not in known]
    if unknown:
        raise InputError(f"{name} has no option {', '.join(unknown)}; it has {', '.join(known)}")
    return OBJECTIVES[name](**given, threads=threads)
