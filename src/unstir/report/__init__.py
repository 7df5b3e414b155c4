"""The page of a run or of a comparison: what is on it, as plain JSON, and one HTML file that shows it.

subject.py       a run, as much of it as is at hand
contents.py      all that the page of a run shows; comparison.py: of a comparison
forward.py       the data dissolving    reverse.py: noise becoming data    errors.py: which steps are hard    quality.py: is it good?
view.py          what rows look like on a page: points, pictures, curves
words.py         what to look for, in sentences
page.py          the contents as one HTML file, with the scripts of js/ put together
keeping.py       the page on disk, made once or kept up to date during training
figures.py       the pictures of a run, as .png and .pdf files
film.py          the film of a run
"""

from unstir.registry import lazily

_NAMES = {
    "render": "page",  # the contents as one HTML file
    "write_run_report": "keeping",  # the page of a run or of a comparison, into its folder
    "draw": "figures",  # the pictures of a run, into its folder
    "animate": "film",  # the film of a run
}
__all__ = [*_NAMES]
__getattr__, __dir__ = lazily(__name__, _NAMES)
