"""What a person should know before training: problems of the settings, of the data, and of the two together.

of the settings     no effect       an option that nothing here heeds (`applicable`)
                    signal left     a schedule whose end is not pure noise
                    axes unused     axes that were asked for, and a network that does not look at neighbours
                    paired in parts a coupling that would take very long to pair a whole batch at once
                    too long        many more steps than the rows can use
of the data         what `unstir inspect` finds, at a quick look (`unstir.data.surveys`)
                    untrained, not held out      a class with all its rows on one side of the split

>>> from unstir.data import toy
>>> from unstir.training.presets import settle
>>> data, flags = toy("moons", 100, seed=0), {"network": {"levels": 3}, "optim": {"steps": 9000}}
>>> for problem in problems_of_settings(data, settle(data, flags), flags): print(problem.text)
--network.levels has no effect: the mlp network has no such setting. Leave it out.
9,000 steps for 100 rows: about 400 are enough. With many more, a model learns the rows by heart. Ask for fewer steps or minutes.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from unstir.data import Data
from unstir.data.layouts import ASKED
from unstir.data.problems import Problem, first_of, worst_first
from unstir.data.surveys import problems_before_training
from unstir.diffusion.schedules import schedule
from unstir.encoders.registry import ENCODERS
from unstir.model.own import NOTHING_OWN, Own
from unstir.networks.building import parameters
from unstir.networks.registry import FOR_SPACE
from unstir.training.applicable import ARRAY, without_effect
from unstir.training.config import SECTIONS, Config, merge
from unstir.training.parts import with_its_classes
from unstir.training.presets import enough_steps
from unstir.training.problem import PAIRED, pairings
from unstir.words import counted, listed, short

SIGNAL_LEFT = 1e-3  # if alpha_bar_T is larger, pure noise is visibly not what the network was trained on at t = 1
TOO_MANY = 5  # times as many steps as are enough
SAID = 3  # problems of the data that are said before training

Settings = Mapping[str, Any]
"""Settings by section and name, as in {"optim": {"lr": 0.001}}."""


def asked_for(file: Settings, flags: Settings) -> dict[str, Any]:
    """The settings that somebody has chosen: all flags, and what a file has set to something other than the default.

    The config.toml of a run has all settings, those that mattered to it and those that did not.

    >>> asked_for({"network": {"levels": 0, "octaves": 2}}, {"network": {"widest": 4}})
    {'network': {'octaves': 2, 'widest': 4}}
    """
    chosen = {
        section: {leaf: value for leaf, value in held.items() if value != SECTIONS[section].model_fields[leaf].default}
        for section, held in file.items()
        if section in SECTIONS
    }
    return merge({section: held for section, held in chosen.items() if held}, flags)


def problems_of_settings(data: Data, config: Config, asked: Settings, own: Own = NOTHING_OWN) -> list[Problem]:
    """Problems of the settings for this data, of which a person has `asked` for some; `own` are parts of the caller's own."""
    ignored: dict[str, list[str]] = {}
    for name, why in _ignored(data, config, asked, own):
        ignored.setdefault(why, []).append(name)
    found = [
        Problem("no effect", (), f"{listed(names)} {'have' if len(names) > 1 else 'has'} no effect: {why}. Leave it out.")
        for why, names in ignored.items()
    ]
    left = (own.schedule or schedule(config.diffusion.schedule, **config.diffusion.schedule_settings)).alpha_bar_end
    if left > SIGNAL_LEFT:
        text = (
            f"the {config.diffusion.schedule} schedule leaves signal at its end: alpha_bar_T = {left:.3g}. Samples start from pure "
            "noise, which training never showed. Use more steps (--diffusion.T 1000), more or larger betas, or --schedule cosine."
        )
        found.append(Problem("signal left", (), text))
    network = config.network.architecture
    if data.axes.why == ASKED and data.layout and own.network is None and "channel_axis" not in parameters(network):
        text = (
            f"axes {data.axes.letters} were asked for, but the {network} network does not use which numbers are neighbours; they decide "
            f"only scales, scores and pictures. Use --network.architecture {FOR_SPACE}."
        )
        found.append(Problem("axes unused", (), text))
    parts = pairings(config.diffusion.coupling, config.optim.batch_size)
    if parts > 1:
        text = (
            f"a batch of {config.optim.batch_size:,} rows is paired with its noise in {parts} parts of at most {PAIRED:,} rows, because "
            "pairing takes a time that grows with the cube of the rows."
        )
        found.append(Problem("paired in parts", (), text))
    enough, steps = enough_steps(len(data)), config.optim.steps
    if steps > TOO_MANY * enough:
        text = f"{steps:,} steps for {counted(len(data), 'row')}: about {enough:,} are enough. With many more, a model learns the rows by "
        found.append(Problem("too long", (), f"{text}heart. Ask for fewer steps or minutes."))
    return found


def problems_of_data(data: Data, config: Config) -> list[Problem]:
    """Problems of the data, found at a quick look, and of how it is split: the worst first.

    >>> from unstir.data import from_arrays
    >>> from unstir.training.presets import settle
    >>> data = from_arrays(np.random.default_rng(0).normal(size=(200, 2)), ["a"] * 199 + ["b"])
    >>> for problem in problems_of_data(data, settle(data)): print(problem.name, "-", problem.text)
    small classes - 'b' has 1 row: too few to learn the class from. Merge or remove it.
    not held out - no row of 'b' (1 row) is held out, so nothing shows how well that is learnt.
    """
    data = with_its_classes(data, config)
    found = [] if data.mixed else problems_before_training(data)  # what reading a table of mixed columns noticed is in its notes
    return worst_first([*that_matter(found, config), *problems_of_split(data, config)])


def that_matter(problems: Sequence[Problem], config: Config) -> list[Problem]:
    """The problems of numbers that are ones for the encoder of these settings: values far out are none for normal scores of columns."""
    return [problem for problem in problems if problem.name != "outliers" or not ENCODERS[config.data.encoder].by_cell]


def problems_of_split(data: Data, config: Config) -> Iterator[Problem]:
    """Classes with all their rows on one side of the split into training and held-out rows."""
    data = with_its_classes(data, config)
    if data.labels is None or not data.classes or len(data.classes) > len(data) / 2:
        return
    training, unseen = (
        np.bincount(data.labels[rows], minlength=len(data.classes))
        for rows in data.split_numbers(config.data.held_out, config.seed)
    )
    names = [f"'{short(name)}' ({counted(int(rows), 'row')})" for name, rows in zip(data.classes, training + unseen, strict=True)]
    if missing := [name for name, rows in zip(names, training, strict=True) if not rows]:
        text = (
            f"no row of {first_of(missing)} is trained on: all are held out. Pass another --seed, or a smaller --data.held-out."
        )
        yield Problem("untrained", (), text)
    if alone := [name for name, rows in zip(names, unseen, strict=True) if not rows]:
        yield Problem("not held out", (), f"no row of {first_of(alone)} is held out, so nothing shows how well that is learnt.")


def lines(notes: Sequence[str], settings: Sequence[Problem], data: Sequence[Problem], where: str) -> list[str]:
    """What is said before training, a sentence or two each: all of the settings, and the worst of the data; `where` has the rest.

    >>> lines(["2 rows were dropped."], [], [Problem("few", (), f"{i}.") for i in range(5)], "unstir inspect a.csv")
    ['2 rows were dropped.', '0.', '1.', '2.', 'and 2 more about the data: unstir inspect a.csv']
    """
    said = [*notes, *(problem.text for problem in (*settings, *data[:SAID]))]
    return said + ([f"and {len(data) - SAID:,} more about the data: {where}"] if len(data) > SAID else [])


def _ignored(data: Data, config: Config, asked: Settings, own: Own) -> Iterator[tuple[str, str]]:
    """The options asked for that have no effect, as typed or as keywords of `fit`, each with the reason."""
    classes = bool(data.classes or own.condition) or data.is_given
    reasons = {(section, leaf): why for section, leaf, why in without_effect(config, data.source, data.layout, classes, own)}
    for section, held in asked.items():
        for leaf in held if section in SECTIONS else ():
            if (section, leaf) in reasons:
                name = leaf if data.source == ARRAY else f"--{section}.{leaf.replace('_', '-')}"
                yield name, reasons[section, leaf]
