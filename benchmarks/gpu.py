"""What a GPU does with our training and sampling, beside its own peak and diffusers' network, in under four minutes.

Parts, each of which can be left out or asked for alone with --only:

    peak       products of matrices in bfloat16, tf32 and float32
    step       the U-Net of images of 28x28, bfloat16: the loop of `unstir train`, each operation started alone and captured, and the captured
               step by itself on the same rows again and again
    rival      a U-Net of 6.6 million weights on 3x32x32: ours through the loop, and diffusers' UNet2DModel with its own script's step
    sampling   10,000 images of 28x28 with 10 evaluations
    resume     a run that is killed and goes on, beside one that is not: the same bits?
    compiled   `step` at a batch of 256, compiled by torch (a minute) and captured
    whole      `unstir train fashion_mnist --minutes 2`, with what it prints; not without --only, because of the time

Seconds are the wall's, after the device has done everything. The rival needs diffusers, and is left out, aloud, without it.
--device cpu --toy runs all of it in seconds, captured steps replayed operation by operation; those figures mean nothing.
"""

import hashlib
import importlib.util
import json
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

import unstir
from report import Row, Table, note, parser, show
from rivals import diffusers_unet
from unstir.data.rows import Rows
from unstir.diffusion.continuous import Flow
from unstir.encoders.base import fit_encoder
from unstir.encoders.rows import EncodedRows
from unstir.networks.unet import UNet
from unstir.training import capture
from unstir.training.loop import train
from unstir.training.problem import Problem
from unstir.training.recipe import Recipe
from unstir.training.state import State
from unstir.training.update import Deferred

WARM = 8  # steps before the clock starts: kernels are chosen, and the step is captured


@dataclass(frozen=True)
class Size:
    """How much each part does: in full, or as a toy."""

    device: torch.device
    toy: bool
    precision: str = "bfloat16"

    @property
    def seconds(self) -> float:
        """That a speed is measured for."""
        return 0.0 if self.toy else 2.5

    @property
    def batches(self) -> list[int]:
        """Of `step`."""
        return [4] if self.toy else [32, 256, 1024]

    def images(self, shape: tuple[int, ...], n: int) -> np.ndarray:
        """Random ones of whole numbers, as they lie on a disk."""
        return np.random.default_rng(0).integers(0, 256, (16 if self.toy else n, *shape)).astype(np.uint8)

    def problem(self, shape: tuple[int, ...]) -> Problem:
        """Images to learn from."""
        held = self.images(shape, 20_000)
        encoder = fit_encoder("min_max", torch.as_tensor(held[:1000].astype(np.float32)))
        return Problem(Flow(), "v", EncodedRows(Rows(held), encoder))

    def unet(self, shape: tuple[int, ...], **settings: int) -> nn.Module:
        """Ours."""
        made = UNet(shape, None if len(shape) == 2 else 0, **({"width": 8, "depth": 1, "levels": 1} if self.toy else settings))
        return made.to(self.device)


def wait(device: torch.device) -> None:
    """Until the device has done everything."""
    if device.type == "cuda":
        torch.cuda.synchronize()


def speed(steps: Iterator[Any], size: Size) -> float:
    """Steps a second, of steps that are started one after the other."""
    for _ in range(2 if size.toy else WARM):
        next(steps)
    wait(size.device)
    began, done = time.perf_counter(), 0
    while done < 2 or time.perf_counter() - began < size.seconds:
        for _ in range(1 if size.toy else 10):
            next(steps)
            done += 1
        wait(size.device)
    return done / (time.perf_counter() - began)


def peak(size: Size) -> Table:
    """Products of matrices."""
    n, rows = 64 if size.toy else 8192, []
    for name, dtype, tf32 in (
        ("bfloat16", torch.bfloat16, False),
        ("tf32", torch.float32, True),
        ("float32", torch.float32, False),
    ):
        torch.backends.cuda.matmul.allow_tf32 = tf32
        a, b = (torch.randn(n, n, device=size.device, dtype=dtype) for _ in range(2))
        times = []
        for _ in range(6):
            wait(size.device)
            began = time.perf_counter()
            a @ b
            wait(size.device)
            times.append(time.perf_counter() - began)
        rows.append({"type": name, "TFLOP/s": 2 * n**3 / min(times) / 1e12})
    torch.backends.cuda.matmul.allow_tf32 = False
    return Table(f"Products of {n}x{n} matrices, the best of 6", {"type": "s", "TFLOP/s": ".1f"}, rows)


def looped(size: Size, network: nn.Module, problem: Problem, recipe: Recipe) -> tuple[float, float | None]:
    """Steps a second of the loop, and of its step alone if it is captured."""
    state = State(network, recipe)
    through = speed(train(state, problem, recipe), size)
    alone = None
    if isinstance(state.deferred, Deferred) and recipe.capture != "off" and not state.deferred.said:
        run = state.deferred.run
        alone = speed(iter(lambda: run() or True, None), size)
    return through, alone


def step(size: Size, compiled: bool = False) -> Table:
    """The loop at several batches."""
    problem, rows = size.problem((28, 28)), []
    for batch in [256] if compiled and not size.toy else size.batches:
        for way in ["on"] if compiled else ["off", "on"]:
            network = size.unet((28, 28), width=32)
            chosen = Recipe(
                steps=10**6, batch_size=batch, precision=size.precision, capture=way, compile="on" if compiled else "off"
            )
            through, alone = looped(size, network, problem, chosen)
            name = ("compiled, " if compiled else "") + ("captured" if way == "on" else "eager")
            note(f"batch {batch}, {name}: {through * batch:,.0f} images/s")
            rows.append({"step": name, "batch": batch, "steps/s": through, "images/s": through * batch})
            rows[-1] |= {"step alone, images/s": alone and alone * batch, "loop/step": alone and through / alone}
    weights = sum(w.numel() for w in network.parameters()) / 1e6
    columns = {
        "step": "s",
        "batch": "d",
        "steps/s": ".1f",
        "images/s": ",.0f",
        "step alone, images/s": ",.0f",
        "loop/step": ".2f",
    }
    return Table(f"Training a U-Net of {weights:.2f} M weights on 28x28, {size.precision}", columns, rows)


def rival(size: Size) -> Table:
    """Ours and diffusers' of equal size."""
    shape, rows = (3, 32, 32), []
    problem = size.problem(shape)
    for batch in [4] if size.toy else [128, 512]:
        for way in ("off", "on"):
            network = size.unet(shape, width=64, depth=3, levels=3, widest=2)
            through, _ = looped(
                size, network, problem, Recipe(steps=10**6, batch_size=batch, precision=size.precision, capture=way)
            )
            who = f"unstir, {'captured' if way == 'on' else 'eager'}"
            rows.append({"network": who, "batch": batch, "images/s": through * batch})
        lying = size.unet(shape, width=64, depth=3, levels=3, widest=2).to(memory_format=torch.contiguous_format)  # pyrefly: ignore
        through, _ = looped(size, lying, problem, Recipe(steps=10**6, batch_size=batch, precision=size.precision, capture="on"))
        rows.append({"network": "unstir, captured, channels first", "batch": batch, "images/s": through * batch})
        if importlib.util.find_spec("diffusers") is not None:
            rows.append({"network": "diffusers, eager", "batch": batch, "images/s": batch * speed(theirs(size, batch), size)})
        note(f"batch {batch}: " + ", ".join(f"{row['network']} {row['images/s']:,.0f}" for row in rows if row["batch"] == batch))
    if importlib.util.find_spec("diffusers") is None:
        note("diffusers is not installed: its network is left out.")
    weights = sum(w.numel() for w in network.parameters()) / 1e6
    title = f"Training a U-Net of {weights:.2f} M weights on 3x32x32, {size.precision}"
    return Table(title, {"network": "s", "batch": "d", "images/s": ",.0f"}, rows)


def theirs(size: Size, batch: int) -> Iterator[None]:
    """Steps of diffusers' network as its own script takes them, on rows and noise that are there."""
    from diffusers.training_utils import EMAModel

    network = diffusers_unet(
        sample_size=32,
    ).to(size.device)
    average, optimiser = EMAModel(network.parameters()), torch.optim.AdamW(network.parameters(), lr=1e-4)
    x, t = torch.randn(batch, 3, 32, 32, device=size.device), torch.randint(0, 1000, (batch,), device=size.device)
    while True:
        with torch.autocast(size.device.type, torch.bfloat16):
            found = network(x, t).sample
        nn.functional.mse_loss(found.float(), x).backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        optimiser.zero_grad()
        average.step(network.parameters())
        yield


def sampling(size: Size) -> Table:
    """Images a second."""
    kind = "cpu" if size.device.type == "cpu" else "cuda"
    # Fitting, error curve and all, is not measured.
    few: dict[str, Any] = {"architecture": "unet", "width": 8, "levels": 1, "depth": 1} if size.toy else {}
    model = unstir.fit(
        size.images((6, 6) if size.toy else (28, 28), 2000), steps=2, batch_size=8, device=kind, progress=False, **few
    )
    model = model.to(size.device) if hasattr(model, "to") else model
    n, times = 8 if size.toy else 10_000, []
    for _ in range(1 if size.toy else 3):
        began = time.perf_counter()
        model.sample(n, steps=10)
        times.append(time.perf_counter() - began)
    row: Row = {"images": n, "evaluations": 10, "images/s": n / statistics.median(times), "first s": times[0]}
    return Table("Sampling images of 28x28", {"images": ",d", "evaluations": "d", "images/s": ",.0f", "first s": ".2f"}, [row])


def resume(size: Size) -> Table:
    """A killed run beside an undisturbed one."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        np.save(folder / "x.npy", size.images((8, 8) if size.toy else (28, 28), 2000))
        steps = "20" if size.toy else "1200"
        shared = [
            str(folder / "x.npy"),
            "--steps",
            steps,
            "--batch-size",
            "8" if size.toy else "64",
            "--network.width",
            "8",
            "--quiet",
        ]
        shared += ["--device", size.device.type]
        command = [sys.executable, "-m", "unstir"]
        subprocess.run([*command, "train", *shared, "-o", str(folder / "whole")], check=True, stdout=subprocess.DEVNULL)
        cut = subprocess.Popen([*command, "train", *shared, "-o", str(folder / "cut")], stdout=subprocess.DEVNULL)
        while cut.poll() is None and not list((folder / "cut").glob("checkpoints/step-*/MANIFEST.json")):
            time.sleep(0.05)
        killed = cut.poll() is None
        if killed:
            cut.send_signal(signal.SIGKILL)
            cut.wait()
            subprocess.run([*command, "resume", str(folder / "cut"), "--quiet"], check=True, stdout=subprocess.DEVNULL)
        first, second = (
            hashlib.sha256(
                b"".join(file.read_bytes() for file in sorted((folder / run / "model").glob("*.safetensors")))
            ).hexdigest()
            for run in ("whole", "cut")
        )
    row = {
        "run": f"{steps} steps",
        "killed": "yes" if killed else "no: it was over",
        "same bits": "yes" if first == second else "NO",
    }
    return Table("A run that was killed and went on", {"run": "s", "killed": "s", "same bits": "s"}, [row])


def whole(size: Size) -> Table:
    """From the command line to scores."""
    source, more = ("digits", ["--steps", "5"]) if size.toy else ("fashion_mnist", ["--minutes", "2"])
    with tempfile.TemporaryDirectory() as place:
        command = [
            sys.executable,
            "-m",
            "unstir",
            "train",
            source,
            *more,
            "--device",
            size.device.type,
            "-o",
            f"{place}/run",
            "--json",
        ]
        began = time.perf_counter()
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        seconds = time.perf_counter() - began
    if done.returncode:
        note(f"{source} could not be trained on: {done.stderr.strip().splitlines()[-1]}")
    found = json.loads(done.stdout) if done.returncode == 0 else {}
    numbers = {name: value for name, value in found.items() if isinstance(value, int | float)}
    rows = [{"figure": name, "value": value} for name, value in {"seconds in all": seconds, **numbers}.items()]
    said = [line for line in done.stderr.splitlines() if line.startswith(("predicted", "score", source))]
    return Table(f"unstir train {source} {' '.join(more)}", {"figure": "s", "value": ".5g"}, rows, said)


PARTS: dict[str, Callable[[Size], Table]] = {
    "peak": peak,
    "step": step,
    "rival": rival,
    "sampling": sampling,
    "resume": resume,
    "compiled": lambda size: step(size, compiled=True),
    "whole": whole,
}


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--device", default="cuda", choices=["cuda", "cpu"])
    options.add_argument("--toy", action="store_true", help="as small as can be, to see that it runs")
    options.add_argument("--only", nargs="+", choices=list(PARTS), help="these parts")
    chosen = options.parse_args()
    if chosen.device == "cuda" and not torch.cuda.is_available():
        options.error("there is no CUDA GPU here. --device cpu --toy shows that the script runs.")
    if chosen.toy:
        capture.WAYS = {"cpu": capture.Way(True, capture.replayed, True), **capture.WAYS}
    size, tables = Size(torch.device(chosen.device), chosen.toy), []
    which = chosen.only or [name for name in PARTS if name != "whole" and not (chosen.toy and name == "compiled")]
    for name in which:
        began = time.perf_counter()
        try:
            tables.append(PARTS[name](size))
        except Exception as error:  # the other parts are worth their minutes
            if chosen.toy:
                raise
            note(f"{name} failed: {type(error).__name__}: {error}")
        note(f"{name}: {time.perf_counter() - began:.0f} s")
    device = torch.cuda.get_device_name() if chosen.device == "cuda" else "the processor"
    show(tables, f"at least {size.seconds} s each, on {device}", chosen.json)


if __name__ == "__main__":
    main()
