"""Is the spread of ancestral samples right? Output variance over true variance, with a perfect network.

    data        N(0, diag(0.25, 1.5)) in the plane, whose denoiser and error are known (unstir.diffusion.oracles)
    process     the linear chain of T = 1000, its own times
    ratio       sample variance of a coordinate / true variance,   standard error = ratio sqrt(2 / (n - 1))        (1)

1 is right. The chain offers beta_tilde, exact for data at one point, and beta, exact for standard normal data (Ho et al. 2020,
section 3.2); `optimal` adds to beta_tilde what is not known about x_0, and is right for any Gaussian in any number of steps. The
standard error in (1) is that of n independent Gaussian samples, which these are.

diffusers calls the first two `fixed_small` and `fixed_large`. It adds the noise of the second in the last jump to the data too,
where ours adds none; that is why few steps are too narrow with one and too wide with the other. It is imported only if it is
there: `pip install -e '.[bench]'`.
"""

import importlib.util
from collections.abc import Callable
from functools import partial
from importlib.metadata import version

import torch
from torch import Tensor

from report import Row, Table, note, parser, show
from unstir.diffusion.chains import linear
from unstir.diffusion.oracles import Gaussian
from unstir.diffusion.samplers import ddpm
from unstir.diffusion.times import grid

STEPS = (5, 20, 100, 1000)
TRUE = torch.tensor([0.25, 1.5], dtype=torch.float64)
ORACLE = Gaussian(torch.zeros(2), torch.diag(TRUE))
PROCESS = linear(T=1000)
THEIRS = {"beta_tilde": "fixed_small", "beta": "fixed_large"}


def error(t: Tensor) -> Tensor:
    """The exact mean squared error of the denoiser in each coordinate: v / (1 + SNR v)."""
    return TRUE / (1 + PROCESS.log_snr(t).exp() * TRUE)


def ours(variance: str, steps: int, x: Tensor, generator: torch.Generator) -> Tensor:
    """Samples of our ancestral sampler with that variance."""

    def noise(x: Tensor) -> Tensor:
        return torch.randn(x.shape, dtype=x.dtype, generator=generator)

    known = {"error": error} if variance == "optimal" else {}
    for state in ddpm(ORACLE.denoise(PROCESS), PROCESS, grid("chain")(PROCESS, steps), x, noise, variance=variance, **known):
        x = state
    return x


def theirs(variance: str, steps: int, x: Tensor, generator: torch.Generator) -> Tensor:
    """Samples of diffusers' DDPMScheduler with that variance, told the exact eps."""
    from diffusers import DDPMScheduler

    scheduler = DDPMScheduler(
        beta_schedule="linear",
        beta_start=1e-4,
        beta_end=0.02,
        clip_sample=False,
        timestep_spacing="trailing",
        variance_type=THEIRS[variance],
    )
    scheduler.set_timesteps(steps)
    for timestep in scheduler.timesteps:
        alpha_bar = scheduler.alphas_cumprod[timestep].double()
        alpha, sigma = alpha_bar.sqrt(), (1 - alpha_bar).sqrt()
        eps = (x - alpha * ORACLE.posterior_mean(x, alpha, sigma)) / sigma
        x = scheduler.step(eps, timestep, x, generator=generator).prev_sample
    return x


def rows(name: str, draw: Callable[[int, Tensor, torch.Generator], Tensor], n: int, seed: int) -> list[Row]:
    """Eq. (1) at each number of steps, one row a coordinate."""
    found: list[Row] = [{"variance": name, "true": true} for true in TRUE.tolist()]
    for steps in STEPS:
        generator = torch.Generator().manual_seed(seed)
        x = torch.randn(n, 2, dtype=torch.float64, generator=generator)
        for row, ratio in zip(found, (draw(steps, x, generator).var(0) / TRUE).tolist(), strict=True):
            row |= {f"{steps}": ratio, f"{steps} ±": ratio * (2 / (n - 1)) ** 0.5}
    note(name)
    return found


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--points", type=int, default=20_000, help="samples")
    options.add_argument("--seed", type=int, default=0)
    chosen = options.parse_args()
    found, notes = [], []
    for variance in ("beta", "beta_tilde", "optimal"):
        found += rows(f"ours, {variance}", partial(ours, variance), chosen.points, chosen.seed)
    if importlib.util.find_spec("diffusers"):
        for variance, name in THEIRS.items():
            found += rows(f"diffusers, {name}", partial(theirs, variance), chosen.points, chosen.seed)
        notes.append(f"diffusers {version('diffusers')}: it has no counterpart of optimal.")
    else:
        notes.append(
            f"diffusers is not installed, so {' and '.join(THEIRS.values())} are missing. pip install -e '.[bench]' brings them."
        )
    columns = {"variance": "", "true": ""} | {name: ".3f" for name in found[0] if name not in ("variance", "true")}
    title = f"Output variance / true variance by number of steps, and its standard error; {chosen.points:,} samples"
    show(
        [Table(title, columns, found, notes)], f"1 run of {chosen.points:,} independent samples, seed {chosen.seed}", chosen.json
    )


if __name__ == "__main__":
    main()
