"""What rows cost, against distributions whose density is known: always -log p of the same points."""

import math
from itertools import pairwise

import pytest
import torch

import unstir
from unstir.diffusion.continuous import Flow
from unstir.diffusion.denoiser import Posterior
from unstir.diffusion.oracles import Mixture, Points
from unstir.information import cost, gaussian, steps
from unstir.information.levels import Lattice
from unstir.information.likelihood import ode_log_prob

FLOW = Flow()


def f64(x):
    return torch.tensor(x, dtype=torch.float64)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


LINE = Mixture(f64([0.3, 0.7]), f64([[-1.5], [1.0]]), f64([[[0.2]], [[0.05]]]))
PLANE = Mixture(f64([0.25] * 4), f64([[-1.0, 0], [1, 0], [0, 1], [0, -1]]), 0.02 * torch.eye(2).expand(4, 2, 2))


def beside(oracle):
    """A Gaussian with the right mean and the wrong correlations: any Gaussian will do."""
    return gaussian.independent(oracle.weights @ oracle.means, oracle.covariance().diagonal())


def edges(low, high, n):
    return torch.linspace(low, high, n + 1, dtype=torch.float64)


@pytest.mark.parametrize(("steps_", "bar"), [(50, 1e-3), (200, 1e-4)])
@pytest.mark.parametrize("oracle", [LINE, PLANE], ids=["line", "plane"])
def test_the_flow_is_right_at_every_point(oracle, steps_, bar):
    # Catches equal steps of log-SNR, which are off by 0.04 nats at 50 steps, and a noisy end at which the mean still counts.
    x = oracle.sample(24, generator())
    ours = ode_log_prob(oracle.denoise(FLOW), FLOW, x, steps=steps_, clean_log_snr=16.0)
    assert (ours - oracle.log_prob(x)).abs().max() < bar


def test_the_integral_is_the_density_at_every_point():
    # Within 1e-4 nats by quadrature. Catches a lost 1/2, bits, and a clean end whose rest is forgotten.
    x, blend = LINE.sample(8, generator()), beside(LINE)
    found = cost.costs(LINE.denoise(FLOW), FLOW, blend, x, edges(-11, 12, 90), cost.nodes(1), None)
    assert (gaussian.density(blend, x) - found.saved + LINE.log_prob(x)).abs().max() < 1e-4


def test_the_integral_is_the_density_of_many_points_on_average():
    # Within 0.004 nats with 20,000 points. Catches noise without its opposite, whose error is three times as large.
    x, blend, g = PLANE.sample(20_000, generator()), beside(PLANE), generator(1)
    found = cost.costs(PLANE.denoise(FLOW), FLOW, blend, x, edges(-8, 10, 48), cost.antithetic(g), g)
    off = gaussian.density(blend, x) - found.saved + PLANE.log_prob(x)
    assert off.std() / len(x) ** 0.5 < 0.004
    assert off.mean().abs() < 0.004


def test_what_a_wrong_denoiser_spends_more_is_the_divergence_of_the_paths():
    # Excess = 1/2 integral of gamma E |D* - D|^2 d log-SNR, within two standard errors of the paired difference.
    x, blend = PLANE.sample(3000, generator()), beside(PLANE)
    right = PLANE.denoise(FLOW)

    def wrong(y, t):
        return 0.93 * right(y, t) + 0.05

    one, other = (
        cost.costs(d, FLOW, blend, x, edges(-8, 6, 40), cost.antithetic(generator(2)), generator(3)) for d in (right, wrong)
    )
    excess = (other.nats - one.nats).sum(1)
    path, fine = torch.zeros(3000, dtype=torch.float64), edges(-8, 6, 40)
    for low, high in pairwise(fine):
        level = low + (high - low) * torch.rand(len(x), dtype=torch.float64, generator=generator(int(100 + 3 * low)))
        t = FLOW.inverse(level)
        y = FLOW.diffuse(x, t, torch.randn(x.shape, dtype=torch.float64, generator=generator(int(200 + 3 * low))))
        path += 0.5 * (high - low) * level.exp() * (right(y, t) - wrong(y, t)).square().sum(1)
    error = math.hypot(excess.std() / len(x) ** 0.5, path.std() / len(x) ** 0.5)
    assert abs(excess.mean() - path.mean()) < 2 * error
    assert path.mean() > 20 * error


def test_what_a_learned_denoiser_spends_more_is_the_divergence_too():
    # Trained for a second, it is far from the best: its excess over the true density is the path term, within two standard errors.
    # Catches an excess that is measured beside another truth, such as the density in the data's units beside that of the model's space.
    model = unstir.fit(PLANE.sample(600, generator(5)).numpy() * 3, steps=120, width=32, depth=1, seed=0, progress=False)
    shift, scale = (part.double() for part in model.encoder.linear)
    known = Mixture(PLANE.weights, (3 * PLANE.means - shift) / scale, 9 * PLANE.covariances / (scale[:, None] * scale))
    x, blend, fine = known.sample(3000, generator(6)).float(), beside(known), edges(-9, 9, 45)
    learned, best, g = model.denoise(), known.denoise(model.schedule), generator(7)
    found = cost.costs(learned, model.schedule, blend, x, fine, cost.antithetic(g), g)
    excess = gaussian.density(blend, x) - found.saved + known.log_prob(x.double())
    path = torch.zeros(len(x), dtype=torch.float64)
    with torch.no_grad():
        for low, high in pairwise(fine):
            level = low + (high - low) * torch.rand(len(x), dtype=torch.float64, generator=g)
            t = model.schedule.inverse(level)
            y = model.schedule.diffuse(x, t, torch.randn(x.shape, generator=g))
            path += 0.5 * (high - low) * level.exp() * (best(y, t) - learned(y, t)).double().square().sum(1)
    off = excess - path
    assert abs(off.mean()) < 2 * off.std() / len(x) ** 0.5
    assert path.mean() > 8 * off.std() / len(x) ** 0.5


def test_the_gaussians_cost_does_not_depend_on_where_the_integral_starts():
    # (3) of gaussian.py: prior + cost is one number. Catches a prior of N(0, 1) for a Gaussian with another mean.
    blend, x = gaussian.independent(f64([0.5, -1.0]), f64([0.3, 2.0])), PLANE.sample(5, generator())
    whole = [gaussian.prior(blend, x, low) + gaussian.cost(blend, x, low, 3.0) for low in (-30.0, -6.0, 1.0)]
    torch.testing.assert_close(whole[0], whole[1])
    torch.testing.assert_close(whole[0], whole[2])
    clean = 25.0  # the reconstruction of the best Gaussian guess: its entropy
    rest = 0.5 * (math.log(2 * math.pi * math.e) - clean) * 2
    near = gaussian.prior(blend, x, -6.0) + gaussian.cost(blend, x, -6.0, clean) + rest
    torch.testing.assert_close(near, gaussian.density(blend, x), atol=1e-6, rtol=0)


# ---- levels

ROWS = torch.cartesian_prod(torch.arange(4.0), torch.arange(4.0)).double() / 1.5 - 1
HELD = ROWS[torch.tensor([0, 0, 0, 5, 5, 6, 9, 10, 10, 10, 10, 15, 15, 2, 3, 12])]  # 10 different rows of 16, with repetitions
LATTICE = Lattice(torch.arange(4.0).double()[:, None].expand(4, 2) / 1.5 - 1)


def exact(x_t, t):
    """Mean and variance of each element given x_t, of rows of `HELD` that are equally likely."""
    alpha, sigma = FLOW(t)
    p = (-(x_t[:, None] - alpha * HELD).square().sum(2) / (2 * sigma**2)).softmax(1)
    mean = p @ HELD
    return Posterior(mean, p @ HELD.square() - mean.square())


def truth(x):
    return -torch.stack([(row == HELD).all(1).double().mean().log() for row in x])


@pytest.mark.parametrize(("low", "high"), [(-7.0, 3.5), (-9.0, 4.5), (-7.0, 5.5)])
def test_bits_of_levels_do_not_depend_on_the_ends(low, high):
    # Truth -log P(x) for each row, within 0.005 bits a dimension. Catches a clean end without its reconstruction.
    x, blend = HELD.repeat(300, 1), gaussian.independent(HELD.mean(0), HELD.var(0, correction=0))
    g = generator(1)
    found = cost.costs(Points(HELD).denoise(FLOW), FLOW, blend, x, edges(low, high, 32), cost.antithetic(g), g)

    def last(x_t, t, x):
        alpha, sigma = FLOW(t)
        p = (-(x_t[:, None] - alpha * HELD).square().sum(2) / (2 * sigma**2)).softmax(1)
        same = x[:, None] == HELD
        return -torch.einsum("bn,bnd->bd", p, same.double()).log()

    read = last(*steps.noised(FLOW, x, f64(high), generator(2)), x).sum(1)
    off = gaussian.prior(blend, x, low) + found.nats.sum(1) + read - truth(x)
    assert abs(off.mean()) / (2 * math.log(2)) < 0.005 + 2 * off.std() / len(x) ** 0.5 / (2 * math.log(2))


@pytest.mark.parametrize("variance", [1e-9, 0.01, 0.4, 50.0])
def test_probabilities_of_levels_sum_to_one(variance):
    # Edges included. Catches mass lost beyond the first and the last level, and a far guess whose tails cancel.
    for guess in (-40.0, -1.0, 0.1, 0.9, 40.0):
        mean = torch.full((1, 2), guess)
        each = torch.cat([LATTICE.log_probability(mean, torch.full((1, 2), variance), x[None]) for x in LATTICE.values])
        assert each.exp().sum(0).tolist() == pytest.approx([1, 1], abs=1e-9)
        assert each.isfinite().all()


def test_matched_variances_need_half_of_the_steps_even_between_few_rows():
    # Of data with levels and the exact denoiser. Catches a variance that is left out, and one that is added twice.
    x, blend = HELD.repeat(100, 1), gaussian.independent(HELD.mean(0), HELD.var(0, correction=0))
    last = steps.levels_of(exact, LATTICE)
    above = {}
    for T in (8, 16, 32):
        levels = torch.linspace(-6, 4, T, dtype=torch.float64)
        kernels = steps.chain_bound(exact, FLOW, blend, x, levels, last, generator(T))
        above[T] = [(bound.total - truth(x)).mean().item() for bound in kernels]
    assert above[8][1] < above[16][0]
    assert above[16][1] < above[32][0]
    assert above[32][1] > 0


def test_one_step_of_the_matched_kernel_is_the_divergence_of_two_gaussians():
    # KL(N(m, a) || N(n, b)) = 1/2 [log b/a + a/b - 1 + (m - n)^2 / b], typed out. Catches a variance without its (1 - r)^2.
    x, v, guess = f64([[0.4]]), 0.3, 0.1
    low, high = 0.5, 2.0
    known = lambda y, t: Posterior(torch.full_like(y, guess), torch.full_like(y, v))  # noqa: E731, ARG005
    blend = gaussian.independent(f64([0.0]), f64([1.0]))
    found = steps.chain_bound(known, FLOW, blend, x, f64([low, high]), lambda y, t, x: 0 * x, generator())  # noqa: ARG005
    s2, r = math.exp(-high), math.exp(low - high)
    a, b, apart = s2 * (1 - r), s2 * (1 - r) + (1 - r) ** 2 * v, (1 - r) * (0.4 - guess)
    assert found.matched.diffusion.item() == pytest.approx(0.5 * (math.log(b / a) + a / b - 1 + apart**2 / b))
    assert found.fixed.diffusion.item() == pytest.approx(0.5 * apart**2 / a)
