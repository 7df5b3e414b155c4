"""How good samples are, compared with true rows. Arrays (n, d) go in, and numbers come out; nothing here knows of models.

distances.py     distances between two sets (sliced W2, energy, exact W2), and the floor: the same between true samples
moments.py       the mean and standard deviation of each column, with their standard errors
frechet.py       the Frechet distance, as in FID
kernel.py        the kernel distance, as in KID
neighbours.py    precision, recall, density and coverage; are samples copies of training rows?
permutation.py   a test: could the samples be true rows?
paired.py        is one alternative better than another, over the same seeds?
"""
