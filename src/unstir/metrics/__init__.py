"""How good samples are, compared with true rows. Arrays (n, d) go in, and numbers come out; nothing here knows of models.

distances.py     distances between two sets (sliced W2, energy, exact W2), and the floor: the same between true samples
shares.py        is each column right? shares of rows: quantiles, outside the range, exact values, whole numbers
dependence.py    rank correlations
mixed.py         tables of numbers and categories with missing cells: shapes of columns, trends of pairs, gaps
moments.py       the mean and standard deviation of each column, with their standard errors
frechet.py       the Frechet distance, as in FID
kernel.py        the kernel distance, as in KID
neighbours.py    precision, recall, density and coverage; are samples copies of training rows?
permutation.py   a test: could the samples be true rows?
paired.py        is one alternative better than another, over the same seeds?
"""

from unstir.registry import lazily

_NAMES = {
    "sliced_wasserstein": "distances",  # sliced W2 between two sets
    "energy_distance": "distances",  # energy distance between two sets
    "precision_recall": "neighbours",  # precision, recall, density and coverage
    "kernel_distance": "kernel",  # the kernel distance of features
    "compare_shares": "shares",  # is each column right?
    "compare_correlations": "dependence",  # do columns belong together as in the data?
    "shapes": "mixed",  # is each column of a mixed table right?
    "trends": "mixed",  # do each two columns of a mixed table go together as in the data?
    "energy_test": "permutation",  # could these samples be true rows?
    "compare_pairs": "paired",  # which alternatives can be told apart, over the same seeds
}
__all__ = [*_NAMES]
__getattr__, __dir__ = lazily(__name__, _NAMES)
