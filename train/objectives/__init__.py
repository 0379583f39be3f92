"""Training objectives: edgeecg's loss kernels under autograd, by name.

    objective = OBJECTIVES["barlow_twins"](lambd=0.0051)
    loss = objective(z1, z2, patient=patient)
    loss.backward()

`autograd` describes the convention for several processes, `positives` which windows are positives of each other.
"""

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
    "soft_nearest_neighbour": modules.SoftNearestNeighbour,
    "sigmoid_contrastive": modules.SigmoidContrastive,
    "instance_discrimination": modules.InstanceDiscrimination,
}

__all__ = ["OBJECTIVES"]
