"""Which schedule, target or sampler is better on this data? And is the difference more than chance?

    data -> trainings x seeds -> model -> samples -> scores -> differences seed by seed -> verdict

In reading order:

    layout.py    what is trained and how it is sampled: everything the same for all but the one thing that is compared
    reading.py   a training starts from a seed, its model is sampled, and the samples are scored against true rows
    verdict.py   the scores of all seeds become a table with intervals, and sentences that claim no more than the numbers support
    tables.py    how the numbers are written, and the table as CSV; figure.py draws them beside samples

`unstir compare` (cli/compare.py) runs these, and goes on where it was stopped: its folder is in runs/comparison.py.
"""

from unstir.registry import lazily

_NAMES = {
    "set_up": "layout",  # what is compared, laid out
    "Comparison": "layout",  # a comparison that is laid out
    "Yardstick": "reading",  # what samples are measured with
    "conclude": "verdict",  # what the scores let one say
}
__all__ = [*_NAMES]
__getattr__, __dir__ = lazily(__name__, _NAMES)
