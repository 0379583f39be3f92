"""Training objectives: edgeecg's loss kernels under autograd, by name.

    objective = OBJECTIVES["barlow_twins"](lambd=0.0051)
    loss = objective(z1, z2, patient=patient)
    loss.backward()

`autograd` describes the convention for several processes, `positives` which windows are positives of each other.
"""

import warnings

from . import modules

OBJECTIVES = {
    "barlow_twins": modules.BarlowTwins,
    "vicreg": modules.VICReg,
    "nt_xent": modules.NTXent,
    "masked_nt_xent": modules.MaskedNTXent,
    "supervised_contrastive": modules.SupervisedContrastive,
    "pclr": modules.PCLR,
    "cmsc": modules.PatientNCE,
    "cmlc": modules.PatientNCE,
    "cmsmlc": modules.PatientNCE,
    "patient_nce": modules.PatientNCE,
    "supervised_cmsc": modules.SupervisedCMSC,
    "supervised_cmlc": modules.SupervisedCMLC,
    "supervised_cmsmlc": modules.SupervisedCMSMLC,
    "siamese_contrastive": modules.SiameseContrastive,
    "soft_nearest_neighbor": modules.SoftNearestNeighbor,
    "sigmoid_contrastive": modules.SigmoidContrastive,
    "instance_discrimination": modules.InstanceDiscrimination,
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
