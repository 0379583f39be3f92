"""Training objectives: edgeecg's loss kernels under autograd, by name.

    objective = OBJECTIVES["barlow_twins"](lambd=0.0051)
    loss = objective(z1, z2, patient=patient)
    loss.backward()

`autograd` describes the convention for several processes, `positives` which windows are positives of each other.
"""

import warnings

from . import losses

OBJECTIVES = {
    "barlow_twins": losses.BarlowTwins,
    "vicreg": losses.VICReg,
    "nt_xent": losses.NTXent,
    "masked_nt_xent": losses.MaskedNTXent,
    "supervised_contrastive": losses.SupervisedContrastive,
    "pclr": losses.PCLR,
    "cmsc": losses.PatientNCE,
    "cmlc": losses.PatientNCE,
    "cmsmlc": losses.PatientNCE,
    "patient_nce": losses.PatientNCE,
    "supervised_cmsc": losses.SupervisedCMSC,
    "supervised_cmlc": losses.SupervisedCMLC,
    "supervised_cmsmlc": losses.SupervisedCMSMLC,
    "siamese_contrastive": losses.SiameseContrastive,
    "soft_nearest_neighbor": losses.SoftNearestNeighbor,
    "sigmoid_contrastive": losses.SigmoidContrastive,
    "instance_discrimination": losses.InstanceDiscrimination,
}

RENAMED = {"soft_nearest_neighbour": "soft_nearest_neighbor"}
"""Names that commands and kept runs may still have."""

__all__ = ["OBJECTIVES", "current_name"]


def current_name(name: str) -> str:
    """The name that an objective has today."""
    if name not in RENAMED:
        return name
    warnings.warn(f"the objective {name} is now {RENAMED[name]}", DeprecationWarning, stacklevel=3)
    return RENAMED[name]
