"""Signals: heard whatever runs, and `run.json` is true after each; what a run that was stopped can still be asked for."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import torch

import unstir
from commands import TINY, contents, refused, run
from unstir.cli.parts import finishing, running, signals
from unstir.cli.parts.signals import patient, prompt
from unstir.errors import Stopped, StorageError, UnstirWarning, UsageError
from unstir.runs.about import read_about
from unstir.runs.checkpoints import read_checkpoint
from unstir.training.fitting import Fitting

pytestmark = pytest.mark.usefixtures("undrawn", "brief")


def kill(number=signal.SIGTERM):
    os.kill(os.getpid(), number)


def test_a_terminal_that_closes_stops_and_under_nohup_does_not():
    # Catches a SIGHUP that ends the process without a checkpoint, and nohup that is undone.
    before = signal.getsignal(signal.SIGHUP)
    with pytest.raises(Stopped, match="SIGHUP") as stopped, prompt():
        kill(signal.SIGHUP)
    assert stopped.value.exit_code == 143
    try:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        with prompt(), patient() as asked:
            kill(signal.SIGHUP)
        assert asked.name == ""
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_signal_is_answered_though_the_step_does_not_end(monkeypatch):
    # Catches a first signal that waits for a step of an hour. Where the loop has seen it, writing a checkpoint may take its time.
    monkeypatch.setattr(signals, "LONGEST", 0.2)

    def step_that_takes_long():
        kill()
        for _ in range(1000):
            time.sleep(0.03)

    with pytest.raises(Stopped, match="SIGTERM"), prompt(), patient():
        step_that_takes_long()
    with prompt(), patient() as asked:
        kill()
        asked.answer()
        time.sleep(0.6)
    assert asked.code == 143


DEAF = """
import ctypes, os, signal, sys, threading
from unstir.cli import main
from unstir.cli.parts import finishing, signals
signals.LONGEST = signals.AT_LAST = 0.3
lock = ctypes.CDLL(None).pthread_mutex_lock

def draw(*_):
    threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGTERM)).start()
    mutex = (ctypes.c_byte * 128)()
    while True:
        lock(mutex)  # for ever, the second time

finishing.draw = draw
main(sys.argv[1:])
"""


def test_what_cannot_be_interrupted_is_ended_and_the_record_is_true(files, tmp_path):
    """A call of a library that Python cannot interrupt, as a convolution of minutes. Catches a scheduler's SIGKILL, and "running" for ever."""
    command = [sys.executable, "-c", DEAF, "train", files / "points.npy", "-o", "r", "--steps", "3", "--quiet", *TINY]
    done = subprocess.run([*map(str, command)], cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False)
    said = "stopped by SIGTERM, in the middle of something that could not be interrupted."
    assert (done.returncode, done.stdout) == (143, "")
    assert done.stderr.splitlines()[-1] == f"{said} Go on with: unstir resume r"
    about = json.loads((tmp_path / "r" / "run.json").read_text())
    assert (about["status"], about["why"], about["steps"]) == ("stopped", said, 3)
    assert run("resume", tmp_path / "r", "--quiet")[0] == 0


@pytest.mark.parametrize("where", ["the record begins", "the model is made", "the page is written"])
def test_the_record_is_true_wherever_a_signal_arrives(files, tmp_path, monkeypatch, where):
    """Catches "running" for ever where training has not begun yet, and a signal that is forgotten because training has just ended."""
    at = {
        "the record begins": (running, "Recording"),
        "the model is made": (Fitting, "model"),
        "the page is written": (running, "_write_page"),
    }[where]
    real = getattr(*at)

    def made(*arguments):
        kill()
        return real(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(*at, made)
        more = ["--report"] if where == "the page is written" else []
        code, _, err = run("train", files / "points.npy", "-o", tmp_path / "r", "--steps", "3", "--quiet", *more, *TINY)
    about = read_about(tmp_path / "r")
    assert code == 143
    if more:
        assert about["status"] == "finished"
        assert err.splitlines()[-1].endswith(f"The run itself is finished. Its page: unstir report {tmp_path / 'r'}")
        return
    assert about["status"] == "stopped"
    assert "SIGTERM" in about["why"]
    assert err.splitlines()[-1].endswith(f"Go on with: unstir resume {tmp_path / 'r'}")
    assert run("resume", tmp_path / "r", "--quiet")[0] == 0
    assert read_about(tmp_path / "r")["status"] == "finished"


@pytest.fixture(scope="module")
def stopped(files, tmp_path_factory):
    """A run that was stopped at step 11 of 30, with its page."""
    folder, real = tmp_path_factory.mktemp("stopped") / "r", Fitting.steps

    def steps(self):
        for step in real(self):
            if step.number == 11:
                kill()
            yield step

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Fitting, "steps", steps)
        patch.setattr(finishing, "draw", lambda recording, *_: recording.run.folder("samples"))
        arguments = ("-o", folder, "--steps", "30", "--quiet", "--report", "--data.labels", "kind")
        assert run("train", files / "points.csv", *arguments, *TINY)[0] == 143
    return folder


def test_a_run_that_was_stopped_has_a_model_that_says_so(stopped, tmp_path):
    """The averaged weights of the newest checkpoint, and nothing written. Catches the raw weights, and a model/ that looks finished."""
    before = contents(stopped)
    with pytest.warns(UnstirWarning, match=r"r is stopped and has no finished model. This is the model of step 11 of 30") as said:
        model = unstir.load(stopped)
    assert said[0].filename == __file__
    assert model.card.steps_trained == 11
    tensors, _ = read_checkpoint(stopped)
    assert all(torch.equal(w, tensors[f"average.{name}"]) for name, w in model.network.named_parameters())
    assert contents(stopped) == before
    with pytest.raises(UsageError, match="Leave network out"):
        unstir.load(stopped, network=torch.nn.Identity())
    killed = shutil.copytree(stopped, tmp_path / "k")  # by SIGKILL, which leaves the status as it was
    (killed / "run.json").write_text(json.dumps(read_about(stopped) | {"status": "running"}))
    with pytest.warns(UnstirWarning, match="k is stopped"):
        again = unstir.load(killed)
    assert np.array_equal(again.sample(5, steps=2), model.sample(5, steps=2))


def test_commands_take_the_newest_checkpoint_and_say_so(stopped, files, tmp_path):
    np.save(tmp_path / "mask.npy", np.array([True, False]))
    two = [files / "points.csv", "--labels", "kind", "--rows", "0,1"]
    for command, *more in (
        ["sample", "-n", "4", "--steps", "2", "--json"],
        ["evaluate", "-n", "20", "--steps", "2", "--json"],
        ["inpaint", *two, "--mask", tmp_path / "mask.npy", "--steps", "2", "-o", tmp_path / "in.npy"],
        ["interpolate", *two, "--steps", "8", "-n", "3", "-o", tmp_path / "between.npy"],
    ):
        arguments = [more.pop(0)] if more[0] == files / "points.csv" else []
        code, out, err = run(command, stopped, *arguments, *more)
        assert code == 0, err
        warnings = [line for line in err.splitlines() if not line.startswith("note: ")]
        assert warnings == [f"warning: {stopped} is stopped and has no finished model. {SAYS}"]
        assert "--json" not in more or json.loads(out)["steps_trained"] == 11
    assert [p.name for p in (stopped / "samples").iterdir()] == ["4-adams_bashforth2-2-seed0-step11.npz"]
    assert not (stopped / "model").exists()
    shutil.rmtree(stopped / "samples")


SAYS = "This is the model of step 11 of 30: the averaged weights of the newest checkpoint."


def test_without_its_data_a_checkpoint_is_no_model(files, stopped, tmp_path):
    # Catches a traceback. The model's error by noise level is measured on rows of the data.
    lost = shutil.copytree(stopped, tmp_path / "r")
    text = (lost / "config.toml").read_text()
    (lost / "config.toml").write_text(text.replace(str(files / "points.csv"), str(files / "gone.csv")))
    refused(5, "is made of its checkpoint and its data", "sample", lost)
    shutil.rmtree(lost / "checkpoints")
    refused(5, "training stopped at step 11", "sample", lost)
    with pytest.raises(StorageError, match="no model"):
        unstir.load(lost)


def test_the_page_and_the_record_of_a_resumed_run_are_true(stopped, tmp_path):
    """Without --report too: there is a page already. Catches "stopped at step 11" for ever, and a reason that outlives the stop."""
    folder = shutil.copytree(stopped, tmp_path / "r")
    assert json.loads((folder / "report.json").read_text())["status"] == "stopped"
    assert "This run was stopped at step 11 of 30" in (folder / "report.html").read_text()
    assert run("resume", folder, "--quiet")[0] == 0
    about = read_about(folder)
    assert (about["status"], about["steps"], "why" in about) == ("finished", 30, False)
    assert [(s["at_step"], s["after"]) for s in about["resumed"]] == [(11, "stopped by SIGTERM at step 11 of 30.")]
    page = json.loads((folder / "report.json").read_text())
    assert (page["status"], page["step"], page["why"]) == ("finished", 30, None)
    assert page["words"]["run"][1] == "Resumed at step 11, after it was stopped by SIGTERM at step 11 of 30."
    assert "This run was stopped" not in (folder / "report.html").read_text()
    assert unstir.load(folder).card.steps_trained == 30  # without a warning
