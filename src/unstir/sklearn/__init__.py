"""scikit-learn's habits: a diffusion model as an estimator of densities, as `KernelDensity` and `GaussianMixture` are.

    from unstir.sklearn import DiffusionModel
    DiffusionModel(steps=500).fit(X).sample(100)

    estimator.py    `DiffusionModel`: parameters, `fit`, `sample`, `score_samples`, `score`
    targets.py      what `y` is: classes, or numbers that rows are given

`import unstir` does not import scikit-learn; this package does.
"""

from unstir.registry import lazily

_NAMES = {
    "DiffusionModel": "estimator",  # a diffusion model with scikit-learn's methods
}
__all__ = [*_NAMES]
__getattr__, __dir__ = lazily(__name__, _NAMES)
