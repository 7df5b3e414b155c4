"""The exact truths, measured on this machine for every schedule, target and sampler: `for row in selfcheck(): print(row)`.

Nothing is trained. The data is a Gaussian N(mu, S), for which everything is known at every noise level:

    x_t ~ N(alpha mu, alpha^2 S + sigma^2 I),   its denoiser, its flow to the data, its density and its bound

A check yields (subject, measured, low, high). Its row is good if low <= measured <= high, which NaN never satisfies.

    >>> row = next(selfcheck())
    >>> row.truth, row.subject, row.bar, row.ok
    ('1 forward moments', 'linear', '<= 1e-12', True)
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from unstir.selfcheck import denoisers, forward, information, sampling, training
from unstir.selfcheck.known import Case
from unstir.steady import steady


@dataclass(frozen=True)
class Row:
    """One truth for one subject: what was measured, the interval in which it has to be, and whether it is."""

    truth: str
    subject: str
    measured: float
    bar: str
    ok: bool


@steady
def selfcheck() -> Iterator[Row]:
    """Run every check and yield its rows one at a time: about ten seconds on one core."""
    for number, check in CHECKS.items():
        for subject, measured, low, high in check():
            bar = f"<= {high:g}" if low == 0 else f"{low:.4g} .. {high:.4g}"
            name = f"{number} {check.__name__.replace('_', ' ')}"
            yield Row(name, subject, float(measured), bar, bool(low <= measured <= high))


CHECKS: dict[int, Callable[[], Iterator[Case]]] = {
    1: forward.forward_moments,
    2: forward.composition,
    3: forward.posterior,
    4: denoisers.targets_there_and_back,
    5: denoisers.one_gradient,
    6: denoisers.Gaussian_posterior_mean,
    7: denoisers.mixture_score,
    8: sampling.finite_data_set,
    9: sampling.exact_flow,
    10: sampling.order,
    11: sampling.eta_1_is_ancestral,
    12: sampling.optimal_variance,
    13: information.variational_bound_above,
    14: information.continuous_time,
    16: information.mmse_and_information,
    17: information.likelihood_of_the_flow,
    20: denoisers.guidance,
    21: sampling.finite_values,
    22: sampling.rows_are_independent,
    23: training.average_of_weights,
}
"""The checks by their number in the project's list of truths. Those that are missing here are checked by the tests alone."""
