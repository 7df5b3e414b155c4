"""`DiffusionModel`: a diffusion model with the methods and habits of scikit-learn's estimators.

    fit(X, y)               trains `unstir.fit`'s model, which is then `model_`
    sample(n, y)            new rows
    score_samples(X, y)     log p(x), or log p(x | y), in nats
    score(X, y)             its mean, which `GridSearchCV` makes large

`get_params`, `set_params`, `clone` and `Pipeline` work as they do everywhere. What y is: `targets`.

>>> X = np.random.default_rng(0).normal(5.0, 2.0, (200, 2))
>>> model = DiffusionModel(steps=20, random_state=0).fit(X)
>>> model.sample(3).shape, model.score_samples(X[:4]).shape
((3, 2), (4,))
"""

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, DensityMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_consistent_length, check_is_fitted, validate_data  # pyrefly: ignore

from unstir.errors import UsageError
from unstir.model.sampling import Method, Sampling
from unstir.sklearn.targets import is_table, targets_of
from unstir.training.fit import fit

NAMED = ("steps", "minutes", "batch_size", "lr", "network", "width", "depth", "schedule", "target", "encoder", "held_out")
"""The parameters that are arguments of `unstir.fit`, by its names."""
MOST_SEED = 2**31 - 1


class DiffusionModel(DensityMixin, BaseEstimator):
    """A diffusion model of the rows of X, with scikit-learn's methods.

    Parameters of training are those of `unstir.fit`; None is chosen from the data: `steps`, or `minutes` to train for; `batch_size`, `lr`,
    `network`, `width`, `depth`, `schedule`, `target`, `encoder`, and `held_out`, the share of the rows that is not trained on. `settings`
    is a dict of any others, as in {"keep": "last"}.
    Parameters of sampling are those of `unstir.Sampling`: `evaluations` of the network for a sample, `method`, and `guidance`.
    `likelihood_steps` are those of `score_samples`: fewer are faster and less exact.
    `random_state` decides everything random: a whole number, a `RandomState`, or None for another result each time. `verbose` above 0
    shows the progress of training.

    Fitted attributes: `model_`, the `unstir.Model` with all its methods; `classes_`, if y was classes; `n_features_in_` and, of a data
    frame, `feature_names_in_`.
    """

    def __init__(
        self,
        *,
        steps: int | None = None,
        minutes: float | None = None,
        batch_size: int | None = None,
        lr: float | None = None,
        network: Any = None,
        width: int | None = None,
        depth: int | None = None,
        schedule: Any = None,
        target: Any = None,
        encoder: Any = None,
        held_out: float | None = None,
        settings: dict[str, Any] | None = None,
        evaluations: int = 20,
        method: Method | None = None,
        guidance: float = 1.0,
        likelihood_steps: int = 64,
        random_state: Any = None,
        verbose: int = 0,
    ):
        self.steps, self.minutes, self.batch_size, self.lr = steps, minutes, batch_size, lr
        self.network, self.width, self.depth = network, width, depth
        self.schedule, self.target, self.encoder, self.held_out = schedule, target, encoder, held_out
        self.settings, self.evaluations, self.method, self.guidance = settings, evaluations, method, guidance
        self.likelihood_steps, self.random_state, self.verbose = likelihood_steps, random_state, verbose

    def fit(self, X: Any, y: Any = None) -> Self:
        """Train on the rows X (N, ...), an array or a data frame, and on what each is given, y: classes, numbers or columns (`targets`).

        Columns of a data frame may hold text, booleans, times and missing cells. Raises ValueError for X, y or parameters that cannot be
        used.
        """
        X, targets = self._checked(X, reset=True), targets_of(y)
        if y is not None:
            check_consistent_length(X, y)
        named = {name: value for name in NAMED if (value := getattr(self, name)) is not None}
        others = dict(self.settings or {})
        if twice := sorted({*named, "seed"} & others.keys()):
            where = "random_state" if twice[0] == "seed" else twice[0]
            raise UsageError(f"settings has '{twice[0]}', which is the parameter {where}: set it there.")
        seed = self._seed(self.random_state)
        self.model_ = fit(X, targets.labels, given=targets.given, seed=seed, progress=bool(self.verbose), **named, **others)
        self.targets_ = targets.alone
        self.__dict__.pop("classes_", None)  # of rows that were fitted before
        if targets.labels is not None:
            self.classes_ = np.unique(targets.labels)
        return self

    def sample(self, n_samples: int | None = None, y: Any = None, *, random_state: Any = None, return_y: bool = False) -> Any:
        """New rows (n, ...) as X came, for y, a value for all or one for each; without y, for values as frequent as in training.

        What n_samples leaves out is one row for each of y, or one. `random_state` takes the place of the parameter. With `return_y` it is
        (X, y), y as in training: of a model that was fitted with y. Raises ValueError for a class or a name that is not known.
        """
        check_is_fitted(self)
        model, n = self.model_, n_samples if n_samples is not None else self._rows(y)
        seed = self._seed(self.random_state if random_state is None else random_state)
        X = model.sample(n, y, Sampling(self.evaluations, self.method, self.guidance, seed=seed))
        if not return_y:
            return X
        values = model.given(n, y, seed)
        if values is None:
            raise UsageError("return_y needs a model that was fitted with y; this one was not.")
        return X, self.classes_[values.numpy()] if hasattr(self, "classes_") else self.targets_.back(values, model.condition)

    def score_samples(self, X: Any, y: Any = None) -> np.ndarray:
        """log p(x) of rows X (N, ...) in nats, (N,); with y it is log p(x | y).

        Of rows of more than 16 numbers it is an estimate, from a random direction for each place in X: `Model.log_prob`. Raises UsageError
        for a table with categories or missing cells, which has no density.
        """
        check_is_fitted(self)
        return self.model_.log_prob(self._checked(X, reset=False), y, self.likelihood_steps)

    def score(self, X: Any, y: Any = None) -> float:
        """The mean of `score_samples`, nats a row: larger is better."""
        return float(np.mean(self.score_samples(X, y)))

    def _checked(self, X: Any, reset: bool) -> Any:
        """X as it came, after scikit-learn's checks. The columns of a table are checked by name only: `fit` checks the cells."""
        if is_table(X):
            validate_data(self, X, reset=reset, skip_check_array=True)
            return X
        return validate_data(self, X, reset=reset, allow_nd=True, ensure_min_samples=2 if reset else 1)

    def _rows(self, y: Any) -> int:
        """How many rows y is for: one if it is a single value or there is none."""
        if isinstance(y, Mapping):
            return max((1 if np.ndim(cells) == 0 else len(cells) for cells in y.values()), default=1)
        return 1 if y is None or np.ndim(y) < max(1, self.targets_.ndim) else len(y)

    def _seed(self, state: Any) -> int:
        """A seed of unstir from a state of scikit-learn: a whole number is itself."""
        if isinstance(state, int | np.integer):
            return int(state)
        return int(check_random_state(state).randint(MOST_SEED))
