"""One thread a test process: the tests are many and small, and two spinning threads slow each other down on a busy machine."""

import os

import pytest

from unstir import steady

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before anything imports torch; the processes that tests start inherit it
steady.STRICT = True  # a warning inside the library fails a test


@pytest.fixture(scope="module")
def brief():
    """As few draws for held-out looks, error curves, scores and the page as there ever are: for tests of convolutions.

    What a row costs is counted in multiplications. The networks of tests have next to none, and a processor's time goes elsewhere.
    """
    with pytest.MonkeyPatch.context() as patch:
        drawn = "training.fitting.LOOK", "training.fitting.CURVE"
        for place in (*drawn, "evaluation.scores.WORK", "evaluation.memorisation.WORK", "report.reverse.WORK"):
            patch.setattr(f"unstir.{place}", 0)
        yield


def pytest_collection_modifyitems(items):
    """Tests that only a GPU can pass are skipped aloud where there is none."""
    marked = [item for item in items if item.get_closest_marker("gpu")]
    if marked:
        import torch

        if not torch.cuda.is_available():
            for item in marked:
                item.add_marker(pytest.mark.skip(reason="needs a CUDA GPU"))
