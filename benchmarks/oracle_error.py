"""How far a sampler ends from where the exact probability flow ends, with no network in the way.

    data        N(0, diag(0.25, 1.5)) in the plane, whose denoiser E[x_0 | x_t] is known (unstir.diffusion.oracles)
    process     the linear chain of T = 1000
    error       largest |x - exact x| over the coordinates of 2,000 samples, the same starting points for every sampler    (1)

All of these samplers are linear on a Gaussian, so a sampler's error is a constant times a coordinate of the point that it started
from, and the figures go with the largest coordinate drawn: another seed or number of points moves them, by tens of per cent.

Ours run on the grid of `samplers.plan`. The schedulers of diffusers get `trailing` timesteps, the spacing that runs from n = T to
the data; LMS and Heun, which work in sigma / alpha, get their own `linspace` too, as neither spacing is always the better one.
Every sampler has the same number of network evaluations; Heun, with two a step and one in the last, has one fewer where the
number is even. Settings: clip_sample=False, set_alpha_to_one=True, final_sigmas_type='zero' where there is such a setting, and
the denoiser is evaluated at exactly the noise level that the scheduler is at. diffusers is imported only if it is there:
`pip install -e '.[bench]'`.
"""

import importlib.util
from collections.abc import Callable
from functools import partial
from importlib.metadata import version

import torch
from torch import Tensor

from report import Row, Table, parser, show
from unstir.diffusion.chains import linear
from unstir.diffusion.oracles import Gaussian
from unstir.diffusion.samplers import SAMPLERS, default, plan
from unstir.diffusion.schedules import Schedule

BUDGETS = (10, 20, 50)  # network evaluations
ORACLE = Gaussian(torch.zeros(2), torch.diag(torch.tensor([0.25, 1.5])))
PROCESS = linear(T=1000)
BETAS = {"beta_start": 1e-4, "beta_end": 0.02, "beta_schedule": "linear", "num_train_timesteps": 1000}
TRAILING = BETAS | {"timestep_spacing": "trailing"}
MULTISTEP = TRAILING | {"solver_order": 2, "final_sigmas_type": "zero"}
THEIRS = {
    "DDPM": ("DDPMScheduler", TRAILING | {"clip_sample": False}),
    "DDIM": ("DDIMScheduler", TRAILING | {"clip_sample": False, "set_alpha_to_one": True}),
    "DPM++2M": ("DPMSolverMultistepScheduler", MULTISTEP),
    "DPM++2M, log-SNR": ("DPMSolverMultistepScheduler", MULTISTEP | {"use_lu_lambdas": True}),
    "UniPC2": ("UniPCMultistepScheduler", MULTISTEP),
    "DEIS2": ("DEISMultistepScheduler", TRAILING | {"solver_order": 2}),
    "LMS4": ("LMSDiscreteScheduler", TRAILING),
    "LMS4, linspace": ("LMSDiscreteScheduler", BETAS | {"timestep_spacing": "linspace"}),
    "Heun": ("HeunDiscreteScheduler", TRAILING),
    "Heun, linspace": ("HeunDiscreteScheduler", BETAS | {"timestep_spacing": "linspace"}),
}


class Counted:
    """The exact denoiser under a schedule, counting its evaluations."""

    def __init__(self, schedule: Schedule):
        self.denoise, self.calls = ORACLE.denoise(schedule), 0

    def __call__(self, x: Tensor, t: Tensor) -> Tensor:
        self.calls += 1
        return self.denoise(x, t)

    def at(self, x: Tensor, alpha: Tensor, sigma: Tensor) -> Tensor:
        self.calls += 1
        return ORACLE.posterior_mean(x, alpha, sigma)


def ours(name: str, evaluations: int, x: Tensor) -> tuple[Tensor, int]:
    """Our sampler on its own grid: samples, and the evaluations that it made."""
    denoise = Counted(PROCESS)
    for state in SAMPLERS[name].run(denoise, PROCESS, plan(name, PROCESS, evaluations), x):
        x = state
    return x, denoise.calls


def theirs(name: str, steps: int, x: Tensor) -> tuple[Tensor, int]:
    """A scheduler of diffusers, told the exact eps: samples, and the evaluations that were made."""
    denoise = Counted(PROCESS)
    return scheduled(name, steps, x, denoise.at), denoise.calls


def scheduled(name: str, steps: int, x: Tensor, at: Callable[[Tensor, Tensor, Tensor], Tensor]) -> Tensor:
    """Samples of a scheduler of diffusers that is told eps by the denoiser `at(x, alpha, sigma)`.

    LMS and Heun hold x / alpha, the others x; of DDIM and DDPM the timestep says where it is, of the others sigma / alpha.
    """
    import diffusers

    kind, settings = THEIRS[name]
    scheduler = getattr(diffusers, kind)(**settings)
    scheduler.set_timesteps(steps)
    if name.startswith(("LMS", "Heun")):
        x = x * (1 + scheduler.sigmas[0].double() ** 2).sqrt()
    step = partial(scheduler.step, order=4) if name.startswith("LMS") else scheduler.step
    for i, timestep in enumerate(scheduler.timesteps):
        alpha_bar = (
            scheduler.alphas_cumprod[timestep] if name in ("DDIM", "DDPM") else 1 / (1 + scheduler.sigmas[i].double() ** 2)
        )
        alpha, sigma = alpha_bar.double().sqrt(), (1 - alpha_bar.double()).sqrt()
        seen = scheduler.scale_model_input(x, timestep)
        x = step((seen - alpha * at(seen, alpha, sigma)) / sigma, timestep, x).prev_sample
    return x


def row(name: str, run: Callable[[int], tuple[Tensor, int]], exact: Tensor) -> Row:
    """Eq. (1) at each budget, and the evaluations made."""
    found: Row = {"sampler": name}
    for budget in BUDGETS:
        x, calls = run(budget)
        found |= {f"{budget}": (x - exact).abs().max().item(), f"{budget} made": calls}
    return found


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--points", type=int, default=2000)
    options.add_argument("--seed", type=int, default=0, help="of the starting points")
    chosen = options.parse_args()
    x = torch.randn(chosen.points, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(chosen.seed))
    exact = ORACLE.flow(x, torch.ones((), dtype=torch.float64), PROCESS)
    rows = [row("ours, default", lambda n: ours(default(n), n, x), exact)]
    for name, sampler in SAMPLERS.items():
        if sampler.order is not None:
            # two evaluations a step and one in the last: an odd number of them
            rows.append(row(f"ours, {name}", lambda n, name=name, two=sampler.evaluations == 2: ours(name, n - two, x), exact))
    notes = [f"ours, default: {', '.join(f'{default(n)} at {n}' for n in BUDGETS)}."]
    if importlib.util.find_spec("diffusers"):
        for name in list(THEIRS)[1:]:  # DDPM draws noise, and ends nowhere exact
            two = name.startswith("Heun")
            rows.append(row(f"diffusers, {name}", lambda n, name=name, two=two: theirs(name, n // 2 if two else n, x), exact))
        rows.append(row("diffusers, Heun, linspace, n steps", lambda n: theirs("Heun, linspace", n, x), exact))
        notes.append(f"diffusers {version('diffusers')}, its tables in float32.")
    else:
        notes.append(
            f"diffusers is not installed, so its rows are missing: {'; '.join(THEIRS)}. pip install -e '.[bench]' brings them."
        )
    columns = {name: "" if name == "sampler" or "made" in name else ".3g" for name in rows[0]}
    title = f"Largest error over {chosen.points:,} starting points (seed {chosen.seed}) by network evaluations, and those made"
    show([Table(title, columns, rows, notes)], "1: nothing is random but the starting points", chosen.json)


if __name__ == "__main__":
    main()
