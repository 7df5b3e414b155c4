"""`unstir doctor`: a machine that is well, and every way in which one is not."""

import builtins
import json
import os
from importlib import metadata
from pathlib import Path

import pytest
import torch

from commands import run
from unstir.cli.parts import machine as room


def test_this_machine_is_well(tmp_path, monkeypatch):
    """Everything measured, nothing left behind, no path told. Catches a check that needs what is not everywhere."""
    monkeypatch.chdir(tmp_path)
    code, out, err = run("doctor", "--json")
    found = {finding["subject"]: finding for finding in json.loads(out)["findings"]}
    assert (code, err) == (0, "")
    assert found["torch"]["value"] == torch.__version__
    assert found["unstir"]["value"] == metadata.version("unstir")
    assert {"python", "numpy", "safetensors", "platform", "processor", "memory", "threads", "disk"} <= set(found)
    assert {"cuda", "cuda:0"} & set(found)
    assert found["matrix product"]["value"] > 0.1
    assert found["training"]["value"] > 0.1
    assert found["this folder"]["value"] is True
    assert list(tmp_path.iterdir()) == []
    assert str(tmp_path) not in out
    assert str(Path.home()) not in out


@pytest.fixture
def quick(monkeypatch):
    """Without the second of training."""
    monkeypatch.setattr(room, "speed", lambda: iter([]))


@pytest.mark.usefixtures("quick")
def test_what_is_missing_or_old_is_broken_and_how_to_get_it_is_said(monkeypatch):
    """Exit code 2, and no torch is asked for. Catches an ImportError in place of advice, and 0.10 that is older than 0.9."""
    real = metadata.version
    versions = {"torch": None, "numpy": "1.9.0", "scipy": "1.100.0"}

    def version(name):
        if name in versions:
            if versions[name] is None:
                raise metadata.PackageNotFoundError(name)
            return versions[name]
        return real(name)

    monkeypatch.setattr(metadata, "version", version)
    imported = builtins.__import__

    def no_torch(name, *rest, **how):
        assert name != "torch"
        return imported(name, *rest, **how)

    monkeypatch.setattr(builtins, "__import__", no_torch)
    code, out, _ = run("doctor")
    assert code == 2
    lines = out.splitlines()
    at = next(i for i, line in enumerate(lines) if line.startswith("torch "))
    assert "broken: not installed" in lines[at]
    assert "python -m pip install 'torch>=" in lines[at + 1]
    assert "broken: 1.9.0, older than 1.26" in out
    assert "1.100.0, older" not in out
    assert lines[-1].startswith("2 broken")


@pytest.mark.usefixtures("quick")
def test_an_extra_that_is_not_here_is_no_fault(monkeypatch):
    real = metadata.version
    monkeypatch.setattr(metadata, "requires", lambda _: ["numpy>=1.26", 'nothing-of-that-name>=1; extra == "bench"'])
    monkeypatch.setattr(metadata, "version", real)
    code, out, _ = run("doctor")
    assert code == 0
    assert "not installed: nothing-of-that-name; optional, for comparisons with other libraries" in out
    assert "python -m pip install 'unstir[bench]'" in out


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("torch>=2.7", ("torch", "2.7", "")),
        ("pydantic<3,>=2.7", ("pydantic", "2.7", "")),
        ("rich", ("rich", "", "")),
        ('diffusers>=0.35; extra == "bench"', ("diffusers", "0.35", "bench")),
        ("pytest-xdist>=3.5; extra == 'dev'", ("pytest-xdist", "3.5", "dev")),
    ],
)
def test_requirements_are_read_as_the_metadata_spells_them(line, expected):
    # Catches an upper bound taken for the lowest version, and a test library that everybody is told to install.
    assert room.requirement(line) == expected


@pytest.mark.parametrize(
    ("used", "cores", "asked", "state", "said"),
    [
        (4, 4, None, "ok", "4 for 4 cores"),
        (1, 16, "1", "note", "unset OMP_NUM_THREADS"),
        (16, 2.0, None, "note", "export OMP_NUM_THREADS=2"),
        (8, 0.5, "8", "note", "export OMP_NUM_THREADS=1"),
        (8, 16, None, "ok", "8 for 16 cores"),
    ],
)
def test_threads_that_do_not_fit_the_cores_are_noted(monkeypatch, used, cores, asked, state, said):
    monkeypatch.setattr(torch, "get_num_threads", lambda: used)
    monkeypatch.setattr(room, "usable_cores", lambda: cores)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    if asked:
        monkeypatch.setenv("OMP_NUM_THREADS", asked)
    monkeypatch.setattr("unstir.training.threads.compared", lambda _, threads: {1: 0.002, threads: 0.001})
    finding, *measured = room.threads()
    assert finding.state == state
    assert said in f"{finding.found} {finding.way_on}"
    assert [one.found.split(";")[0] for one in measured] == (
        [f"2 ms with 1 thread, 1 ms with {used} threads"] if used > 1 else []
    )


def test_a_quota_of_the_container_counts_as_cores(monkeypatch):
    # Catches 64 threads in a container that may use two cores.
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(64)))
    for line, cores in (("200000 100000", 2), ("max 100000", 64), ("", 64), ("50000 100000", 0.5)):
        monkeypatch.setattr(room, "_first_line", lambda _, line=line: line)
        assert room.usable_cores() == cores


def test_memory_is_the_containers_where_that_is_less(monkeypatch):
    limits = {"/sys/fs/cgroup/memory.max": str(2**20), "/sys/fs/cgroup/memory.current": str(2**19)}
    monkeypatch.setattr(room, "_first_line", lambda path: limits[path])
    if Path("/proc/meminfo").exists():
        assert room.memory() == (2**20, 2**19)
        limits["/sys/fs/cgroup/memory.max"] = "max"
        assert room.memory()[0] > 2**20
    monkeypatch.setattr(Path, "read_text", lambda _: "nothing of the kind")
    assert room.memory() == (None, None)


def test_a_gpu_that_torch_cannot_use_is_noted(monkeypatch):
    # Catches hours on a CPU beside an idle GPU.
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(room.shutil, "which", lambda _: "/usr/bin/nvidia-smi")
    finding = next(iter(room.devices()))
    assert finding.state == "note"
    assert "a GPU is there" in finding.found


@pytest.mark.usefixtures("quick")
def test_a_folder_that_cannot_be_written_to_is_noted(monkeypatch):
    def refused(**_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(room.tempfile, "TemporaryFile", refused)
    code, out, _ = run("doctor")
    assert code == 0
    assert "cannot be written to (Permission denied)" in out
    assert "--out elsewhere" in out


def test_numbers_that_come_out_wrong_are_exit_code_4(monkeypatch):
    broken = room.Finding("matrix product", "wrong numbers", room.BROKEN, "Install torch anew.")
    monkeypatch.setattr(room, "speed", lambda: iter([broken]))
    code, out, _ = run("doctor")
    assert code == 4
    assert "broken: wrong numbers" in out
    assert json.loads(run("doctor", "--json")[1])["broken"] == 1
