"""The Frechet distance between two sets, as if both were Gaussian: it compares their means and covariances, and nothing else.

    d^2 = |mu_x - mu_y|^2 + tr(C_x + C_y - 2 (C_x^1/2 C_y C_x^1/2)^1/2)                            (1)

(1) is W2^2 between Gaussians (Dowson & Landau 1982). Heusel et al. (2017) score images with it, in the features of a network (FID). At
small n it is biased by more than most differences that are reported: compare equal n only, beside the floor of as many true rows.

    >>> x = np.random.default_rng(0).normal(size=(1000, 3))
    >>> print(f"{frechet(x, x + 2.0):.4f} {frechet(x, x):.4f}")
    12.0000 0.0000
"""

import numpy as np

from unstir.steady import steady


@steady
def frechet(x: np.ndarray, y: np.ndarray) -> float:
    """Eq. (1), squared, of rows x (N, d) and y (M, d)."""
    (mean_x, cov_x), (mean_y, cov_y) = ((rows.mean(0), np.atleast_2d(np.cov(rows.T))) for rows in (x, y))
    values, vectors = np.linalg.eigh(cov_x)
    root = (vectors * np.sqrt(values.clip(min=0))) @ vectors.T
    between = np.sqrt(np.linalg.eigvalsh(root @ cov_y @ root).clip(min=0)).sum()
    return max(0.0, float(((mean_x - mean_y) ** 2).sum() + np.trace(cov_x) + np.trace(cov_y) - 2 * between))
