"""Losses of autoencoders, and metrics of reconstruction.

All act on rows: (N, samples) tensors in the networks' real units.
"""

import torch
from torch import Tensor


def squared_error(x: Tensor, restored: Tensor) -> Tensor:
    """Mean over windows and samples."""
    return (restored - x).square().mean()


def activity(code: Tensor) -> Tensor:
    """L1 activity: the sum of a code's absolute values, mean over windows."""
    return code.abs().sum(1).mean()


def kl_to_normal(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL(N(mean, diag variance) || N(0, I)) in nats, (N,): Kingma & Welling, ICLR 2014, appendix B."""
    return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(1)


def negative_elbo(x: Tensor, restored: Tensor, mean: Tensor, log_variance: Tensor, variance: float) -> Tensor:
    """The negative evidence lower bound a sample, times 2 `variance` and without its constant.

    With samples of Gaussian noise `variance` around `restored`, -log p(x|z) is sum (x - restored)^2 / (2 variance) +
    const, so

        2 variance / samples (-ELBO) = squared_error + 2 variance / samples mean KL

    `variance` is thus the weight of the KL term (the beta of Higgins et al., "beta-VAE", ICLR 2017, for unit noise).
    """
    return squared_error(x, restored) + 2 * variance / x.shape[1] * kl_to_normal(mean, log_variance).mean()


def snr_db(clean: Tensor, given: Tensor) -> Tensor:
    """10 log10 (energy of `clean` / energy of the difference), (N,) in dB, at most 120."""
    signal, error = clean.square().sum(1), (given - clean).square().sum(1)
    return 10 * (signal.clamp(min=1e-12) / error.clamp(min=1e-12 * signal.clamp(min=1e-12))).log10()


def denoising_gain_db(clean: Tensor, noisy: Tensor, restored: Tensor) -> Tensor:
    """How much nearer to the clean signal the restored one is than the noisy one, (N,) in dB."""
    return snr_db(clean, restored) - snr_db(clean, noisy)


def prd(x: Tensor, restored: Tensor) -> Tensor:
    """Percentage root-mean-square difference, (N,): the usual measure of ECG compression; 100 for a flat line.

    Of signals without an offset, as the front end's are (what some papers call PRDN, with the mean taken out).
    """
    return 100 * torch.pow(10, -snr_db(x, restored) / 20)


def entropy_bits(symbols: Tensor) -> float:
    """Entropy of integers in bits a symbol, from their frequencies alone."""
    _, count = symbols.reshape(-1).unique(return_counts=True)
    share = count.double() / count.sum()
    return max(0.0, float(-(share * share.log2()).sum()))
