"""Diffusion itself: how noise is added to data, what a network learns from that, and how it makes new data out of noise.

    x_t = alpha_t x_0 + sigma_t eps        t from 0 (data) to 1 (noise), eps standard normal noise

Training, from rows x_0 to the loss:

    times.py         a distribution of times is asked for one time t a row
    schedules.py     the schedule gives alpha and sigma at t, and `diffuse` makes x_t; the schedules themselves are in
    chains.py        where beta becomes alpha-bar: linear, cosine, sigmoid, ... and
    continuous.py    VP, VE and Flow
    denoiser.py      a target says what the network has to answer: x_0, eps, v, velocity or edm
    loss.py          `examples` puts together what the network sees and what is wanted; `errors` is the loss of each row

Sampling, from noise to rows:

    times.py         a grid of times falls from 1 to 0
    denoiser.py      `Denoiser` turns the network's answer into an estimate of x_0
    guidance.py      changes that estimate: towards a condition, into bounds, to known elements
    samplers.py      goes along the grid, and takes a step with each estimate; `plan` gives the best grid for a number of steps

Beside the walk:

    oracles.py       distributions whose exact denoiser is known: they stand in for a trained network
    registry.py      the names of schedules, targets, weights and distributions of times, without torch
    inputs.py        what may be given as a time or as a step, and how it is checked
    settings.py      what the settings of a schedule may be
"""
