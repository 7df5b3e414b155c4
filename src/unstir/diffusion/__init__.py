"""Diffusion itself: how noise is added to data, what a network learns from that, and how it makes new data out of noise.

    x_t = alpha_t x_0 + sigma_t eps        t from 0 (data) to 1 (noise), eps standard normal noise

Training, from rows x_0 to the loss:

    times.py         a distribution of times draws one time t for each row
    schedules.py     `Schedule`, the base class, gives alpha and sigma at t, and its `diffuse` makes x_t
    chains.py        discrete schedules, where beta becomes alpha-bar: linear, cosine, sigmoid, ...
    continuous.py    continuous schedules: VP, VE and Flow
    denoiser.py      a target defines what the network predicts: x_0, eps, v, velocity, edm, or probabilities of levels
    readings.py      how x0_hat is made from the network's answer; categorical.py does it for data with few levels,
                     groups.py for tables of mixed columns
    loss.py          `examples` builds the network's inputs and targets; `errors` is the loss of each row

Sampling, from noise to rows:

    times.py         a grid of times falls from 1 to 0
    denoiser.py      `Denoiser` turns the network's answer into an estimate of x_0
    blending.py      averages that estimate and the best Gaussian's, each where it errs less
    guidance.py      steers that estimate towards a condition, clips it to bounds, or fixes known elements
    beliefs.py       a law of x_0 around that estimate, normal or (cells.py) of a table's cells; with it particles.py draws rows of which
                     a part is known
    samplers.py      goes along the grid, and takes a step with each estimate; `plan` gives the best grid for a number of evaluations

Also in this package:

    oracles.py       distributions whose exact denoiser is known: they stand in for a trained network
    registry.py      the names of schedules, targets, weights and distributions of times, without torch
    inputs.py        checks times and steps that the caller passes
    settings.py      allowed ranges of the settings of schedules
"""

from unstir.registry import lazily

_NAMES = {
    "Schedule": "schedules",  # alpha and sigma at each time; subclass it for one of your own
    "schedule": "schedules",  # a schedule by name
    "Chain": "chains",  # the discrete chain with betas of your own
    "linear": "chains",  # betas on a straight line, as Ho et al. 2020
    "cosine": "chains",  # alpha-bar on a squared cosine
    "sigmoid": "chains",  # betas on a logistic curve
    "sigmoid_bare": "chains",  # the same curve, not scaled, as lectures print it
    "sigmoid_alpha_bar": "chains",  # alpha-bar on a logistic curve
    "scaled_linear": "chains",  # square roots of beta on a line, as latent diffusion has them
    "VP": "continuous",  # variance preserving in continuous time
    "VE": "continuous",  # variance exploding
    "Flow": "continuous",  # the straight line of flow matching
    "Target": "denoiser",  # what a network predicts; make one of your own
    "target": "denoiser",  # a target by name
    "Coefficients": "readings",  # the three numbers that make a target
    "Reading": "readings",  # how the clean data is estimated from what the network answers
    "Categorical": "categorical",  # by probabilities of a few levels
    "States": "groups",  # which elements of a row are one of several categories
    "Posterior": "denoiser",  # mean and variance of the clean data
    "Denoiser": "denoiser",  # network, schedule and target as an estimate of the clean data
    "under": "denoiser",  # the same denoiser under another schedule
    "Weight": "loss",  # how the loss weighs each noise level
    "weight": "loss",  # a weight by name
    "examples": "loss",  # what a network sees and should answer
    "errors": "loss",  # the loss of each row
    "Distribution": "times",  # which noise levels are trained on
    "distribution": "times",  # a distribution of times by name
    "grid": "times",  # a grid of times to sample on, by name
    "Sampler": "samplers",  # a sampler with its order and its best grid
    "sampler": "samplers",  # a sampler by name
    "plan": "samplers",  # the best grid for a number of evaluations
    "ddpm": "samplers",  # ancestral sampling, the paper's algorithm 2
    "ddim": "samplers",  # DDIM, with eta
    "euler": "samplers",  # Euler's method on the flow
    "heun": "samplers",  # Heun's method, in the angle
    "dpm_solver": "samplers",  # DPM-Solver++(2M) and its SDE
    "adams_bashforth": "samplers",  # exponential Adams-Bashforth of order 1 to 4
    "Blend": "blending",  # the best Gaussian, and a network's share beside it
    "blended": "blending",  # the average of both denoisers
    "guided": "guidance",  # classifier-free guidance
    "clipped": "guidance",  # an estimate kept within bounds
    "inpainted": "guidance",  # an estimate that knows some elements of a row
    "Gaussian": "oracles",  # exact answers for a Gaussian
    "Mixture": "oracles",  # for a mixture of Gaussians
    "Independent": "oracles",  # for a Gaussian of independent elements
    "Points": "oracles",  # for a finite set of points
    "SCHEDULES": "registry",  # the schedules by name
    "TARGETS": "registry",  # the targets by name
    "WEIGHTS": "registry",  # the weights of the loss by name
    "DISTRIBUTIONS": "registry",  # the distributions of training times by name
    "SAMPLERS": "samplers",  # the samplers by name
    "PAPER": "registry",  # the recipe of Ho et al. 2020, as settings of a run
}
__all__ = [*_NAMES]
__getattr__, __dir__ = lazily(__name__, _NAMES)
