"""Several processes are one: the same losses, the same run to resume, one voice, and nobody left waiting."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import torch

from unstir.errors import UsageError
from unstir.model.model import load
from unstir.runs.about import read_about
from unstir.runs.checkpoints import read_checkpoint
from unstir.runs.data import read_data
from unstir.runs.folder import Run
from unstir.runs.metrics import read_metrics
from unstir.runs.record import Recording
from unstir.training.config import resolve
from unstir.training.config_file import read_config
from unstir.training.fitting import Fitting
from unstir.training.processes import ALONE, Processes

TORCHRUN = (sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "unstir")
SETTINGS = ("--network.width", "16", "--batch-size", "32", "--seed", "1")
TOGETHER = {"capture_output": True, "text": True, "check": False, "timeout": 120, "env": os.environ | {"OMP_NUM_THREADS": "1"}}


def two(*arguments):
    """A command in two processes."""
    return subprocess.run([*TORCHRUN, *map(str, arguments)], **TOGETHER)


@pytest.fixture(scope="module", params=["none", "full"])
def sharding(request):
    return request.param


def alone(path, steps):
    """The first losses of the run whose settings are in that folder, and the state after them, in this process."""
    config = resolve(read_config(path / "config.toml"))
    fitting = Fitting(read_data(path, config), config)
    losses = [step.loss for _, step in zip(range(steps), fitting.steps(), strict=False)]
    return losses, fitting


def test_shares_are_the_batch_in_its_order():
    # Catches shares that overlap, leave rows out, or differ in size, with which the mean of means is no longer the mean.
    rows = torch.arange(12)
    assert torch.cat([rows[Processes(rank, 3).share(12)] for rank in range(3)]).tolist() == rows.tolist()
    assert ALONE.share(7) == slice(0, 7)
    with pytest.raises(UsageError, match="Use --batch-size 9"):
        Processes(0, 3).share(10)


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    path = tmp_path_factory.mktemp("rows") / "rows.npy"
    np.save(path, np.random.default_rng(0).normal(size=(200, 2)))
    return path


@pytest.fixture(scope="module")
def trained(tmp_path_factory, rows, sharding):
    path = tmp_path_factory.mktemp("two") / "run"
    return path, two("train", rows, "-o", path, "--steps", "50", "--optim.sharding", sharding, *SETTINGS)


def test_two_processes_lose_what_one_does(trained):
    """50 steps: to 1e-5. Catches gradients that are added or not sent, a share drawn anew in each process, and clipping before the mean."""
    path, done = trained
    assert done.returncode == 0, done.stderr
    losses, fitting = alone(path, 50)
    assert [row["step"] for row in read_metrics(path)] == list(range(1, 51))
    np.testing.assert_allclose([row["loss"] for row in read_metrics(path)], losses, rtol=1e-5)
    tensors, document = read_checkpoint(path)
    assert document["step"] == 50
    for name, value in fitting.state.tensors().items():
        torch.testing.assert_close(tensors[name], value, rtol=1e-3, atol=1e-5)
    model = load(path).network.state_dict()
    for name, value in fitting.model().network.state_dict().items():
        torch.testing.assert_close(model[name], value, rtol=1e-3, atol=1e-5)
    assert np.sum(document["counts"]) == 50 * 32  # errors by time: all rows of the batch
    # One voice. Catches every process printing its progress, and a second model, score or folder.
    assert done.stdout == f"{path}\n"
    assert done.stderr.count("trained in") == 1
    assert read_about(path)["environment"]["world_size"] == 2
    assert read_about(path)["status"] == "finished"
    assert len(list(path.parent.iterdir())) == 1


def test_two_processes_end_early_after_the_same_step(tmp_path):
    """Only process 0 looks. Catches the other one going on without it, which waits for ever, and a model that is not of the best look."""
    np.save(tmp_path / "few.npy", np.random.default_rng(0).normal(size=(24, 6)))
    settings = ("--steps", "120", "--batch-size", "64", "--optim.ema", "0.9", "--data.held-out", "0.3", "--network.octaves", "2")
    done = two("train", tmp_path / "few.npy", "-o", tmp_path / "run", "--optim.sharding", "full", *settings)
    assert done.returncode == 0, done.stderr
    _, fitting = alone(tmp_path / "run", 1000)
    about, best = read_about(tmp_path / "run"), fitting.keeping.best.step
    assert (about["steps"], about["model_step"], about["kept"]) == (fitting.state.step, best, fitting.keeping.said)
    assert best < fitting.state.step < 120
    for name, value in fitting.model().network.state_dict().items():
        torch.testing.assert_close(load(tmp_path / "run").network.state_dict()[name], value, rtol=1e-3, atol=1e-5)


def test_a_run_of_one_goes_on_with_two(tmp_path, trained):
    config = resolve(read_config(trained[0] / "config.toml"))
    fitting = Fitting(read_data(trained[0], config), config)
    files = {name: (trained[0] / name).read_text() for name in ("config.toml", "data.json", "run.json")}
    about = json.loads(files["run.json"])
    files["run.json"] = about | {"status": "stopped", "environment": about["environment"] | {"world_size": 1}}
    with Run.create(tmp_path / "run", "rows", files) as held:
        recording = Recording(held, fitting)
        for step in recording.steps():
            if step.number == 20:
                recording.save()
                break
    done = two("resume", tmp_path / "run")
    assert done.returncode == 0, done.stderr
    assert "world_size 1 then, 2 here" in done.stderr
    rows = read_metrics(tmp_path / "run")
    assert [row["step"] for row in rows] == list(range(1, 51))
    np.testing.assert_allclose([row["loss"] for row in rows], [row["loss"] for row in read_metrics(trained[0])], rtol=1e-5)


def test_a_signal_stops_both_after_the_same_step_and_one_goes_on(tmp_path, rows):
    # In parts, catches a checkpoint of process 0's part alone, and one that waits for processes that have gone.
    path = tmp_path / "run"
    long = [*TORCHRUN, "train", str(rows), "-o", str(path), "--steps", "1000000", "--optim.sharding", "full", *SETTINGS]
    with subprocess.Popen(long, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=TOGETHER["env"]) as running:
        for _ in range(600):
            if read_checkpoint(path) is not None:
                break
            time.sleep(0.1)
        running.send_signal(signal.SIGTERM)
        _, said = running.communicate(timeout=60)
    assert "stopped by SIGTERM at step" in said
    assert f"Go on with: unstir resume {path}" in said
    assert "Error" not in said.split("stopped by SIGTERM")[0]
    tensors, document = read_checkpoint(path)
    steps = document["step"]
    assert read_about(path)["steps"] == steps
    _, fitting = alone(path, 0)
    fitting.state.restore(tensors, steps)
    step = next(iter(fitting.steps()))
    assert step.number == steps + 1
    assert np.isfinite(step.loss)


PARTS = """
import torch
from unstir.networks.building import make_network
from unstir.conditions.classes import Classes
from unstir.training.processes import Request, entire, here, joined, own
from unstir.training.problem import Problem
from unstir.training.recipe import Recipe
from unstir.training.state import State
from unstir.training.loop import train
from unstir.diffusion.chains import linear

torch.set_num_threads(1)
with joined():
    rank, recipe = here().rank, Recipe(steps=3, batch_size=8, sharding="full")
    problem = Problem(linear(), "eps", torch.randn(64, 1, 9, 7, generator=torch.Generator().manual_seed(0)))
    settings = {"shape": [1, 9, 7], "channel_axis": 0, "width": 16, "depth": 1}
    pets = Classes(("cat", "dog"), (1, 1))
    state = State(make_network("unet", settings, pets, seed=rank), recipe)
    if rank == 0:  # it alone has trained, and the others have nothing of it but how far
        for _ in train(state, problem, Recipe(steps=2, batch_size=8)):
            pass
    state.step = 2
    before = {name: value.clone() for name, value in state.tensors().items()} if rank == 0 else {}
    state.shard(here(), "cpu")
    kept = sum(own(value).numel() for value in state.kept().values())
    if rank:
        while (asked := here().agree()[0]) != Request.NOTHING:
            state.give(asked)
    else:
        whole, averaged = state.tensors(), state.averaged()
        here().agree()
        assert all(torch.equal(whole[name], value) for name, value in before.items()) and whole.keys() == before.keys()
        assert all(torch.equal(averaged[name], before["average." + name]) for name in averaged)
        assert 0.45 < kept / sum(value.numel() for value in before.values()) < 0.55, kept
    print(rank, [round(step.loss, 4) for step in train(state, problem, recipe, here())])
    if rank == 0:
        alone = State(make_network("unet", settings, pets), recipe)
        alone.restore(before, 2)
        print(rank, [round(step.loss, 4) for step in train(alone, problem, Recipe(steps=3, batch_size=8))])
"""


def test_parts_are_half_each_and_together_what_process_0_held(tmp_path):
    """Catches a state that every process keeps whole, one that is the last process's, and moments that begin again."""
    script = tmp_path / "parts.py"
    script.write_text(PARTS)
    done = subprocess.run([*TORCHRUN[:-2], str(script)], **TOGETHER)
    assert done.returncode == 0, done.stderr
    said = sorted(line.partition(" ") for line in done.stdout.splitlines())
    assert [who for who, _, _ in said] == ["0", "0", "1"]
    assert len({losses for _, _, losses in said}) == 1


def test_what_is_refused_is_refused_once_and_at_once(tmp_path, rows):
    # A usage error of process 0 before training: the other goes home. Catches one that waits for ever, and a folder left behind.
    done = two("train", rows, "-o", tmp_path / "run", *SETTINGS[:2], "--batch-size", "33")
    assert done.returncode != 0
    assert done.stderr.count("error: a batch of 33 rows cannot be divided by 2 processes. Use --batch-size 32.") == 1
    assert not (tmp_path / "run").exists()
