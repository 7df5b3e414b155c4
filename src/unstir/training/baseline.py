"""The best Gaussian: the Gaussian with the mean and covariance of the data. A model's held-out loss is compared with its loss, and a
model's answer is blended with its answer (`unstir.diffusion.blending`).

z = (x - shift) / scale,    mean_z = (mean_x - shift) / scale,    deviation_z = deviation_x / scale                (1)
"""

import math
from functools import reduce

import torch
from torch import Tensor

from unstir.data.statistics import Statistics, covariance
from unstir.diffusion.blending import WIDE
from unstir.diffusion.oracles import Gaussian, Independent
from unstir.encoders.rows import EncodedRows, parts

JITTER = 1e-6  # added to the variances, because an element that never varies has variance 0
MANY, PART = 2**17, 2**20  # rows used where the encoder is not linear, in parts of so many numbers
MEASURED = 4096  # rows used where encoding a row costs an evaluation of a network, or where (1) does not hold


def gaussian_of(*views: EncodedRows) -> Gaussian | Independent:
    """The Gaussian with the mean and covariance of encoded rows; rows of more than 1,024 elements have only variances, by (1).

    With several views of the rows, such as their mirror images, it is that of all of them together.
    If the encoder is a network, or if rows are wide and the encoder is not linear, only the first few thousand rows are used; of other rows
    whose encoder is not linear, the first 131,072. Training rows are in random order.
    """
    d, encoder = math.prod(views[0].shape[1:]), views[0].encoder
    if d > WIDE and encoder.linear is not None:
        found, scale = reduce(Statistics.merged, (rows.statistics for rows in views)), encoder.linear[1]
        spread = torch.where(scale == 0, 0.0, found.deviation[0] / scale)
        return Independent(encoder.encode(found.mean).flatten(), spread.flatten().square() + JITTER)
    some = torch.arange(min(len(views[0]), MEASURED))
    if d > WIDE:
        z = torch.cat([rows[some] for rows in views]).flatten(1).double()
        return Independent(z.mean(0), z.var(0, correction=0) + JITTER)
    if encoder.trained:
        mean, spread = covariance(rows[some].flatten(1) for rows in views)
    elif encoder.linear is None:  # an element of a row may become many, so parts are cut by what they become
        some = torch.arange(min(len(views[0]), MANY)).split(max(1, PART // d))
        mean, spread = covariance(rows[part].flatten(1) for rows in views for part in some)
    else:
        mean, spread = covariance(encoder.encode(part).flatten(1) for rows in views for part in parts(rows.rows))
    return Gaussian(mean, spread + JITTER * torch.eye(d, dtype=torch.float64))


def along_directions(gaussian: Gaussian | Independent) -> tuple[Independent, Tensor]:
    """A Gaussian of `gaussian_of`, without the jitter, as `blending.Blend` takes it: along its directions, and these directions."""
    if isinstance(gaussian, Independent):
        found, directions = gaussian, torch.empty(0, gaussian.dimension)
    else:
        found, directions = gaussian.independent()
    return Independent(found.means, (found.variances - JITTER).clamp(min=0)), directions
