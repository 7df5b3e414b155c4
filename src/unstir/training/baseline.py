"""The best Gaussian: the Gaussian with the mean and covariance of the data. A model's held-out loss is compared with its loss.

z = (x - shift) / scale,    mean_z = (mean_x - shift) / scale,    deviation_z = deviation_x / scale                (1)
"""

import math

import torch

from unstir.data.statistics import covariance
from unstir.diffusion.oracles import Gaussian, Independent, Oracle
from unstir.encoders.rows import EncodedRows, parts

WIDE = 1024  # for rows of more elements, only variances are used, because a covariance costs d^3
JITTER = 1e-6  # added to the variances, because an element that never varies has variance 0
MEASURED = 4096  # rows used where encoding a row costs an evaluation of a network, or where (1) does not hold


def gaussian_of(rows: EncodedRows) -> Oracle:
    """The Gaussian with the mean and covariance of encoded rows; rows of more than 1,024 elements have only variances, by (1).

    If the encoder is a network, or if rows are wide and the encoder is not linear, only the first few thousand rows are used.
    """
    d, encoder = math.prod(rows.shape[1:]), rows.encoder
    if d > WIDE and encoder.linear is not None:
        found, scale = rows.statistics, encoder.linear[1]
        spread = torch.where(scale == 0, 0.0, found.deviation[0] / scale)
        return Independent(encoder.encode(found.mean).flatten(), spread.flatten().square() + JITTER)
    if d > WIDE:
        z = rows[torch.arange(min(len(rows), MEASURED))].flatten(1).double()
        return Independent(z.mean(0), z.var(0, correction=0) + JITTER)
    if encoder.trained:
        mean, spread = covariance([rows[torch.arange(min(len(rows), MEASURED))].flatten(1)])
    else:
        mean, spread = covariance(encoder.encode(part).flatten(1) for part in parts(rows.rows))
    return Gaussian(mean, spread + JITTER * torch.eye(d, dtype=torch.float64))
