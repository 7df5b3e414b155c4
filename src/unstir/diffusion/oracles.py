"""Oracles: distributions whose denoiser, score, log-density, entropy and mmse are known, without training.

    x_t | x_0 ~ N(alpha x_0, sigma^2 I)  and  x_0 ~ N(mu, S)  give  x_t ~ N(alpha mu, C), C = alpha^2 S + sigma^2 I   (1)
    E[x_0 | x_t] = mu + alpha S C^-1 (x_t - alpha mu)                                                (2)
    score(x_t) = grad log p_t(x_t) = -(x_t - alpha E[x_0 | x_t]) / sigma^2        (Tweedie)          (3)
    mmse(snr) = E |x_0 - E[x_0 | x_t]|^2 = tr S (I + snr S)^-1                                       (4)
    probability flow of (1):  x_0 = mu + sqrt(S) C^-1/2 (x_t - alpha mu)                             (5)

Tests compare every formula with them, figures show them as reference curves, and a sampler can be tried on them without a network.

    >>> oracle = Gaussian(torch.zeros(2), torch.diag(torch.tensor([0.25, 1.5])))
    >>> print(f"{oracle.entropy():.4f} nats")
    2.3475 nats
"""

import math
from abc import ABC, abstractmethod
from functools import cached_property

import torch
from torch import Tensor

from unstir.devices import onto
from unstir.diffusion.denoiser import Denoise
from unstir.diffusion.schedules import Schedule, along
from unstir.errors import UsageError
from unstir.steady import steady

LOG_2PI = math.log(2 * math.pi)


class Oracle(ABC):
    """A distribution of x_0 in R^d whose mean given x_t is known."""

    dimension: int

    @abstractmethod
    def posterior_mean(self, x: Tensor, alpha: Tensor, sigma: Tensor) -> Tensor:
        """E[x_0 | x_t = x]: x (B, d), alpha and sigma () or (B,) -> (B, d)."""

    @abstractmethod
    def sample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        """(n, d) independent draws, float64."""

    def denoise(self, schedule: Schedule) -> Denoise:
        """The exact denoiser under a schedule, for any sampler or bound."""
        return lambda x, t: self.posterior_mean(x, *schedule(t)).to(x.dtype)

    def score(self, x: Tensor, t: Tensor, schedule: Schedule) -> Tensor:
        """grad log p_t(x) by eq. (3): (B, d). Needs sigma > 0."""
        alpha, sigma = (along(c, x) for c in schedule(t))
        return (alpha * self.denoise(schedule)(x, t) - x) / sigma**2


class Mixture(Oracle):
    """A mixture of K Gaussians: weights (K,), means (K, d), covariances (K, d, d). Float64 inside.

    Raises UsageError for a covariance that is not positive definite or weights that do not sum to one.
    """

    def __init__(self, weights: Tensor, means: Tensor, covariances: Tensor):
        self.weights, self.means, self.covariances = weights.double(), means.double(), covariances.double()
        self.dimension = means.shape[1]
        if (self.weights <= 0).any() or not math.isclose(self.weights.sum().item(), 1, rel_tol=1e-6):
            raise UsageError(f"the weights of a mixture are positive and sum to 1, got {self.weights.tolist()}.")
        if not torch.allclose(self.covariances, self.covariances.mT) or (torch.linalg.eigvalsh(self.covariances) <= 0).any():
            raise UsageError("each covariance of a mixture has to be symmetric and positive definite.")

    @cached_property
    @steady
    def _eigen(self) -> tuple[Tensor, Tensor]:
        return torch.linalg.eigh(self.covariances)  # S = Q diag(values) Q^T for each component

    def _components(self, x: Tensor, alpha: Tensor, sigma: Tensor) -> tuple[Tensor, Tensor]:
        """Of each component: log(weight N(x; alpha mu, C)) (B, K), and E[x_0 | x, k] (B, K, d)."""
        x = x.double()
        alpha, sigma = (c.double().reshape(-1, 1, 1) for c in (alpha, sigma))
        values, Q = self._eigen  # (K, d), (K, d, d)
        offset = torch.einsum("kde,bkd->bke", Q, x[:, None] - alpha * self.means)  # in each component's own axes
        C = alpha**2 * values + sigma**2  # (B or 1, K, d)
        log_p = -0.5 * (offset**2 / C + C.log() + LOG_2PI).sum(-1) + self.weights.log()
        mean = self.means + torch.einsum("kde,bke->bkd", Q, alpha * values / C * offset)
        return log_p, mean

    def posterior_mean(self, x: Tensor, alpha: Tensor, sigma: Tensor) -> Tensor:
        """Eq. (2) of each component, weighted by its responsibility, computed in log space: (B, d)."""
        log_p, mean = self._components(x, alpha, sigma)
        return torch.einsum("bk,bkd->bd", log_p.softmax(1), mean).to(x.dtype)

    def log_prob(self, x: Tensor, t: Tensor | None = None, schedule: Schedule | None = None) -> Tensor:
        """log p(x) in nats (B,); with a time and a schedule, log p_t(x) of the noisy distribution."""
        one = torch.ones((), dtype=torch.float64)
        alpha, sigma = (one, 0 * one) if schedule is None or t is None else schedule(t)
        return self._components(x, alpha, sigma)[0].logsumexp(1)

    def sample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        """(n, d) independent draws, float64."""
        k = torch.multinomial(self.weights, n, replacement=True, generator=generator)
        noise = torch.randn(n, self.dimension, dtype=torch.float64, generator=generator)
        values, Q = self._eigen
        return self.means[k] + torch.einsum("bde,be->bd", Q[k], values[k].sqrt() * noise)

    def covariance(self) -> Tensor:
        """Covariance of the whole mixture: (d, d)."""
        centre = self.weights @ self.means
        spread = self.means - centre
        return torch.einsum("k,kde->de", self.weights, self.covariances) + torch.einsum(
            "k,kd,ke->de", self.weights, spread, spread
        )

    def mmse(self, log_snr: Tensor, n: int = 20_000, seed: int = 0) -> tuple[Tensor, Tensor]:
        """E |x_0 - E[x_0 | x_t]|^2 at each log_snr, summed over dimensions, and its standard error: Monte Carlo, n draws."""
        generator = torch.Generator().manual_seed(seed)
        x0 = self.sample(n, generator)
        eps = torch.randn(x0.shape, dtype=torch.float64, generator=generator)
        errors = []
        for level in log_snr.double():
            alpha, sigma = level.sigmoid().sqrt(), (-level).sigmoid().sqrt()
            errors.append((x0 - self.posterior_mean(alpha * x0 + sigma * eps, alpha, sigma)).square().sum(1))
        squared = torch.stack(errors)
        return squared.mean(1), squared.std(1) / n**0.5


class Gaussian(Mixture):
    """N(mean (d,), covariance (d, d)), with everything in closed form: eq. (1) to (5)."""

    def __init__(self, mean: Tensor, covariance: Tensor):
        super().__init__(torch.ones(1), mean[None], covariance[None])

    def independent(self) -> tuple["Independent", Tensor]:
        """The same Gaussian in the coordinates x Q, where its elements are independent, and Q (d, d): its columns are the directions of S."""
        values, Q = self._eigen[0][0], self._eigen[1][0]
        return Independent(self.means[0] @ Q, values), Q

    def entropy(self) -> float:
        """Differential entropy in nats: log det(2 pi e S) / 2."""
        return 0.5 * (self._eigen[0].log() + LOG_2PI + 1).sum().item()

    def gaussian_mmse(self, log_snr: Tensor) -> Tensor:
        """Eq. (4), the shape of log_snr. It is also an upper bound for every distribution with this covariance."""
        values = self._eigen[0][0]
        return (values / (1 + log_snr.double().exp()[..., None] * values)).sum(-1)

    def flow(self, x: Tensor, t: Tensor, schedule: Schedule, s: Tensor | None = None) -> Tensor:
        """Where the probability-flow ODE takes x from time t to time s, or to the data (eq. 5) if s is not given: (B, d)."""
        values, Q = self._eigen[0][0], self._eigen[1][0]
        alpha, sigma = schedule(t)
        one = torch.ones((), dtype=torch.float64)
        alpha_s, sigma_s = (one, 0 * one) if s is None else schedule(s)
        stretch = ((alpha_s**2 * values + sigma_s**2) / (alpha**2 * values + sigma**2)).sqrt()
        offset = (x.double() - alpha * self.means) @ Q
        return alpha_s * self.means + (stretch * offset) @ Q.mT


class Independent(Oracle):
    """Gaussian data with independent elements, means (d,) and variances (d,): eq. (2) for each element, for wide rows.

    >>> oracle = Independent(torch.zeros(3), torch.tensor([1.0, 4.0, 0.0]))
    >>> oracle.posterior_mean(torch.ones(1, 3), torch.tensor(1.0), torch.tensor(1.0)).tolist()
    [[0.5, 0.8, 0.0]]
    """

    def __init__(self, means: Tensor, variances: Tensor):
        self.means, self.variances, self.dimension = means.double(), variances.double(), len(means)

    def posterior_mean(self, x: Tensor, alpha: Tensor, sigma: Tensor) -> Tensor:
        """Eq. (2) with a diagonal S: (B, d)."""
        alpha, sigma = (c.double().cpu().reshape(-1, 1) for c in (alpha, sigma))
        gain = torch.where(self.variances > 0, alpha * self.variances / (alpha**2 * self.variances + sigma**2), 0.0)
        offset = self.means - gain * alpha * self.means
        offset, gain = (onto(x.device, part.to(x.dtype)) for part in (offset, gain))  # the device of x may have no float64
        return offset + gain * x

    def sample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        """(n, d) independent draws, float64."""
        noise = torch.randn(n, self.dimension, dtype=torch.float64, generator=generator)
        return self.means + self.variances.sqrt() * noise


class Points(Oracle):
    """A finite data set (n, d), each row equally likely. Its denoiser is that of a model which has memorised its training data.

    E[x_0 | x_t] = sum_i w_i x_i, w = softmax_i(-|x_t - alpha x_i|^2 / 2 sigma^2). Sampling with this denoiser gives rows of the set.
    """

    def __init__(self, rows: Tensor):
        self.rows = rows.double()
        self.dimension = rows.shape[1]

    def posterior_mean(self, x: Tensor, alpha: Tensor, sigma: Tensor) -> Tensor:
        """The weighted mean of the rows; at sigma = 0 the nearest row. (B, d)."""
        alpha, sigma = (c.double().reshape(-1, 1) for c in (alpha, sigma))
        rows = self.rows
        # |x - alpha x_i|^2 up to a term that is the same for every i
        distance = (alpha * rows.square().sum(1) - 2 * x.double() @ rows.mT) * alpha
        closeness = distance.min(1, keepdim=True).values - distance
        return ((closeness / (2 * sigma**2).clamp(min=1e-300)).softmax(1) @ rows).to(x.dtype)

    def sample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        """(n, d) rows drawn with replacement, float64."""
        return self.rows[torch.randint(len(self.rows), (n,), generator=generator)]
