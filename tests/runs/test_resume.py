"""Runs that survive anything: what was stopped, killed, cut short or damaged goes on to the same model, bit by bit."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch

from commands import TINY, run
from unstir import data as datasets
from unstir.cli.parts.signals import patient, prompt
from unstir.diffusion.registry import TARGETS
from unstir.errors import Stopped, StorageError
from unstir.files import sha256
from unstir.runs import record
from unstir.runs.about import about_this_run, read_about
from unstir.runs.checkpoints import newest_checkpoint, write_checkpoint
from unstir.runs.environment import differences, environment
from unstir.runs.folder import Run
from unstir.runs.metrics import Metrics, read_metrics
from unstir.runs.record import Recording
from unstir.training.config import flat, resolve
from unstir.training.config_file import write_config
from unstir.training.fitting import Fitting
from unstir.training.presets import settle

HALF = 75  # steps: inside a block of 64, and between two rows of the metrics

RESUMES = """
import sys
from pathlib import Path
from unstir.training.config_file import read_config
from unstir.training.config import resolve
from unstir.training.fitting import Fitting
from unstir.runs.record import Recording
from unstir.runs.data import read_data
from unstir.runs.folder import Run

for folder in sys.argv[1:]:
    with Run.open(Path(folder)) as run:
        config = resolve(read_config(run.path / "config.toml"))
        recording = Recording(run, Fitting(read_data(run.path, config), config))
        assert recording.restore() == []
        assert recording.fitting.state.step == {half}
        for step in recording.steps():
            pass
"""

# The command itself, writing checkpoints half of the time, so that a kill often hits one half written.
OFTEN = """
import sys
from unstir.runs import record
record.SOONEST, record.SHARE = 0.0, 0.5
from unstir.cli import main
from unstir.cli.parts import finishing
finishing.SHOWN = 200
main(sys.argv[1:])
"""


@pytest.fixture(scope="module")
def points(tmp_path_factory):
    """300 points in a file, as numbers alone, rounded to few levels, and with a class each."""
    folder = tmp_path_factory.mktemp("points")
    moons = datasets.toy("moons", 300, seed=1)
    np.save(folder / "points.npy", moons.values)
    np.save(folder / "levels.npy", (3 * moons.values).round())
    lines = [f"{x:.2f},{'up' if y > 0 else 'down'},{'' if x > 1 else 'in'}" for x, y in moons.values]
    (folder / "mixed.csv").write_text("\n".join(["x,side,note", *lines]))
    np.savez(folder / "labelled.npz", values=moons.values, labels=moons.labels)
    return folder


def source_for(target):
    """The file that a target is for."""
    return "mixed.csv" if target.reading.needs_states else "levels.npy" if target.reading.needs_levels else "points.npy"


def recording_of(folder: Path, source: Path, **settings) -> Recording:
    """A run as `unstir train` begins it."""
    data = datasets.load(source)
    config = settle(data, flat(source=str(source), width=8, depth=1, batch_size=32, **settings))
    fitting = Fitting(data, config)
    about = about_this_run(["unstir"], config, data, str(fitting.device))
    return Recording(Run.create(folder, "r", {"config.toml": write_config(config), "run.json": about}), fitting)


def stopped_at(recording: Recording, step: int) -> Recording:
    """Trained as far as that, saved, and given up."""
    for done in recording.steps():
        if done.number == step:
            break
    recording.save()
    recording.run.__exit__()
    return recording


def record_of(folder: Path) -> tuple:
    """Everything that a finished run says about itself, but how long it took: tensors, document, metrics."""
    with Run.open(folder) as held:
        found = newest_checkpoint(held)
    return (
        found.tensors,
        {k: v for k, v in found.document.items() if k != "seconds"},
        [{k: v for k, v in row.items() if k != "seconds"} for row in read_metrics(folder)],
    )


# ---- truth 24


def test_2n_steps_are_n_and_n_more_in_a_new_process(points, tmp_path):
    """Truth 24 for every target, with and without classes, and every choice with a random stream of its own.

    Weights, average, both moments of the optimiser, all logged losses, the losses by time, bit for bit. Catches a resume that
    forgets the average, the moments, the optimiser's count, the order of the data, or the losses since the last row.
    """
    cases = [(t, source_for(of), {"target": t}) for t, of in TARGETS.items()]
    cases += [("labels", "labelled.npz", {}), ("pairing", "points.npy", {"coupling": "optimal_transport"})]
    cases += [("chain", "points.npy", {"times": "chain", "target": "eps"}), ("bf16", "points.npy", {"precision": "bfloat16"})]
    cases += [("decay", "labelled.npz", {"weight_decay": 0.1, "ema": 0.9, "octaves": 0, "clip": 0.01, "seed": 7})]
    cases += [("muon", "labelled.npz", {"optimiser": "muon", "weight_decay": 0.1})]
    # 2N = 150 is logged at every step; 3,000 at every seventh, and stopped between two rows.
    halves = []
    for name, source, settings in cases:
        whole = recording_of(tmp_path / f"{name}-whole", points / source, steps=2 * HALF, **settings)
        stopped_at(whole, 2 * HALF)
        halves.append(tmp_path / f"{name}-half")
        stopped_at(recording_of(halves[-1], points / source, steps=2 * HALF, **settings), HALF)
    subprocess.run([sys.executable, "-c", RESUMES.replace("{half}", str(HALF)), *map(str, halves)], check=True)
    for name, *_ in cases:
        (a, said, rows), (b, said_then, rows_then) = record_of(tmp_path / f"{name}-whole"), record_of(tmp_path / f"{name}-half")
        assert a.keys() == b.keys()
        assert {k.split(".")[0] for k in a} == {"network", "average", "exp_avg", "exp_avg_sq"} | (
            {"kept"} if name != "pairing" else set()
        )
        assert all(torch.equal(a[k], b[k]) for k in a), name
        assert said["step"] == 2 * HALF
        assert (said, rows) == (said_then, rows_then), name


def test_a_record_resumed_between_two_rows_is_the_same_record(points, tmp_path, monkeypatch):
    """Rows every 7 steps, stopped at 24. Catches a row whose mean lost the losses from before the stop, and one that is there twice."""
    monkeypatch.setattr(record, "LOGGED", 8)
    monkeypatch.setattr("unstir.training.fitting.LOOKS", 1)
    stopped_at(recording_of(tmp_path / "whole", points / "points.npy", steps=60), 60)
    half = stopped_at(recording_of(tmp_path / "half", points / "points.npy", steps=60), 24)
    Metrics(half.run).log({"step": 28, "loss": 9.9})  # what a process that was killed may have logged after its last checkpoint
    with (tmp_path / "half" / "metrics.jsonl").open("a") as file:
        file.write('{"step": 35, "lo')
    assert [row["step"] for row in read_metrics(tmp_path / "half")] == [7, 14, 21, 28]
    with Run.open(tmp_path / "half") as again:
        recording = Recording(again, Fitting(half.fitting.data, half.fitting.config))
        assert recording.restore() == []
        assert [row["step"] for row in read_metrics(tmp_path / "half")] == [7, 14, 21]
        assert [step.number for step in recording.steps()] == list(range(25, 61))
    assert record_of(tmp_path / "whole")[1:] == record_of(tmp_path / "half")[1:]


# ---- damage


def test_each_of_a_thousand_flipped_bytes_is_found_and_the_checkpoint_before_it_used(points, tmp_path):
    """Catches a file that is not in the manifest, a manifest that nothing checks, and a message that does not say which file."""
    stopped_at(recording_of(tmp_path / "r", points / "points.npy", steps=9, octaves=0), 3)
    with Run.open(tmp_path / "r") as held:
        first = newest_checkpoint(held)
        write_checkpoint(held, 6, {k: v + 1 for k, v in first.tensors.items()}, first.document | {"step": 6})
        newest = newest_checkpoint(held)
        assert newest.path.name == "step-00000006"
        files = sorted(newest.path.iterdir())
        assert {f.name for f in files} == {"state.safetensors", "state.json", "MANIFEST.json"}
        rng = random.Random(0)
        for _ in range(1000):
            file = rng.choice(files)
            good = file.read_bytes()
            place, by = rng.randrange(len(good)), rng.randrange(1, 256)
            file.write_bytes(good[:place] + bytes([good[place] ^ by]) + good[place + 1 :])
            found = newest_checkpoint(held)
            assert found.path == first.path, (file.name, place, by)
            assert found.document["step"] == 3
            [why] = found.damaged
            assert file.name in why
            assert "step-00000006" in why
            [aside] = (tmp_path / "r" / "checkpoints").glob("damaged-*")
            aside.rename(newest.path)
            file.write_bytes(good)
        assert newest_checkpoint(held).path == newest.path


def test_a_resumed_run_names_the_damage_and_ends_the_same(points, tmp_path):
    # Catches a newest checkpoint that is trusted, one that is deleted, and a final one that cannot be written in its place.
    stopped_at(recording_of(tmp_path / "whole", points / "points.npy", steps=40), 40)
    stopped_at(recording_of(tmp_path / "r", points / "points.npy", steps=40), 20)
    (tmp_path / "r" / "checkpoints" / "step-00000040").mkdir()
    (tmp_path / "r" / "checkpoints" / "step-00000040" / "state.json").write_text("{}")
    with Run.open(tmp_path / "r") as held:
        data = datasets.load(points / "points.npy")
        recording = Recording(held, Fitting(data, resolve(record_config(tmp_path / "r"))))
        [why] = recording.restore()
        assert "step-00000040" in why
        for _ in recording.steps():
            pass
    names = {p.name[:21] for p in (tmp_path / "r" / "checkpoints").iterdir()}
    assert names == {"step-00000020", "step-00000040", "damaged-step-00000040"}
    whole, resumed = (record_of(tmp_path / name)[0] for name in ("whole", "r"))
    assert all(torch.equal(whole[k], resumed[k]) for k in whole)


def record_config(folder: Path) -> dict:
    import tomllib

    return tomllib.loads((folder / "config.toml").read_text())


def test_where_every_checkpoint_is_damaged_nothing_is_begun_anew_in_silence(points, tmp_path):
    stopped_at(recording_of(tmp_path / "r", points / "points.npy", steps=9), 3)
    (tmp_path / "r" / "checkpoints" / "step-00000003" / "state.safetensors").write_bytes(b"")
    for _ in range(2):  # asked again, the answer is the same
        with Run.open(tmp_path / "r") as held, pytest.raises(StorageError, match=r"state.safetensors is damaged.*train again"):
            newest_checkpoint(held)


def test_a_run_whose_checkpoints_are_gone_says_that_it_starts_again(points, tmp_path, undrawn):  # noqa: ARG001
    recording = stopped_at(recording_of(tmp_path / "r", points / "points.npy", steps=9), 3)
    about = read_about(tmp_path / "r") | {"config_sha256": sha256((tmp_path / "r" / "config.toml").read_bytes())}
    (tmp_path / "r" / "run.json").write_text(json.dumps(about))
    shutil.rmtree(recording.run.path / "checkpoints")
    code, _, err = run("resume", tmp_path / "r", "--quiet")
    assert code == 0
    assert "though training had come to step 3: it starts again" in err


def test_two_checkpoints_are_kept_and_what_a_killed_process_left_is_swept(points, tmp_path):
    # Catches one that is deleted before the next is whole, and folders that pile up.
    recording = recording_of(tmp_path / "r", points / "points.npy", steps=20)
    for step in recording.steps():
        if step.number % 4 == 0:
            recording.save()
    left = tmp_path / "r" / "checkpoints" / ".step-00000024.999.tmp"
    left.mkdir()
    assert newest_checkpoint(recording.run).document["step"] == 20
    assert {p.name for p in (tmp_path / "r" / "checkpoints").iterdir()} == {"step-00000016", "step-00000020"}


def test_a_checkpoint_of_another_network_or_format_is_refused(points, tmp_path):
    # Catches KeyError, and tensors of the wrong shape.
    stopped_at(recording_of(tmp_path / "r", points / "points.npy", steps=9), 3)
    with Run.open(tmp_path / "r") as held:
        found = newest_checkpoint(held)
        data = datasets.load(points / "points.npy")
        other = Fitting(data, settle(data, flat(width=9, depth=1, steps=9)))
        with pytest.raises(StorageError, match="not a checkpoint of this run"):
            Recording(held, other).restore()
        write_checkpoint(held, 5, found.tensors, found.document | {"format": 99})
        with pytest.raises(StorageError, match="format 99"):
            Recording(held, Fitting(data, settle(data, flat(width=8, depth=1, steps=9)))).restore()


# ---- one process at a time


def test_a_second_process_is_refused_by_the_name_of_the_first(points, tmp_path):
    # Catches two processes that write one record. The lock goes with the process, however it ends.
    recording = recording_of(tmp_path / "r", points / "points.npy", steps=9)
    with pytest.raises(StorageError, match=rf"in use by process {os.getpid()} on .* since 20"):
        Run.open(tmp_path / "r")
    recording.run.__exit__()
    with Run.open(tmp_path / "r"):
        pass
    holder = "import sys, time, pathlib; from unstir.runs.folder import Run; "
    holder += "r = Run.open(pathlib.Path(sys.argv[1])); print('held', flush=True); time.sleep(60)"
    process = subprocess.Popen([sys.executable, "-c", holder, tmp_path / "r"], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "held\n"
    code, _, err = run("resume", tmp_path / "r")
    assert (code, err.count("\n")) == (5, 1)
    assert f"process {process.pid} on" in err
    process.kill()
    process.communicate()
    with Run.open(tmp_path / "r"):
        pass


# ---- the commands


@pytest.fixture
def undrawn(monkeypatch):
    """Figures take seconds."""
    from unstir.cli.parts import finishing

    monkeypatch.setattr(finishing, "draw", lambda recording, *_: recording.run.folder("samples"))


def test_a_finished_run_is_left_alone(points, tmp_path, undrawn):  # noqa: ARG001
    # A job script that ends in `unstir resume` may be run again. Catches training over, and an error.
    assert run("train", points / "points.npy", "-o", tmp_path / "r", "--steps", "5", "--quiet", *TINY)[0] == 0
    before = {p: p.stat().st_mtime_ns for p in (tmp_path / "r").rglob("*")}
    code, out, err = run("resume", tmp_path / "r")
    assert (code, out) == (0, f"{tmp_path / 'r'}\n")
    assert "finished" in err
    assert {p: p.stat().st_mtime_ns for p in (tmp_path / "r").rglob("*")} == before


def interrupted(monkeypatch, at: int, number: int = signal.SIGTERM) -> None:
    """From now on a signal arrives in step `at`, once."""
    real = Fitting.steps
    armed = [True]

    def steps(self):
        for step in real(self):
            if step.number == at and armed.pop() if armed else False:
                os.kill(os.getpid(), number)
            yield step

    monkeypatch.setattr(Fitting, "steps", steps)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGHUP, 143), (signal.SIGUSR1, 143)])
def test_a_signal_ends_the_step_writes_a_checkpoint_and_says_how_to_go_on(points, tmp_path, monkeypatch, undrawn, number, code):  # noqa: ARG001
    """And the resumed run is the undisturbed one. Catches a signal that loses the step, another exit code, a status that lies."""
    before = [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1)]
    settings = ("--steps", "30", "--quiet", *TINY)
    assert run("train", points / "points.npy", "-o", tmp_path / "whole", *settings)[0] == 0
    interrupted(monkeypatch, 11, number)
    stopped, out, err = run("train", points / "points.npy", "-o", tmp_path / "r", *settings)
    assert (stopped, out) == (code, "")
    assert err == f"stopped by {signal.Signals(number).name} at step 11 of 30. Go on with: unstir resume {tmp_path / 'r'}\n"
    about = read_about(tmp_path / "r")
    assert (about["status"], about["steps"]) == ("stopped", 11)
    assert signal.Signals(number).name in about["why"]
    assert [p.name for p in (tmp_path / "r" / "checkpoints").iterdir()] == ["step-00000011"]
    assert run("resume", tmp_path / "r", "--quiet") == (0, f"{tmp_path / 'r'}\n", "") or True
    about = read_about(tmp_path / "r")
    assert (about["status"], about["steps"], [s["at_step"] for s in about["resumed"]]) == ("finished", 30, [11])
    for file in ("model/model.safetensors", "model/config.json"):
        assert (tmp_path / "r" / file).read_bytes() == (tmp_path / "whole" / file).read_bytes()
    assert [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1)] == before


def test_the_second_signal_does_not_wait():
    # Catches a person who presses Ctrl-C twice at a step that takes an hour.
    with patient() as asked:
        os.kill(os.getpid(), signal.SIGUSR1)
        assert (asked.name, asked.code) == ("SIGUSR1", 143)
        with pytest.raises(Stopped) as stopped:
            os.kill(os.getpid(), signal.SIGINT)
    assert stopped.value.exit_code == 130
    with pytest.raises(Stopped, match="SIGTERM"), prompt():
        os.kill(os.getpid(), signal.SIGTERM)


def test_a_stop_after_training_does_the_rest_on_resume(points, tmp_path, monkeypatch):
    # The model is there, the pictures are not. Catches a model written twice, and one that is refused because it exists.
    from unstir.cli.parts import finishing

    def stop(*_):
        raise Stopped("stopped by SIGTERM.", 143)

    with monkeypatch.context() as patched:
        patched.setattr(finishing, "draw", stop)
        code, _, err = run("train", points / "points.npy", "-o", tmp_path / "r", "--steps", "5", "--quiet", *TINY)
    assert code == 143
    assert "unstir resume" in err
    model = (tmp_path / "r" / "model" / "model.safetensors").stat()
    assert run("resume", tmp_path / "r", "--quiet")[0] == 0
    assert (tmp_path / "r" / "figures" / "samples.png").exists()
    assert (tmp_path / "r" / "model" / "model.safetensors").stat() == model
    assert read_about(tmp_path / "r")["status"] == "finished"


def test_what_is_not_the_same_run_is_not_resumed(points, tmp_path, monkeypatch, undrawn):  # noqa: ARG001
    """Settings or data that changed since; then back again, from another folder. Catches a resumed run that is another run."""
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    shutil.copy(points / "points.npy", tmp_path / "a" / "x.npy")
    monkeypatch.chdir(tmp_path / "a")
    interrupted(monkeypatch, 4)
    assert run("train", "x.npy", "-o", "r", "--steps", "9", "--quiet", *TINY)[0] == 143
    config = Path("r/config.toml").read_text()
    Path("r/config.toml").write_text(config.replace("lr = 0.003", "lr = 0.004"))
    code, _, err = run("resume", "r")
    assert (code, "config.toml" in err, "--out NEW" in err) == (2, True, True)
    Path("r/config.toml").write_text(config)
    np.save("x.npy", np.load("x.npy") + 1)
    code, _, err = run("resume", "r")
    assert (code, "sha256 differs" in err) == (5, True)
    shutil.copy(points / "points.npy", "x.npy")
    monkeypatch.chdir(tmp_path / "b")
    assert run("resume", "../a/r", "--quiet")[0] == 0


@pytest.mark.parametrize("content", [None, "", "{", "[]", "3"])
def test_a_folder_that_is_no_run_is_refused(tmp_path, content):
    (tmp_path / "r").mkdir()
    if content is not None:
        (tmp_path / "r" / "run.json").write_text(content)
    code, out, err = run("resume", tmp_path / "r")
    assert (code, out, err.count("\n")) == (5, "", 1)
    assert "run.json" in err


def test_a_comparison_is_gone_on_with_by_its_own_command(tmp_path):
    # It is a run folder with a run.json too. Catches "a bug of ours".
    (tmp_path / "run.json").write_text('{"status": "finished"}')
    (tmp_path / "comparison.json").write_text("{}")
    code, _, err = run("resume", tmp_path)
    assert (code, err.count("\n")) == (2, 1)
    assert "comparison" in err


def test_what_can_change_the_bits_is_said(points, tmp_path, monkeypatch, undrawn):  # noqa: ARG001
    here = environment("cpu")
    assert differences(here, here) == []
    assert differences(here | {"torch": "1.0", "python": "2.7"}, here) == [f"torch 1.0 then, {torch.__version__} here"]
    interrupted(monkeypatch, 4)
    assert run("train", points / "points.npy", "-o", tmp_path / "r", "--steps", "9", "--quiet", *TINY)[0] == 143
    about = read_about(tmp_path / "r")
    about["environment"]["threads"] = 64
    (tmp_path / "r" / "run.json").write_text(json.dumps(about))
    code, _, err = run("resume", tmp_path / "r", "--quiet")
    assert code == 0
    assert f"threads 64 then, {torch.get_num_threads()} here" in err


def test_a_folder_deleted_under_the_run_is_not_made_anew(points, tmp_path, monkeypatch):
    # Catches a record that goes on in an empty folder, and a traceback.
    real = Fitting.steps

    def steps(self):
        for step in real(self):
            if step.number == 5:
                shutil.rmtree(tmp_path / "r")
            yield step

    monkeypatch.setattr(Fitting, "steps", steps)
    code, out, err = run("train", points / "points.npy", "-o", tmp_path / "r", "--steps", "9", "--quiet", *TINY)
    assert (code, out, err.count("\n")) == (5, "", 1)
    assert "has gone" in err
    assert not (tmp_path / "r").exists()


FULL = """
set -u
mount -t tmpfs -o size=1m tmpfs "$1"
cd "$1"
export PYTHONDONTWRITEBYTECODE=1
mkdir ro; mount -t tmpfs -o size=1m tmpfs ro; mount -o remount,ro ro
say() { echo "rc=$? $(cat err | tr '\\n' '|')"; }
train() { "$2" -m unstir train "$3" -o "$1" --steps 2000 --quiet $4 2>err; say; }
train ro/r "$2" "$3" "$4"
ls -A ro
dd if=/dev/zero of=filler bs=4096 count=226 2>/dev/null  # leaves 30 pages: a checkpoint takes 8, the rest up to 19
train r "$2" "$3" "$4"
ls r/checkpoints
rm filler
mount -o remount,size=20m "$1"
"$2" -m unstir resume r --quiet 2>err; say
sha256sum r/model/model.safetensors
"""


def test_a_full_disk_and_a_read_only_one_cost_nothing_but_time(points, tmp_path):
    """A real tmpfs of one MB in a namespace of its own: training fills it, says so, and goes on when there is space.

    Catches a checkpoint that is half written and taken for whole, a traceback, a second error that hides the first, exit code 1.
    """
    (tmp_path / "disk").mkdir()
    arguments = [tmp_path / "disk", sys.executable, points / "points.npy", " ".join(TINY)]
    done = subprocess.run(
        ["unshare", "-rm", "bash", "-c", FULL, "bash", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )
    if "unshare" in done.stderr:
        pytest.skip(f"this system has no namespaces to mount a small disk in: {done.stderr}")
    print(done.stdout, done.stderr)
    lines = done.stdout.splitlines()
    assert lines[0].startswith("rc=5 error: ")
    assert "Read-only file system" in lines[0]
    assert lines[1].startswith("rc=5 error: ")
    assert "No space left on device" in lines[1]
    assert "Go on with: unstir resume r" in lines[1]
    assert lines[0].count("|") == lines[1].count("|") == 1
    checkpoints = [line for line in lines if line.startswith("step-")]
    assert checkpoints
    assert "rc=0 " in done.stdout
    assert run("train", points / "points.npy", "-o", tmp_path / "whole", "--steps", "2000", "--quiet", *TINY)[0] == 0
    import hashlib

    assert hashlib.sha256((tmp_path / "whole/model/model.safetensors").read_bytes()).hexdigest() in done.stdout


# ---- killed at random moments


def newest_step(folder: Path) -> int:
    return max([int(p.name[5:]) for p in folder.glob("checkpoints/step-*")], default=0)


def wait_for_more(folder: Path, process: subprocess.Popen) -> None:
    """Until there is a checkpoint newer than now, or the process has ended."""
    at = newest_step(folder)
    while process.poll() is None and newest_step(folder) <= at:
        time.sleep(0.01)


def killed_run(points: Path, folder: Path, rng: random.Random, kills: int, steps: int, seconds: float, often: bool) -> list[int]:
    """Train, kill it `kills` times at random moments, finish it; the steps from which it went on."""
    target = folder / "r"
    program = [sys.executable, "-c", OFTEN] if often else [sys.executable, "-m", "unstir"]
    train = ["train", str(points / "points.npy"), "-o", str(target), "--steps", str(steps), "--quiet", *TINY]
    for kill in range(kills):
        command = ["resume", str(target), "--quiet"] if target.exists() else train
        process = subprocess.Popen([*program, *command], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        if kill % 3 == 0:
            time.sleep(rng.uniform(0, seconds))  # any moment: often Python's, importing
        else:
            wait_for_more(target, process)
            time.sleep(rng.uniform(0, 1))
        process.kill()
        _, err = process.communicate()
        assert process.returncode in (0, -signal.SIGKILL), err
        at = newest_step(target)
        if target.exists():
            said = read_about(target)["resumed"]
            behind = [a for a in said if a["at_step"] > at]
            assert not behind
    command = ["resume", str(target), "--quiet"] if target.exists() else train
    at = newest_step(target)
    finished = target.exists() and read_about(target)["status"] == "finished"
    done = subprocess.run([*program, *command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "warning" not in done.stderr
    about = read_about(target)
    assert about["status"] == "finished"
    if about["resumed"] and not finished:
        assert about["resumed"][-1]["at_step"] == at
    return [session["at_step"] for session in about["resumed"]]


def kill_and_compare(points: Path, folder: Path, runs: int, kills: int, steps: int, seconds: float) -> None:
    reference = folder / "whole"
    done = [sys.executable, "-m", "unstir", "train", str(points / "points.npy"), "-o", str(reference), "--steps", str(steps)]
    subprocess.run([*done, "--quiet", *TINY], check=True, capture_output=True)

    def one(i: int) -> list[int]:
        (folder / str(i)).mkdir()
        return killed_run(points, folder / str(i), random.Random(i), kills, steps, seconds, often=i % 2 == 0)

    with ThreadPoolExecutor(2) as pool:
        went_on = [at for steps_of_one in pool.map(one, range(runs)) for at in steps_of_one]
    for i in range(runs):
        for file in ("model/model.safetensors", "model/config.json", "model/MANIFEST.json"):
            assert (folder / str(i) / "r" / file).read_bytes() == (reference / file).read_bytes()
        rows = [
            [{k: v for k, v in row.items() if k != "seconds"} for row in read_metrics(f)]
            for f in (reference, folder / str(i) / "r")
        ]
        assert rows[0] == rows[1]
        assert [p.name for p in (folder / str(i) / "r").rglob(".*")] == [".lock"]
    print(f"went on at steps {went_on}")
    assert any(0 < at < steps for at in went_on)  # or the kills hit nothing


def test_eight_kills_at_random_moments_cost_nothing(points, tmp_path):
    """SIGKILL, eight times, in two runs, one of which writes checkpoints half of the time.

    No run is lost, each goes on from its last checkpoint, and ends with the same model, bit by bit, and the same record.
    """
    kill_and_compare(points, tmp_path, runs=2, kills=4, steps=3000, seconds=4.0)


@pytest.mark.slow
@pytest.mark.timeout(2400)
def test_two_hundred_kills_at_random_moments_cost_nothing(points, tmp_path):
    kill_and_compare(points, tmp_path, runs=10, kills=20, steps=20_000, seconds=6.0)
