"""The cells of train/studies/ablation.py: combinations of objective, view and positives."""

from dataclasses import dataclass, replace
from typing import get_args

from edgeecg.errors import InputError
from train.data.positives import Positives
from train.objectives import OBJECTIVES, current_name
from train.views import Views
from train.views.pairs import check_pairs
from train.views.viewmaker import ViewmakerOptions

# Views by name: the options of train/pretrain.py that each stands for.
VIEWS: dict[str, dict] = {
    "augment": {"view": "augment"},
    "shapes": {  # warp, reverse, noise, pooling and smoothing, as Siamese networks on ECG have used them
        "view": "augment",
        "views": Views(p_warp=0.5, p_reverse=0.5, p_gaussian=0.5, p_pool=0.5, p_smooth=0.5, p_noise=0.0, p_cutout=0.0),
    },
    "vcg": {"view": "vcg"},
    "viewmaker": {"view": "viewmaker"},
    "viewmaker_dct": {"view": "viewmaker", "viewmaker": ViewmakerOptions(domain="dct")},
}
AUTOENCODER = "autoencoder"
UNLISTED = ("masked_nt_xent", "patient_nce")  # the recipe's own; CLOCS without a name for its pairs
KINDS = ("convolutional", "denoising", "variational")  # those whose encoder can be exported


@dataclass(frozen=True)
class Cell:
    """One run. An autoencoder has its kind for a view and no positives."""

    objective: str
    view: str
    positives: str | None = None
    seed: int = 0

    @property
    def name(self) -> str:
        parts = [
            self.objective,
            self.view,
            *([self.positives] if self.positives else []),
            *([str(self.seed)] if self.seed else []),
        ]
        return "/".join(parts)

    @property
    def folder(self) -> str:
        return self.name.replace("/", "-")


def parse(name: str) -> Cell:
    """A cell from its name. Raises InputError for unknown names and incompatible combinations."""
    objective, *rest = name.split("/")
    seed = int(rest.pop()) if rest and rest[-1].isdigit() else 0
    if objective == AUTOENCODER:
        if len(rest) != 1 or rest[0] not in KINDS:
            raise InputError(f"cell {name!r}: an autoencoder is one of {', '.join(KINDS)}")
        return Cell(objective, rest[0], None, seed)
    if len(rest) != 2:
        raise InputError(f"cell {name!r} is not OBJECTIVE/VIEW/POSITIVES or {AUTOENCODER}/KIND")
    view, positives = rest
    objective = current_name(objective)
    for value, known in ((objective, OBJECTIVES), (view, VIEWS), (positives, get_args(Positives))):
        if value not in known:
            raise InputError(f"cell {name!r}: {value!r} is not one of {', '.join(known)}")
    check_pairs(VIEWS[view]["view"], positives, objective)
    return Cell(objective, view, positives, seed)


def grid() -> tuple[Cell, ...]:
    """Every objective on one view; views and positives on two objectives; autoencoders; repeats with other seeds."""
    cells = [Cell(name, "augment", check_pairs("augment", None, name)) for name in OBJECTIVES if name not in UNLISTED]
    for objective in ("nt_xent", "barlow_twins"):
        cells += [Cell(objective, "vcg", "window"), Cell(objective, "viewmaker", "nearby")]
        cells += [
            Cell(objective, "augment", positives)
            for positives in ("window", "segment", "lead", "segment_lead", "patient")
        ]
    cells += [
        parse(name)
        for name in (
            "vicreg/vcg/window",
            "vicreg/viewmaker/nearby",
            "nt_xent/viewmaker_dct/nearby",
            "nt_xent/vcg/lead",
            "barlow_twins/shapes/window",
        )
    ]
    cells += [Cell(AUTOENCODER, kind) for kind in KINDS]
    repeated = Cell("nt_xent", "augment", "nearby")
    return (*cells, *(replace(repeated, seed=seed) for seed in (1, 2)))


CELLS = grid()
