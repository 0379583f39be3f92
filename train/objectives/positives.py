"""Which windows of a batch are positives of each other; each window has a patient, a segment in time and a lead."""

import numpy as np


def neighboring(segment):
    """near[i, j]: the same segment or the one next to it; segments are numbered in time within a recording."""
    return np.abs(segment[:, None] - segment[None, :]) <= 1


def equal(labels):
    return labels[:, None] == labels[None, :]


def cmsc(patient, segment, lead):
    """Contrastive multi-segment coding: neighboring segments of one patient and lead."""
    return equal(patient) & neighboring(segment) & equal(lead)


def cmlc(patient, segment, lead):
    """Contrastive multi-lead coding: any lead of the same segment of one patient."""
    return equal(patient) & equal(segment)


def cmsmlc(patient, segment, lead):
    """Both: any lead of neighboring segments of one patient."""
    return equal(patient) & neighboring(segment)


def other_patient(patient, n):
    """For each row a row of another patient (any other row where patients are unknown), and whether there is one."""
    rows = np.arange(n)
    partner, found = rows.copy(), np.zeros(n, bool)
    for shift in range(1, n):
        candidate = (rows + shift) % n
        fits = ~found if patient is None else ~found & (patient[candidate] != patient)
        partner[fits] = candidate[fits]
        found |= fits
        if found.all():
            break
    return partner, found
