"""`unstir.sklearn`: scikit-learn's own checks, and that parameters, y and data frames mean what they say."""

import subprocess
import sys
import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator

import unstir
from unstir.errors import UsageError
from unstir.sklearn import DiffusionModel

RNG = np.random.default_rng(0)
X = RNG.normal([3.0, -1.0], [2.0, 0.5], (120, 2))
CLASSES = np.where(X[:, 0] > 3, "high", "low")
SMALL = {"steps": 3, "width": 8, "depth": 1}


def small(**parameters):
    return DiffusionModel(**(SMALL | {"random_state": 0} | parameters))


@pytest.mark.usefixtures("brief")
def test_scikit_learns_own_checks():
    # All pass. Catches a parameter that the constructor changes, an attribute that fit does not set, X that is changed or not checked.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = check_estimator(
            DiffusionModel(steps=2, width=8, depth=1, batch_size=8, likelihood_steps=2, settings={"keep": "last"}),
            on_skip=None,
            on_fail=None,
        )
    assert [(one["check_name"], str(one["exception"])) for one in found if one["status"] == "failed"] == []
    assert len([one for one in found if one["status"] == "passed"]) > 30


def test_it_is_the_model_of_unstir():
    # Catches a parameter that is not passed on, or to another setting.
    settings = {
        "steps": 4,
        "width": 16,
        "depth": 1,
        "batch_size": 32,
        "lr": 1e-3,
        "schedule": "cosine",
        "held_out": 0.2,
        "keep": "last",
    }
    theirs = unstir.fit(X, CLASSES, seed=5, target="v", encoder="min_max", network="mlp", **settings)
    keep = {"keep": settings.pop("keep"), "octaves": 1}
    ours = DiffusionModel(target="v", encoder="min_max", network="mlp", settings=keep, random_state=5, **settings).fit(X, CLASSES)
    assert ours.model_.card != theirs.card  # octaves
    ours.set_params(settings={"keep": "last"}, evaluations=3, method="ddim", guidance=2.0).fit(X, CLASSES)
    assert ours.model_.card == theirs.card
    how = {"steps": 3, "method": "ddim", "guidance": 2.0}
    np.testing.assert_array_equal(ours.sample(4, "low"), theirs.sample(4, "low", seed=5, **how))
    np.testing.assert_array_equal(ours.sample(4, "low", random_state=6), theirs.sample(4, "low", seed=6, **how))
    np.testing.assert_array_equal(ours.score_samples(X[:5]), theirs.log_prob(X[:5]))
    np.testing.assert_array_equal(ours.score_samples(X[:5], CLASSES[:5]), theirs.log_prob(X[:5], CLASSES[:5]))
    assert ours.score(X[:5], CLASSES[:5]) == pytest.approx(theirs.log_prob(X[:5], CLASSES[:5]).mean())
    with pytest.raises(UsageError, match="settings has 'width', which is the parameter width"):
        small(settings={"width": 9}).fit(X)
    with pytest.raises(ValueError, match="unknown setting 'wdth'"):
        small(settings={"wdth": 9}).fit(X)


def test_random_state_is_scikit_learns():
    # Catches a generator that is copied, and None that is the same seed each time.
    state = np.random.RandomState(3)
    model = small(random_state=state).fit(X)
    assert state.randint(9999) != np.random.RandomState(3).randint(9999)
    first, second = model.sample(2), model.sample(2)
    assert not np.array_equal(first, second)
    again = small(random_state=np.random.RandomState(3)).fit(X)
    np.random.seed(7)  # noqa: NPY002 - what None stands for in scikit-learn
    one, other = (model.set_params(random_state=None).sample(2) for _ in "ab")
    np.random.seed(7)  # noqa: NPY002
    same = model.sample(2)
    assert not np.array_equal(one, other)
    np.testing.assert_array_equal(one, same)
    again.random_state.randint(9999)
    np.testing.assert_array_equal(again.sample(2), first)


def test_y_of_classes():
    # Catches classes that come back as numbers, and a condition that is not used.
    model = small().fit(X, np.where(X[:, 0] > 3, 7, 3))
    assert model.classes_.tolist() == [3, 7]
    samples, y = model.sample(50, return_y=True)
    assert samples.shape == (50, 2)
    assert set(y.tolist()) == {3, 7}
    np.testing.assert_array_equal(model.sample(50, y), samples)
    assert len(model.sample(y=y)) == 50
    assert len(model.sample(y=3)) == 1
    with pytest.raises(UsageError, match="unknown class '4'"):
        model.sample(3, 4)
    assert not hasattr(model.fit(X), "classes_")
    with pytest.raises(UsageError, match="return_y needs a model that was fitted with y"):
        model.sample(3, return_y=True)


@pytest.mark.parametrize(
    "y",
    [
        X[:, 0] / 3,
        pd.Series(X[:, 0] / 3, name="price"),
        np.arange(240).reshape(120, 2),
        np.arange(120)[:, None],
        pd.DataFrame({"price": X[:, 0], "pet": CLASSES}),
    ],
    ids=["numbers", "series", "several", "whole", "frame"],
)
def test_y_of_numbers_and_columns(y):
    # Catches numbers that are taken for classes, and a y that comes back in another form.
    model = small().fit(X, y)
    samples, back = model.sample(20, return_y=True)
    assert type(back) is type(y) if isinstance(y, pd.DataFrame) else isinstance(back, np.ndarray)
    assert np.shape(back) == (20, *np.shape(y)[1:])
    np.testing.assert_array_equal(model.sample(y=back), samples)
    one = y.iloc[0].to_dict() if isinstance(y, pd.DataFrame) else np.asarray(y)[0]
    assert len(model.sample(y=one)) == 1
    assert model.score_samples(X, y).shape == (120,)
    assert not np.array_equal(model.score_samples(X, y), model.score_samples(X))


def test_a_data_frame_of_any_columns():
    # Catches a frame that is turned into an array on the way, and columns that are not checked by name.
    frame = pd.DataFrame({"pet": CLASSES, "age": np.where(X[:, 1] > 0, np.nan, X[:, 1])})
    model = small().fit(frame)
    assert model.feature_names_in_.tolist() == ["pet", "age"]
    samples = model.sample(30)
    assert samples.dtypes.equals(frame.dtypes)
    assert set(samples["pet"]) <= {"high", "low"}
    with pytest.raises(UsageError, match="no density"):
        model.score_samples(frame)
    numbers = pd.DataFrame(X, columns=["a", "b"])
    model = small().fit(numbers)
    assert list(model.sample(2).columns) == ["a", "b"]
    np.testing.assert_array_equal(model.score_samples(numbers), small().fit(X).score_samples(X))
    with pytest.raises(ValueError, match="feature names"):
        model.score_samples(numbers[["b", "a"]])
    with pytest.raises(UsageError, match="given 'b' is the name of a column of the rows, too"):
        small().fit(numbers, numbers["b"])


def test_rows_of_more_axes_and_whole_numbers():
    # Catches images that are refused, or flattened, or that come back as floats.
    images = RNG.integers(0, 255, (20, 4, 4)).astype(np.uint8)
    samples = small(network="mlp").fit(images).sample(3)
    assert (samples.shape, samples.dtype) == ((3, 4, 4), np.uint8)


def test_pipeline_clone_and_search():
    # Catches a clone that is fitted or has other parameters, and a score whose sign is wrong.
    pipe = make_pipeline(StandardScaler(), small(settings={"octaves": 1})).fit(X)
    scaled = (X - X.mean(0)) / X.std(0)
    np.testing.assert_allclose(pipe.score_samples(X[:4]), pipe[-1].score_samples(scaled[:4]), rtol=1e-5)
    copy = clone(pipe[-1])
    assert copy.get_params() == pipe[-1].get_params()
    assert not hasattr(copy, "model_")
    search = GridSearchCV(small(), {"steps": [1, 60]}, cv=2, n_jobs=1).fit(X, CLASSES)
    assert search.best_params_ == {"steps": 60}
    assert search.best_estimator_.classes_.tolist() == ["high", "low"]


def test_import_unstir_does_not_import_scikit_learn():
    program = "import sys, unstir.sklearn; 'DiffusionModel' in dir(unstir.sklearn) or 1 / 0; sys.exit('sklearn' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
