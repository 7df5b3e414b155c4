"""The page of a run or of a comparison: its contents as plain JSON, and one HTML file that shows them. Also figures and a film.

subject.py       a run: its settings, data, model and metrics, as far as they exist
contents.py      everything that the page of a run shows; comparison.py does the same for a comparison
forward.py       section "Data to noise";  reverse.py: "Noise to data";  errors.py: "Which steps are hard";  quality.py: "Is it good"
information.py   section "Information";  informed.py: its words and numbers, which `unstir information` shares
best.py          the smallest possible error, for the built-in set where it is known
view.py          how rows are shown on a page: as points, images or curves;  packing.py: arrays inside JSON
words.py         the sentences of each section
page.py          the contents as one HTML file, with the scripts of js/ joined into one;  keeping.py writes it
figures.py       figures of a run as image files;  film.py: its film
given.py         what held-out rows were given beside what the model makes of it
"""

from unstir.registry import lazily

_NAMES = {
    "render": "page",  # one HTML file that shows the contents
    "write_run_report": "keeping",  # write the page of a run or of a comparison into its folder
    "draw": "figures",  # write the figures of a run into its folder
    "animate": "film",  # write the film of a run
}
__all__ = [*_NAMES]
__getattr__, __dir__ = lazily(__name__, _NAMES)
