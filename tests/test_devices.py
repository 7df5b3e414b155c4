"""Devices by name, and which one suits a piece of work, on machines with and without GPUs that are only pretended."""

import re

import pytest
import torch

import unstir
from commands import refused, run
from unstir import devices
from unstir.errors import UsageError
from unstir.networks.building import operations
from unstir.networks.mlp import MLP
from unstir.networks.unet import UNet
from unstir.training.config import resolve
from unstir.training.processes import Processes


@pytest.fixture
def two_gpus(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)


@pytest.fixture
def no_gpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)


@pytest.mark.parametrize("name", ["gpu", "cuda:", "cuda:-1", "cuda: 1", "CUDA", "cuda:0:1", "xcpu", "cpu:0", ""])
@pytest.mark.usefixtures("two_gpus")
def test_a_name_that_is_misspelt_is_refused_and_says_what_is_there(name):
    # Catches torch's own error, which lists twenty kinds of devices that nothing here has been tried on.
    with pytest.raises(UsageError, match=rf"unknown device '{name}': write auto, cpu, .*has cpu, cuda:0, cuda:1"):
        devices.pick(name, 1e9)
    with pytest.raises(
        UsageError, match=r"setting 'device': should be auto, cpu, cuda, cuda:1 or mps; this machine has cpu, cuda:0, cuda:1"
    ):
        resolve({"device": name})


@pytest.mark.usefixtures("two_gpus")
def test_a_device_that_is_not_there_is_refused_before_it_is_used(monkeypatch):
    # Catches a check for any GPU in place of the one with that number, and cuda:0 refused where cuda is there.
    assert [str(devices.pick(name, 0).device) for name in ("cuda", "cuda:0", "cuda:1")] == ["cuda", "cuda:0", "cuda:1"]
    with pytest.raises(UsageError, match=r"'cuda:2' is not available\. Available: cpu, cuda:0, cuda:1"):
        devices.pick("cuda:2", 1e9)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    for name in ("cuda", "cuda:0", "mps"):
        with pytest.raises(UsageError, match=rf"'{name}' is not available\. Available: cpu\. Choose one of these"):
            devices.pick(name, 1e9)


@pytest.mark.usefixtures("two_gpus")
def test_auto_is_the_gpu_for_images_and_wide_tables_alone():
    # Points took as long on a GPU as on two cores. Catches auto that takes what is there, and a work of one row in place of a batch.
    small = [operations(MLP(2, octaves=4)) * rows for rows in (256, 1024)] + [operations(MLP(6, width=128)) * 256]
    large = [operations(UNet((8, 8), width=32)) * 32, operations(UNet((2, 32), channel_axis=0, width=32)) * 32]
    large += [operations(MLP(100, width=512, depth=3)) * 256]
    assert [devices.pick("auto", work).device.type for work in (*small, *large)] == ["cpu"] * 3 + ["cuda"] * 3
    assert re.fullmatch(
        r"cpu: .* takes 21 million multiply-adds, and a GPU is faster from 300 million on", devices.pick("auto", 2.1e7).said
    )
    assert devices.pick("cpu", 1e9).said == "cpu"  # nothing to explain where it was asked for


@pytest.mark.usefixtures("no_gpu")
def test_auto_is_the_cpu_without_a_gpu():
    chosen = devices.pick("auto", 1e15)
    assert (chosen.device, chosen.said, devices.there()) == (torch.device("cpu"), "cpu", ["cpu"])


@pytest.mark.usefixtures("no_gpu")
def test_a_model_is_loaded_on_a_device_and_says_where_it_is(points, tmp_path):
    # Catches a device that is only looked at when it is used, and a model of the CPU that is copied to be moved there.
    points.save(tmp_path / "m")
    assert unstir.load(tmp_path / "m", device="auto").device == torch.device("cpu")
    assert points.to("cpu") is points
    with pytest.raises(UsageError, match="'cuda:1' is not available"):
        unstir.load(tmp_path / "m", device="cuda:1")
    with pytest.raises(UsageError, match="unknown device 'gpu'"):
        points.to("gpu")


@pytest.fixture(scope="module")
def points():
    return unstir.fit(torch.randn(60, 2, generator=torch.Generator().manual_seed(0)), steps=2, width=8, progress=False)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("run")
    assert run("train", "moons", "--data.points", 100, "--steps", 3, "--network.width", 8, "-o", path / "r", "--quiet")[0] == 0
    return path / "r"


@pytest.mark.usefixtures("no_gpu")
def test_every_command_that_evaluates_a_model_takes_a_device(folder, tmp_path):
    # The same flag and the same text everywhere. Catches a command that computes on the CPU whatever was asked for.
    rows = tmp_path / "x.csv"
    assert run("sample", folder, "-n", 30, "--device", "cpu", "-o", rows)[0] == 0
    to = ("-o", tmp_path / "y.csv")
    commands = [
        ("sample", folder, *to),
        ("interpolate", folder, rows, "--rows", "0,1", *to),
        ("inpaint", folder, rows, "--keep", "x", *to),
    ]
    commands += [("evaluate", folder), ("information", folder), ("animate", folder), ("report", folder)]
    for command in commands:
        text = " ".join(re.sub("[│╭╰─╮╯]", " ", run(command[0], "--help")[1]).split())
        assert devices.HELP in text, command[0]
        refused(2, "device 'cuda:7' is not available. Available: cpu.", *command, "--device", "cuda:7")


def test_each_of_several_processes_has_a_gpu_of_its_own_or_none(monkeypatch):
    # Catches points on the CPU, refused because the machine has fewer GPUs than processes, and all processes on one GPU.
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setenv("LOCAL_RANK", "1")
    cpu, gpu, first = map(torch.device, ("cpu", "cuda", "cuda:0"))
    Processes(1, 2).check(cpu)
    Processes(0, 1).check(first)
    with pytest.raises(UsageError, match="process 1 of this machine has no GPU: there are only 1"):
        Processes(1, 2).check(gpu)
    with pytest.raises(UsageError, match="--device cuda:0 is one GPU for 2 processes"):
        Processes(1, 2).check(first)
