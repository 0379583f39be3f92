"""The losses as their papers write them, in float64 torch: N x N and D x D matrices, no tricks, gradients by autograd.

Slow on purpose, and written without a look at the kernels: a kernel is right when it agrees with these.
"""

import numpy as np
import torch


def evaluate(loss, *arrays, **options):
    """(value, gradients) of an oracle at NumPy arrays, in float64."""
    leaves = [torch.tensor(np.asarray(z, np.float64), requires_grad=True) for z in arrays]
    value = loss(*leaves, **options)
    # allow_unused: a loss that is zero by convention (no anchors) is a constant of its input
    grads = torch.autograd.grad(value, leaves, allow_unused=True) if value.requires_grad else [None] * len(leaves)
    return value.item(), [np.zeros(z.shape) if g is None else g.numpy() for z, g in zip(leaves, grads, strict=True)]


def unit(z):
    """Rows at unit length."""
    return z / z.norm(dim=1, keepdim=True)


def same(labels):
    """same[i, j]: rows i and j share a label."""
    labels = np.asarray(labels)
    return torch.tensor(labels[:, None] == labels[None, :])


def off_diagonal(matrix):
    return matrix[~torch.eye(len(matrix), dtype=torch.bool)]


def standardize(z, eps):
    return (z - z.mean(0)) / torch.sqrt(z.var(0, unbiased=False) + eps)


def cross_correlation(z1, z2, eps=1e-5):
    return standardize(z1, eps).T @ standardize(z2, eps) / len(z1)


def barlow_twins(z1, z2, lambd=0.0051, eps=1e-5):
    c = cross_correlation(z1, z2, eps)
    return ((1 - c.diagonal()) ** 2).sum() + lambd * (off_diagonal(c) ** 2).sum()


def vicreg(z1, z2, invariance=25.0, variance=25.0, covariance=1.0, gamma=1.0, eps=1e-4):
    total = invariance * ((z1 - z2) ** 2).mean()
    for z in (z1, z2):
        total = total + variance * torch.relu(gamma - torch.sqrt(z.var(0, unbiased=True) + eps)).mean()
        centered = z - z.mean(0)
        cov = centered.T @ centered / (len(z) - 1)
        total = total + covariance * (off_diagonal(cov) ** 2).sum() / z.shape[1]
    return total


def nt_xent(z1, z2, temperature=0.5):
    """Equation 1 of SimCLR: l(i, j), averaged over both orders of all N positive pairs."""
    n = len(z1)
    z = unit(torch.cat([z1, z2]))
    exponentials = torch.exp(z @ z.T / temperature)
    total = 0.0
    for i in range(2 * n):
        others = torch.arange(2 * n) != i
        total = total - torch.log(exponentials[i, (i + n) % (2 * n)] / exponentials[i][others].sum())
    return total / (2 * n)


def supervised_contrastive(z1, z2=None, labels=None, mask=None, temperature=0.1):
    """L_out of SupCon; anchors without positives are left out of the mean."""
    views = [z1] if z2 is None else [z1, z2]
    z = unit(torch.cat(views))
    positive = (same(labels) if mask is None else torch.tensor(mask)).repeat(len(views), len(views))
    positive = positive & ~torch.eye(len(z), dtype=torch.bool)
    s = z @ z.T / temperature
    terms = []
    for i in range(len(z)):
        if positive[i].any():
            others = torch.arange(len(z)) != i
            terms.append(-(s[i][positive[i]] - torch.logsumexp(s[i][others], 0)).mean())
    return torch.stack(terms).mean() if terms else torch.zeros(())


def patient_nce(z1, z2, patient=None, temperature=0.1):
    s = unit(z1) @ unit(z2).T / temperature
    pairs = same(patient)
    forward = torch.log_softmax(s, dim=1)[pairs]
    backward = torch.log_softmax(s, dim=0)[pairs]
    return -(forward.mean() + backward.mean())


def siamese_contrastive(z1, z2, different=None, margin=1.0):
    y = torch.tensor(np.asarray(different, np.float64))
    d = ((z1 - z2) ** 2).sum(1).sqrt()
    return ((1 - y) * d**2 + y * torch.clamp(margin - d, min=0) ** 2).mean()


def soft_nearest_neighbor(z1, z2=None, labels=None, temperature=1.0):
    views = [z1] if z2 is None else [z1, z2]
    x = torch.cat(views)
    alike = same(labels).repeat(len(views), len(views))
    s = -((x[:, None] - x[None, :]) ** 2).sum(2) / temperature
    terms = []
    for i in range(len(x)):
        others = torch.arange(len(x)) != i
        if (alike[i] & others).any():
            terms.append(torch.logsumexp(s[i][others], 0) - torch.logsumexp(s[i][alike[i] & others], 0))
    return torch.stack(terms).mean() if terms else torch.zeros(())


def sigmoid_contrastive(z1, z2, temperature=0.1, bias=-10.0, labels=None):
    y = same(np.arange(len(z1)) if labels is None else labels).double() * 2 - 1
    x = unit(z1) @ unit(z2).T / temperature + bias
    return -torch.nn.functional.logsigmoid(y * x).sum() / len(z1)


def instance_discrimination(z1, bank=None, index=None, temperature=0.07):
    s = unit(z1) @ torch.tensor(np.asarray(bank, np.float64)).T / temperature
    return -torch.log_softmax(s, dim=1)[torch.arange(len(z1)), torch.tensor(index)].mean()
