"""Run folders: what a training run leaves on disk, file by file.

    runs/swiss_roll-7f3a/
      config.toml                  the settings: `training/config_file.py` writes and reads them
      run.json                     about.py         versions, command, seed, status
      data.json   encoder/         data.py          what was trained on, and an encoder that had to be trained first
      metrics.jsonl                metrics.py       one line for each logged step
      plan.jsonl                   plans.py         one line for each time that the end of a run with --minutes was moved
      checkpoints/step-00002000/   checkpoints.py   everything needed to resume
      .lock                        lock.py          which process may write here
      model/                       the trained model, the only part to share: `model.folder` writes and reads it
      samples/   figures/   report.html

In reading order: `folder.py` has the class `Run`, a folder that this process may write to, and `lock.py` makes sure that it is the only
one. `record.py` trains, logs about 400 rows a run to the trackers (`trackers.py`; `metrics.jsonl` is always written), and writes checkpoints
(`checkpoints.py`). `lines.py` reads what is written line by line. `loading.py` loads the model of a run, finished or not.
`about.py` and `data.py` describe the run and its data, for
`resume` and for commands that only read. `environment.py` lists what can change a result bit for bit: versions, processor, threads.
`comparison.py` is the folder of a comparison.

A run folder appears whole, with all that `resume` needs, or not at all. Nothing in it is ever deleted but old checkpoints.
"""

from unstir.registry import lazily

_NAMES = {
    "Run": "folder",  # a run folder that this process holds
    "read_about": "about",  # what run.json says
    "read_metrics": "metrics",  # the logged steps
    "read_data": "data",  # the rows that a run was trained on
    "load": "loading",  # the model of a run, finished or not
    "Recording": "record",  # training that is recorded in a run folder
}
__all__ = [*_NAMES]
__getattr__, __dir__ = lazily(__name__, _NAMES)
