"""How columns go together: the correlation of their ranks, which neither outliers nor a change of units disturb.

    rho_jk = the correlation of the ranks of columns j and k, equal values sharing the mean of their ranks           (1)

It is 1 where one column grows whenever the other does, however unevenly, and near 0 where neither says which way the other goes.
Source: Spearman (1904), "The proof and measurement of association between two things".
"""

import numpy as np
from scipy.stats import rankdata


def rank_correlations(x: np.ndarray) -> np.ndarray:
    """The correlations (1) of rows (n, d) as a matrix (d, d); 0 where a column never varies, except with itself.

    >>> x = np.array([[1.0, 10.0, 5.0], [2.0, 100.0, 5.0], [3.0, 10_000.0, 5.0]])
    >>> rank_correlations(x).round(6).tolist()
    [[1.0, 1.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
    """
    ranks = rankdata(x, axis=0)
    ranks -= ranks.mean(axis=0)
    lengths = np.sqrt((ranks**2).sum(axis=0))
    unit = ranks / np.where(lengths > 0, lengths, 1)
    found = unit.T @ unit
    np.fill_diagonal(found, 1.0)
    return found
