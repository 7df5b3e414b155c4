"""Is a model good, and is it honest? Its samples and errors, each compared with what true rows give.

scores.py          distances between samples and true rows, each beside its floor: the distance between true rows
summaries.py       what is looked at of a row: a table's columns, or a few numbers of an image or a sequence
columns.py         are these columns right? shares and correlations, in words
features.py        a small network that learns features of images and sequences
likeness.py        the scores in these features
cells.py           rows of a mixed table as flags and as points
mixed.py           the scores of mixed tables: shapes, trends, gaps; trees.py has trees that tell samples, or learn from them
sampled.py         samples as rows of numbers
memorisation.py    are samples copies of training rows, and does the model denoise training rows better than unseen ones?
verdict.py         the two answers in words
answers.py         all of this together
"""

from unstir.registry import lazily

_NAMES = {
    "Score": "scores",  # one number beside its floor
    "Truth": "scores",  # sets of true rows that samples are compared with
    "truth_of": "scores",  # the true rows of a data set
    "compare": "scores",  # the scores of sets of samples
    "evaluate": "scores",  # the scores of a model
    "examine": "answers",  # everything that can be measured of a model
}
__all__ = [*_NAMES]
__getattr__, __dir__ = lazily(__name__, _NAMES)
