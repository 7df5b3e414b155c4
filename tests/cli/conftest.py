"""What tests of several commands start from: the same points in every format, and a finished run on them."""

import numpy as np
import pytest
from safetensors.numpy import save_file

from commands import TINY, run
from unstir import data as datasets
from unstir.cli.parts import finishing
from unstir.report import figures


@pytest.fixture
def undrawn(monkeypatch):
    """Figures take seconds; one test looks at them."""
    monkeypatch.setattr(finishing, "draw", lambda recording, *_: recording.run.folder("samples"))


@pytest.fixture(scope="session")
def files(tmp_path_factory):
    """The same 300 labelled points of two moons in every format."""
    folder = tmp_path_factory.mktemp("data")
    data = datasets.toy("moons", 300, seed=1)
    kinds = np.array(["right", "left"])[data.labels]
    np.save(folder / "points.npy", data.values)
    np.savez(folder / "points.npz", values=data.values, labels=kinds)
    save_file({"values": data.values, "labels": data.labels}, folder / "points.safetensors")
    rows = [f"{x!r},{y!r},{kind}" for (x, y), kind in zip(data.values.tolist(), kinds, strict=True)]
    (folder / "points.csv").write_text("\n".join(["east,north,kind", *rows]) + "\n")
    return folder


@pytest.fixture(scope="session")
def trained(files, tmp_path_factory):
    """A finished run on the table with its classes, all figures drawn: exit code, stdout, stderr and the folder."""
    out = tmp_path_factory.mktemp("runs") / "moons"
    settings = ("--steps", "60", "--seed", "3", "--data.labels", "kind", "--data.held-out", "0.2")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(finishing, "draw", figures.draw)  # also where the first module that asks for this run leaves figures out
        return *run("train", files / "points.csv", "-o", out, *settings, *TINY), out
