"""The encoder, before anything else of a run: fitted to the training rows, or only timed where fitting takes training."""

import time

from unstir.cli.parts.progress import INTERVAL, note
from unstir.data import Data
from unstir.encoders.base import Encoder, Fit
from unstir.model.own import NOTHING_OWN
from unstir.training.config import Config
from unstir.training.parts import encoder_fit
from unstir.training.starting import Start

TIMED = 4  # updates


def fitted_encoder(data: Data, config: Config, quiet: bool, start: Start | None = None) -> Encoder:
    """The encoder of the training rows, or that of the `start`; if it takes training, its progress is shown on stderr."""
    fit = _fit(data, config, start)
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


def timed_encoder(data: Data, config: Config, start: Start | None = None) -> tuple[Encoder, float]:
    """An encoder of the same sizes after a few updates, and the seconds that all of its training would take, 0 if it takes none."""
    fit, ends = _fit(data, config, start), []
    for update in fit.updates():
        ends.append(time.monotonic())
        if update.number == TIMED:
            break
    seconds = fit.count * (ends[-1] - ends[0]) / max(1, len(ends) - 1) if ends else 0.0
    return fit.encoder(), seconds


def _fit(data: Data, config: Config, start: Start | None) -> Fit:
    return encoder_fit(data.split(config.data.held_out, config.seed)[0], config, NOTHING_OWN, start)
