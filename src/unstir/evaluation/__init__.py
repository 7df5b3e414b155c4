"""Is it good, and is it honest? A model's samples and errors beside what true rows give.

scores.py          distances between samples and true rows, each beside its floor
likeness.py        the same in features, for images and sequences; features.py learns them
memorisation.py    are samples copies of training rows, and are these denoised better than unseen ones?
answers.py         all of it together, and the two answers in words
"""

from unstir.registry import lazily

_NAMES = {
    "Score": "scores",  # one number beside its floor
    "Truth": "scores",  # sets of true rows to compare with
    "truth_of": "scores",  # the true rows of some data
    "compare": "scores",  # sets of samples beside true rows
    "evaluate": "scores",  # the scores of a model
    "examine": "answers",  # all that can be found out about a model
}
__all__ = [*_NAMES]
__getattr__, __dir__ = lazily(__name__, _NAMES)
