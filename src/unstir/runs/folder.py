"""Run folders: what a training run leaves on disk, and the right to write there.

    config.toml  data.json  run.json  metrics.jsonl  .lock  checkpoints/step-00002000/  model/  samples/  figures/

`metrics.jsonl` is the truth about how training went, one object a logged step; `model/` is the only part to share. A folder
appears whole, with all that `resume` needs, or not at all. One process holds it at a time: the kernel frees the lock of a
process that dies, however it dies. Nothing in it is ever deleted but checkpoints older than the last two.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as place, Run.create(Path(place) / "r", "r", {"run.json": {"status": "running"}}) as run:
    ...     run.log({"step": 1, "loss": 0.5})
    ...     read_metrics(run.path)
    [{'step': 1, 'loss': 0.5}]
"""

import fcntl
import json
import os
import platform
import secrets
import shutil
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from unstir import __version__
from unstir.data import Data
from unstir.encoders.affine import Encoder
from unstir.errors import StorageError
from unstir.files import json_bytes, read_folder, refuse_existing, storage_errors, write_file, write_folder, write_whole
from unstir.model.folder import encoder_from
from unstir.training.config import Config
from unstir.training.presets import load_data
from unstir.training.processes import here

KEPT = 2  # checkpoints: the newest, and the one before it should that be damaged
RELATIVE = "folder"  # of run.json: where the run was started, from where a relative path to its data counts
EXACT = ("torch", "threads", "device", "world_size", "machine")  # what has to be the same for the same bits
CHECKPOINT = "step-{:08d}"
ENCODER = "encoder"


class Checkpoint(NamedTuple):
    """One that is whole: its folder, the tensors and the document it holds, and why newer ones were passed over."""

    path: Path
    tensors: dict[str, Tensor]
    document: dict[str, Any]
    passed_over: list[str]


class Run:
    """A run folder that this process holds. Use it in a `with`: leaving it gives the folder free."""

    def __init__(self, path: Path, lock: int):
        self.path, self._lock = path, lock

    @classmethod
    def create(cls, path: Path | None, name: str, files: Mapping[str, Any]) -> "Run":
        """A new folder with these files, text or JSON: at `path`, or `runs/<name>-<four random digits>`. StorageError where it exists."""
        path = path or Path("runs") / f"{Path(name).stem}-{secrets.token_hex(2)}"
        refuse_taken(path)
        with write_whole(path) as temporary:
            for file, content in files.items():
                write_file(temporary / file, content.encode() if isinstance(content, str) else json_bytes(content))
            lock = _hold(temporary)
        return cls(path, lock)

    @classmethod
    def open(cls, path: Path) -> "Run":
        """An existing folder, to go on with it. StorageError where it is none, or another process holds it."""
        read_about(path)
        return cls(path, _hold(path))

    def __enter__(self) -> "Run":
        return self

    def __exit__(self, *_: object) -> None:
        os.ftruncate(self._lock, 0)  # the file stays: to remove a lock that others wait for is to break it
        os.close(self._lock)

    def write(self, name: str, content: str | dict[str, Any] | list[Any]) -> None:
        """Write a text or JSON file of the run, whole or not at all."""
        with self._there():
            write_file(self.path / name, content.encode() if isinstance(content, str) else json_bytes(content))

    def note(self, **changes: Any) -> None:
        """Change these entries of `run.json`."""
        self.write("run.json", read_about(self.path) | changes)

    def log(self, row: dict[str, Any]) -> None:
        """Append one object to `metrics.jsonl`; NaN, for what was not measured, becomes null."""
        with self._there(), storage_errors(self.path), open(self.path / "metrics.jsonl", "a") as file:
            file.write(json.dumps(_finite(row), allow_nan=False) + "\n")

    def folder(self, name: str) -> Path:
        """A sub-folder, made if need be."""
        with self._there(), storage_errors(self.path):
            (self.path / name).mkdir(exist_ok=True)
        return self.path / name

    def save(self, step: int, tensors: Mapping[str, Tensor], document: Mapping[str, Any]) -> None:
        """Write the checkpoint of a step, whole or not at all, and take away those older than the last two."""
        folder = self.folder("checkpoints")
        if (folder / CHECKPOINT.format(step)).exists():
            return  # the same step of the same run: the same numbers
        write_folder(folder / CHECKPOINT.format(step), {"state": tensors}, {"state": dict(document)})
        with storage_errors(folder):
            for old in _checkpoints(self.path)[:-KEPT]:
                shutil.rmtree(old.rename(old.with_name(f".{old.name}.old.tmp")))  # renamed first: half of one is never seen

    def newest(self) -> Checkpoint | None:
        """The newest checkpoint that is whole; None where training has not come to its first.

        Damaged ones are put aside under another name. StorageError where there are some and all are damaged: they stay where they are.
        """
        with storage_errors(self.path):
            for left in (self.path / "checkpoints").glob(".*.tmp"):  # of a process that was killed while it wrote
                shutil.rmtree(left)
        damaged: dict[Path, str] = {}
        for path in reversed(_checkpoints(self.path)):
            try:
                tensors, documents = read_folder(path, ["state"], ["state"])
            except StorageError as error:
                damaged[path] = str(error)
                continue
            for other in damaged:
                with storage_errors(other):
                    other.rename(other.with_name(f"damaged-{other.name}-{secrets.token_hex(2)}"))
            return Checkpoint(path, tensors["state"], documents["state"], list(damaged.values()))
        if damaged:
            raise StorageError(
                f"no checkpoint of {self.path} is whole: {' '.join(damaged.values())} Put a copy of one back into "
                f"{self.path / 'checkpoints'}, or train again: unstir train --config {self.path / 'config.toml'} --out NEW."
            )
        return None

    def trim(self, step: int) -> None:
        """Take from `metrics.jsonl` what was logged after a step, and a last line that was cut: it will be logged again."""
        rows = [row for row in read_metrics(self.path) if row["step"] <= step]
        text = "".join(json.dumps(row) + "\n" for row in rows)
        if not (self.path / "metrics.jsonl").exists() or (self.path / "metrics.jsonl").read_text(errors="replace") != text:
            self.write("metrics.jsonl", text)

    @contextmanager
    def _there(self) -> Iterator[None]:
        if not self.path.is_dir():
            raise StorageError(
                f"{self.path} has gone: it was moved or deleted while it was in use. Nothing was written elsewhere."
            )
        yield


def refuse_taken(path: Path) -> None:
    """Raise StorageError where a new run cannot be, naming `resume` where there is one."""
    with storage_errors(path):
        if (path / "run.json").exists():
            raise StorageError(f"{path} exists already. Go on with `unstir resume {path}`, or choose another --out.")
    refuse_existing(path)


def read_about(path: Path) -> dict[str, Any]:
    """What `run.json` says. StorageError where the folder is no run, or the file is damaged."""
    with storage_errors(path):
        if not (path / "run.json").is_file():
            raise StorageError(f"{path} is not a run folder: it has no run.json. `unstir train DATA -o {path}` makes one.")
        try:
            about = json.loads((path / "run.json").read_text())
        except ValueError as error:
            raise StorageError(f"{path / 'run.json'} is damaged: {error}. Use another copy.") from None
    if not isinstance(about, dict):
        raise StorageError(f"{path / 'run.json'} does not hold a JSON object. Use another copy.")
    return about


def read_description(path: Path) -> dict[str, Any]:
    """What `data.json` says of the rows that were trained on. StorageError where it is missing or damaged."""
    with storage_errors(path / "data.json"):
        try:
            return json.loads((path / "data.json").read_text())
        except ValueError as error:
            raise StorageError(f"{path / 'data.json'} is damaged: {error}. Use another copy.") from None


def write_encoder(path: Path, encoder: Encoder) -> None:
    """Write an encoder that was trained, not only fitted, into the run: `encoder/`."""
    write_folder(
        path / ENCODER, {"encoder": encoder.tensors()}, {"encoder": {"name": encoder.name, "settings": encoder.settings}}
    )


def read_encoder(path: Path) -> Encoder | None:
    """The encoder that was trained for this run, None where it was only fitted. StorageError where it is damaged."""
    if not (path / ENCODER).is_dir():
        return None
    tensors, documents = read_folder(path / ENCODER, ["encoder"], ["encoder"])
    return encoder_from(**documents["encoder"], tensors=tensors["encoder"])


def span(description: Mapping[str, Any]) -> tuple[float, float]:
    """From where to where the data's values go: the bounds of its type, else the lowest and the highest of its rows."""
    statistics = description["statistics"]
    low, high = description["bounds"] or (min(statistics["min"]), max(statistics["max"]))
    return low, high


def standing(path: Path) -> dict[str, Any]:
    """`read_about`, where a run that says "running" and that nobody holds is "stopped": whoever trained it could not say so any more."""
    about = read_about(path)
    if about.get("status") == "running" and not _held(path):
        why = f"The process that ran it is gone, killed or by a crash of the machine. `unstir resume {path}` goes on."
        return about | {"status": "stopped", "why": why}
    return about


def read_metrics(path: Path) -> list[dict[str, Any]]:
    """The rows of a run's `metrics.jsonl`, as many as are whole: a process that is killed can cut the last."""
    if not (path / "metrics.jsonl").exists():
        return []
    with storage_errors(path):
        *lines, _ = (path / "metrics.jsonl").read_bytes().split(b"\n")
    rows = []
    for number, line in enumerate(lines, 1):
        try:
            rows.append(json.loads(line))
            rows[-1]["step"] + 1
        except (ValueError, TypeError, KeyError):
            raise StorageError(f"{path / 'metrics.jsonl'}, line {number}: not a logged step. Use another copy.") from None
    return rows


def read_state(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
    """Tensors and document of the newest checkpoint that is whole, only looked at; None where there is none.

    Needs no lock: a checkpoint appears and goes away whole, and one that is being trained on is not in its way.
    """
    for folder in reversed(_checkpoints(path)):
        try:
            tensors, documents = read_folder(folder, ["state"], ["state"])
        except StorageError:
            continue
        return tensors["state"], documents["state"]
    return None


def read_data(path: Path, config: Config) -> Data:
    """The rows that a run was trained on, read again, and found the same.

    A path that is not there is tried from the folder in which the run was started. StorageError where the data differs.
    """
    about, source = read_about(path), config.data.source
    elsewhere = Path(str(about.get(RELATIVE, "."))) / source
    if not Path(source).exists() and elsewhere.exists():
        config = config.model_copy(update={"data": config.data.model_copy(update={"source": str(elsewhere)})})
    data = load_data(config)
    if data.sha256() != about.get("data_sha256"):
        raise StorageError(f"{source} is not the data that {path} was trained on: its sha256 differs. Bring the old file back.")
    return data


def about_this_run(command: list[str], config: Config, data: Data, device: str) -> dict[str, Any]:
    """What `run.json` holds at the start: versions, device, threads, command, seed, the data's sha256, status."""
    return {
        "status": "running",
        "started": now(),
        "command": command,
        RELATIVE: str(Path.cwd()),
        "seed": config.seed,
        "data_sha256": data.sha256(),
        "environment": environment(device),
        "resumed": [],
    }


def environment(device: str) -> dict[str, Any]:
    """What the bits of a result can depend on, and what else one asks when something is odd."""
    return {
        "unstir": __version__,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "platform": platform.system(),
        "machine": f"{cpu_model()}, {torch.backends.cpu.get_cpu_capability()}",
        "device": torch.cuda.get_device_name(device) if device.startswith("cuda") else device,
        "threads": torch.get_num_threads(),
        "world_size": here().count,
    }


def differences(then: Mapping[str, Any], here: Mapping[str, Any]) -> list[str]:
    """What of two environments can change the bits of a result, as `torch 2.12.0 then, 2.13.0 here`."""
    return [f"{name} {then.get(name)} then, {here[name]} here" for name in EXACT if then.get(name) != here[name]]


def cpu_model() -> str:
    """The name of this machine's processor."""
    if Path("/proc/cpuinfo").exists():
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def now() -> str:
    """This moment, UTC, ISO 8601 to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def _checkpoints(path: Path) -> list[Path]:
    """Oldest first."""
    return sorted((path / "checkpoints").glob("step-*"))


def _hold(path: Path) -> int:
    """Lock a run folder for this process: an open file whose lock the kernel keeps. StorageError where another holds it."""
    with storage_errors(path):
        lock = os.open(path / ".lock", os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(lock, 4096).decode(errors="replace").strip() or "another process"
            os.close(lock)
            raise StorageError(f"{path} is in use by {holder}. Wait until it has ended, or stop it.") from None
        os.ftruncate(lock, 0)
        os.write(lock, f"process {os.getpid()} on {socket.gethostname()} since {now()}\n".encode())
    return lock


def _held(path: Path) -> bool:
    """Whether a process holds a run folder, this one included."""
    try:
        lock = os.open(path / ".lock", os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
    return False


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _finite(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_finite(v) for v in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value
