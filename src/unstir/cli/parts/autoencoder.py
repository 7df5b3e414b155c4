"""The autoencoder that a run may need before anything else: trained with its progress on stderr, or only timed."""

import time

from unstir.cli.parts.progress import INTERVAL, note
from unstir.data import Data
from unstir.encoders.affine import Encoder
from unstir.encoders.latent import NAME, Fit
from unstir.training.config import Config
from unstir.training.fitting import fitting_of_latents

TIMED = 4  # updates


def trained_encoder(data: Data, config: Config, quiet: bool) -> Encoder | None:
    """The encoder of the training rows, trained now; None where the settings ask for none that has to be trained."""
    if config.data.encoder != NAME:
        return None
    fit = _fit(data, config)
    began = last = time.monotonic()
    for update in fit.updates():
        now = time.monotonic()
        if not quiet and (now - last >= INTERVAL or update.number == fit.count):
            last, left = now, (now - began) * (fit.count / update.number - 1)
            note(
                f"autoencoder {update.number}/{fit.count}  error {update.error:.4f}  {update.rate:,.0f} bits a row  "
                f"{left:.0f} s left"
            )
    return fit.encoder()


def timed_encoder(data: Data, config: Config) -> tuple[Encoder | None, float]:
    """An encoder of the same sizes after a few updates, and the seconds that all of its training would take."""
    if config.data.encoder != NAME:
        return None, 0.0
    fit, ends = _fit(data, config), []
    for update in fit.updates():
        ends.append(time.monotonic())
        if update.number == TIMED:
            break
    return fit.encoder(), fit.count * (ends[-1] - ends[0]) / max(1, len(ends) - 1)


def _fit(data: Data, config: Config) -> Fit:
    return fitting_of_latents(data.split(config.data.held_out, config.seed)[0], config)
