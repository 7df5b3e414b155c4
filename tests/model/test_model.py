"""A trained model: rows that depend on seed and place alone, evaluations that are counted, folders that are whole or refused."""

import copy
import json
import math
import shutil
import subprocess
import sys
from dataclasses import fields, replace

import numpy as np
import pytest
import torch

import unstir
from unstir import files as checkpoint
from unstir.conditions.classes import Classes
from unstir.data import toy
from unstir.diffusion.samplers import SAMPLERS, default
from unstir.errors import DataError, NumericsError, StorageError, UsageError
from unstir.model import densities
from unstir.model.card import Card, card_from
from unstir.model.noise import GROUP, RowNoise
from unstir.networks.building import make_network
from unstir.networks.mlp import RANGES

SMALL = {"width": 32, "batch_size": 64, "steps": 250}
TINY = {"width": 8, "depth": 1, "batch_size": 16, "steps": 2}


@pytest.fixture(scope="module")
def plain():
    """A model of the eight Gaussians without their labels."""
    return unstir.fit(toy("eight_gaussians", 1000, seed=0).values, **SMALL)


@pytest.fixture(scope="module")
def named():
    """A model of two moons, called left and right."""
    data = toy("moons", 1000, seed=0)
    return unstir.fit(data.values, np.array(["right", "left"])[data.labels], **SMALL)


@pytest.fixture(scope="module")
def saved(named, tmp_path_factory):
    return named.save(tmp_path_factory.mktemp("models") / "moons")


def counted(model, call):
    """How many times the network is asked while `call` runs."""
    calls = []
    hook = model.network.register_forward_hook(lambda *_: calls.append(1))
    try:
        call()
    finally:
        hook.remove()
    return len(calls)


def rewritten(source, target, edit):
    """A copy of a model's folder whose card was edited, with a manifest that fits."""
    shutil.copytree(source, target)
    card = json.loads((target / "config.json").read_text())
    edit(card)
    content = checkpoint.json_bytes(card)
    (target / "config.json").write_bytes(content)
    manifest = json.loads((target / "MANIFEST.json").read_text())
    manifest["sha256"]["config.json"] = checkpoint.sha256(content)
    (target / "MANIFEST.json").write_bytes(checkpoint.json_bytes(manifest))
    return target


# ---- rows


@pytest.mark.parametrize("method", SAMPLERS)
def test_a_row_does_not_depend_on_how_many_are_drawn_or_at_once(plain, method):
    """Truth 22 for every sampler: row i is a function of (seed, i, steps, method), up to the rounding of a matrix product.

    Catches one generator for all rows, noise of the steps drawn a batch at a time, and a group cut where the batch ends.
    """
    whole = plain.sample(600, steps=9, method=method, seed=3)
    for n in (1, 255, 257, 513):
        np.testing.assert_allclose(plain.sample(n, steps=9, method=method, seed=3), whole[:n], atol=1e-5)
    for batch_size in (1, 256, 300):
        np.testing.assert_allclose(plain.sample(600, steps=9, method=method, seed=3, batch_size=batch_size), whole, atol=1e-5)
    assert len({tuple(row) for row in whole}) == 600  # catches every group of 256 alike


def test_rows_with_labels_do_not_depend_on_the_batch_either(named):
    # Catches labels drawn anew in each batch, or from a generator that the number of rows moves.
    whole = named.sample(600, steps=9, seed=3)
    np.testing.assert_allclose(named.sample(300, steps=9, seed=3, batch_size=256), whole[:300], atol=1e-5)
    assert (named.given(300, None, 3) == named.given(600, None, 3)[:300]).all()
    labels = ["left", "right", "right"] * 200
    mixed = named.sample(600, steps=9, seed=3, given=labels, batch_size=256)
    left, right = (named.sample(600, steps=9, seed=3, given=k) for k in ("left", "right"))
    np.testing.assert_allclose(mixed, np.where((np.arange(600) % 3 == 0)[:, None], left, right), atol=1e-5)


@pytest.mark.parametrize("method", SAMPLERS)
def test_the_same_seed_is_the_same_samples_and_another_is_not(plain, method):
    torch.manual_seed(1)
    first = plain.sample(50, steps=5, method=method, seed=7)
    torch.manual_seed(2)  # catches noise from the global generator
    assert (plain.sample(50, steps=5, method=method, seed=7) == first).all()
    assert (plain.sample(50, steps=5, method=method, seed=8) != first).any(1).all()


def test_the_noise_of_a_row_is_standard_normal_and_its_own():
    # Catches a group whose generator starts again at each step, and rows of the second group that repeat the first.
    rows = range(2 * GROUP, 2 * GROUP + 300)
    noise, x = RowNoise(5, rows), torch.zeros(300, 2, 2)
    draws = torch.stack([noise(x) for _ in range(40)])
    assert draws.shape == (40, 300, 2, 2)
    assert abs(draws.mean().item()) < 4 / draws.numel() ** 0.5
    assert abs(draws.var().item() - 1) < 4 * (2 / draws.numel()) ** 0.5
    flat = draws.flatten(2).permute(1, 0, 2).flatten(1)
    assert torch.corrcoef(flat).fill_diagonal_(0).abs().max() < 6 / flat.shape[1] ** 0.5
    steps = torch.corrcoef(draws.flatten(1)).fill_diagonal_(0)
    assert steps.abs().max() < 6 / 1200**0.5
    again = RowNoise(5, rows)
    assert torch.equal(again(x), draws[0])
    assert not torch.equal(RowNoise(6, rows)(x), draws[0])


def test_samples_are_the_decoded_noise_of_their_rows(plain):
    # The same flow in both. Catches decode with its own grid, and a start that is not scaled to the schedule's own noise.
    z = RowNoise(4, range(100))(torch.empty(100, 2))
    x = plain.sample(100, steps=20, method="adams_bashforth3", seed=4)
    np.testing.assert_allclose(plain.decode(z.numpy(), steps=20), x, atol=1e-5)
    exploding = unstir.fit(toy("moons", 50, seed=0).values, **TINY, schedule="ve")
    x = exploding.sample(100, steps=20, method="adams_bashforth3", seed=4)
    np.testing.assert_allclose(exploding.decode(z.numpy(), steps=20), x, atol=1e-4)
    assert np.abs(exploding.states(100, steps=9, every=1)[0]).std() > 10  # the noise of sigma = 80


def test_states_begin_with_noise_and_end_with_the_sample(plain):
    # Catches a film that lacks its last picture, and one in the model's units.
    every = plain.states(500, steps=8, every=1)
    assert len(every) == 9
    assert (every[-1] == plain.sample(500, steps=8)).all()
    scale = plain.encoder.scale.numpy()
    assert (np.abs(every[0].std(0) / scale - 1) < 4 / 1000**0.5).all()
    some = plain.states(500, steps=8, every=3)
    assert [any((s == e).all() for s in some) for e in every] == [True, False, False] * 2 + [True, False, True]
    assert len(plain.states(3, steps=8)) == 1


# ---- the number of evaluations


@pytest.mark.parametrize("method", SAMPLERS)
@pytest.mark.parametrize("n", [1, 2, 3, 7, 20])
def test_n_evaluations_are_n_calls_of_the_network(plain, method, n):
    """Catches "steps" that mean intervals, Heun's twice as many, and a last step that is one more (pain 3)."""
    if method == "heun" and n % 2 == 0:
        with pytest.raises(UsageError, match=f"{n - 1} or {n + 1}"):
            plain.sample(4, steps=n, method=method)
        return
    assert counted(plain, lambda: plain.sample(4, steps=n, method=method)) == n


def test_the_default_method_spends_what_is_asked(plain):
    for n in (1, 4, 10, 40):
        assert counted(plain, lambda n=n: plain.sample(4, steps=n)) == n
        assert (plain.sample(4, steps=n) == plain.sample(4, steps=n, method=default(n))).all()


@pytest.mark.parametrize("method", ["ddpm", "heun", "adams_bashforth3"])
def test_guidance_doubles_the_calls_and_a_scale_of_one_or_zero_does_not(named, method):
    for guidance, factor in ((1.0, 1), (0.0, 1), (2.0, 2), (0.5, 2)):
        calls = counted(named, lambda g=guidance: named.sample(4, steps=7, method=method, given="left", guidance=g))
        assert calls == 7 * factor, guidance


def test_guidance_in_an_interval_of_log_snr_is_paid_for_there_alone(named):
    # Catches an interval that is ignored, and one in t. Everywhere is the whole interval, nowhere is the conditional model.
    everywhere, nowhere = (-1e9, 1e9), (1e8, 1e9)
    for interval, calls in ((everywhere, 16), (nowhere, 8)):
        assert counted(named, lambda i=interval: named.sample(4, steps=8, given="left", guidance=3.0, interval=i)) == calls
    assert 8 < counted(named, lambda: named.sample(4, steps=8, given="left", guidance=3.0, interval=(-2, 4))) < 16
    conditional = named.sample(9, steps=8, given="left")
    assert (named.sample(9, steps=8, given="left", guidance=3.0, interval=nowhere) == conditional).all()
    assert (named.sample(9, steps=8, given="left", guidance=3.0) != conditional).any()


@pytest.mark.parametrize("schedule", ["linear", "cosine", "sigmoid_bare", "flow", "ve", "vp"])
def test_every_sampler_and_flow_gives_numbers_under_every_schedule(schedule):
    """A schedule that ends in pure noise has alpha = 0 there. Catches 0 / 0 in the first step of a chain or the last of encode."""
    values = np.random.default_rng(0).normal(size=(100, 2))
    model = unstir.fit(values, **TINY, schedule=schedule, target="v")
    for method in SAMPLERS:
        for n in (1, 5):
            assert np.isfinite(model.sample(20, steps=n, method=method)).all(), (method, n)
    assert np.isfinite(model.log_prob(values[:5], steps=8)).all()
    assert np.isfinite(model.encode(values[:5], steps=8)).all()


# ---- there and back


def test_encoding_and_decoding_gives_the_rows_back(plain):
    """With 100 evaluations each way, median 0.002 and largest 0.02 (measured) in data of spread 1.4, and less with more.

    Catches a flow that is not its own inverse, noise in either direction, and a row of the schedule lost at the ends.
    """
    rows = toy("eight_gaussians", 200, seed=5).values
    worst = {}
    for steps in (25, 100):
        z = plain.encode(rows, steps=steps)
        error = np.abs(plain.decode(z, steps=steps) - rows).max(1)
        worst[steps] = np.median(error)
    assert worst[100] < 0.01
    assert error.max() < 0.1
    assert worst[100] < worst[25] / 2
    assert (plain.encode(rows, steps=25) == plain.encode(rows, steps=25)).all()


def test_rows_of_the_data_are_encoded_to_standard_noise(plain):
    # Catches noise in the schedule's own scale, and encode that stops short of t = 1.
    z = plain.encode(toy("eight_gaussians", 1000, seed=6).values)
    assert np.abs(z.mean(0)).max() < 4 / 1000**0.5 + 0.05
    assert np.abs(z.std(0) - 1).max() < 4 / 2000**0.5 + 0.05
    assert z.dtype == np.float32


def test_encode_spends_the_evaluations_that_it_is_given(plain):
    rows = toy("eight_gaussians", 5, seed=5).values
    for method in [name for name, sampler in SAMPLERS.items() if not sampler.needs]:
        assert counted(plain, lambda m=method: plain.encode(rows, steps=9, method=m)) == 9
        assert counted(plain, lambda m=method: plain.decode(rows, steps=9, method=m)) == 9


@pytest.mark.parametrize("method", [name for name, sampler in SAMPLERS.items() if "noise" in sampler.needs])
def test_a_sampler_that_draws_noise_leads_neither_to_noise_nor_back(plain, method):
    # Both are promised to be the probability flow. Catches noise from the global generator, in either direction.
    rows = toy("eight_gaussians", 5, seed=5).values
    for call in (plain.encode, plain.decode):
        with pytest.raises(UsageError, match="noise"):
            call(rows, steps=9, method=method)


# ---- densities


def test_a_density_on_a_line_integrates_to_one():
    # Catches a density in the model's units, in bits, or without the divergence.
    generator = np.random.default_rng(0)
    values = (generator.integers(0, 2, (1000, 1)) * 6 + generator.normal(size=(1000, 1))) * 3 + 10
    model = unstir.fit(values, **SMALL)
    x = np.linspace(-20, 60, 600)[:, None]
    density = np.exp(model.log_prob(x))
    assert density.sum() * (x[1, 0] - x[0, 0]) == pytest.approx(1, abs=0.02)
    assert density[np.abs(x[:, 0] - 19) < 2].max() < 0.5 * density.max()  # two humps


def test_a_change_of_units_changes_the_density_by_its_volume():
    # p(10 x + 3) = p(x) / 10^d for the same network. Catches the encoder's volume forgotten or added.
    values = np.random.default_rng(0).normal(size=(100, 3))
    a, b = (unstir.fit(v, **TINY) for v in (values, 10 * values + 3))
    difference = a.log_prob(values[:20]) - b.log_prob(10 * values[:20] + 3)
    np.testing.assert_allclose(difference, 3 * math.log(10), atol=1e-3)


def test_the_estimated_divergence_agrees_with_the_exact_one(monkeypatch):
    """Rows of 20 elements: one random direction a row, unbiased. Catches a direction that is not normalised, and one for all rows."""
    values = np.random.default_rng(0).normal(size=(400, 20)) * np.linspace(0.2, 3, 20)
    model = unstir.fit(values, **TINY | {"steps": 30})
    estimate = model.log_prob(values[:200], steps=8)
    assert (estimate == model.log_prob(values[:200], steps=8)).all()
    monkeypatch.setattr(densities, "EXACT_TRACE", 20)
    exact = model.log_prob(values[:200], steps=8)
    error = estimate - exact
    assert 1e-4 < error.std() < 0.2 * 20
    assert abs(error.mean()) < 4 * error.std() / 200**0.5


def test_log_prob_is_one_number_a_row_whatever_the_batch(named):
    rows = toy("moons", 60, seed=9).values
    whole = named.log_prob(rows, steps=16)
    assert whole.shape == (60,)
    np.testing.assert_allclose(named.log_prob(rows, steps=16, batch_size=7), whole, atol=1e-3)
    # with a label it is the density of that class: rows of the class are likelier under it than under the other
    ids = toy("moons", 60, seed=9).labels
    right, left = (named.log_prob(rows, given=name, steps=16) for name in ("right", "left"))
    assert np.where(ids == 0, right - left, left - right).mean() > 1
    each = named.log_prob(rows, given=np.array(["right", "left"])[ids], steps=16)
    np.testing.assert_allclose(each, np.where(ids == 0, right, left), atol=1e-3)


# ---- labels


def test_a_class_is_asked_for_by_name_or_id(named):
    # Classes are numbered in the order of their names: left is 0. Catches an id that only works if it is also the name.
    assert named.classes == ("left", "right")
    by_name = named.sample(6, steps=4, given="right")
    assert (named.sample(6, steps=4, given=1) == by_name).all()
    for several in (["right"] * 6, [1] * 6, np.ones(6, int), torch.ones(6, dtype=torch.long), np.array(["right"] * 6)):
        assert (named.sample(6, steps=4, given=several) == by_name).all()
    assert (named.sample(6, steps=4, given="left") != by_name).all()


def test_a_numbered_class_is_asked_for_by_its_number():
    # Digits without 0 are called 1 to 9: 3 is the three, not the fourth.
    values = np.random.default_rng(0).normal(size=(60, 1))
    model = unstir.fit(values, 1 + np.arange(60) % 3, **TINY)
    assert model.classes == ("1", "2", "3")
    for label in (3, "3", np.int64(3), torch.tensor(3)):
        assert model.given(2, label, 0).tolist() == [2, 2]
    assert model.given(3, torch.tensor([1, 2, 3]), 0).tolist() == [0, 1, 2]


def test_wrong_labels_are_refused(plain, named):
    for call, said in [
        (lambda: named.sample(3, given="rigth"), r"unknown class 'rigth': did you mean 'right'\? Known: left, right"),
        (lambda: named.sample(3, given=7), "unknown class '7'"),
        (lambda: named.sample(3, given=-1), "unknown class '-1'"),
        (lambda: named.sample(3, given=["left", "right"]), "2 labels for 3 rows"),
        (lambda: plain.sample(3, given=0), "without labels"),
        (lambda: plain.sample(3, guidance=2.0), "guidance needs a model trained with labels"),
        (lambda: plain.log_prob(np.zeros((2, 2)), given=1), "without labels"),
    ]:
        with pytest.raises(UsageError, match=said):
            call()


def test_wrong_sizes_and_names_are_refused(plain):
    for settings, said in [
        ({"n": 0}, "at least 1"),
        ({"n": 3, "batch_size": 0}, "at least 1"),
        ({"n": 3, "steps": 0}, "0 evaluations are not possible"),
        ({"n": 3, "steps": -4}, "not possible"),
        ({"n": 3, "method": "heum"}, "did you mean 'heun'"),
        ({"n": 9 * 10**12}, "9,000,000,000,000 samples take 504,000 GB of memory, and this machine has"),
        ({"n": 3, "steps": 10**9}, "100,000 is the most"),
        ({"n": 3, "interval": (-2, 4)}, "guidance 1 has no effect"),
    ]:
        with pytest.raises(UsageError, match=said):
            plain.sample(**settings)


def test_a_negative_seed_is_refused(plain, named):
    # numpy's SeedSequence takes none. Catches its ValueError, which the command line calls a bug of ours.
    for model in (plain, named):
        for seed in (-1, np.int64(-1), torch.tensor(-1), 1.5, None):
            with pytest.raises(UsageError, match=f"seed is a whole number, 0 or above, not {seed}"):
                model.sample(3, seed=seed)
    assert (plain.sample(3, seed=np.int64(7)) == plain.sample(3, seed=7)).all()


def test_numbers_that_are_none_are_not_given_out(named, plain):
    # Catches NaN in a file of samples, and whole numbers made of it.
    with pytest.raises(NumericsError, match=r"3 of 3 rows are not finite.*less guidance"):
        named.sample(3, given="left", guidance=1e38)
    broken = copy.deepcopy(plain.network)
    broken.leave.bias.fill_(math.inf)
    with pytest.raises(NumericsError, match="300 of 300"):
        replace(plain, network=broken).sample(300)


def test_numpy_has_no_bfloat16():
    # A table of bfloat16 is numbers like any other. Catches torch's TypeError after the sampling is done.
    model = unstir.fit(np.random.default_rng(0).normal(size=(40, 2)), **TINY)
    assert replace(model, card=replace(model.card, dtype="bfloat16")).sample(3).dtype == np.float32
    assert replace(model, card=replace(model.card, dtype="bfloat16", kind="torch")).sample(3).dtype == torch.bfloat16


def test_rows_of_another_shape_are_refused(plain):
    for rows in (np.zeros((3, 3)), np.zeros((3, 2, 1)), np.zeros(3)):
        for call in (plain.log_prob, plain.encode):
            with pytest.raises(DataError, match=r"trained on rows of \(2,\)"):
                call(rows)


def test_noise_of_another_shape_is_refused(plain):
    # Catches a matrix product's own error, and noise that broadcasts.
    for z in (np.zeros((3, 3)), np.zeros((3, 1)), np.zeros(2)):
        with pytest.raises(DataError, match=r"\(2,\)"):
            plain.decode(z)


# ---- networks


def test_a_network_is_made_by_name_within_its_sizes():
    # Catches a KeyError, a TypeError, and sizes below 1 or beyond all memory.
    for name, given, said in [
        ("mpl", {}, "unknown network 'mpl': did you mean 'mlp'"),
        ("mlp", {"dimension": 2, "widht": 3}, "unknown setting of the mlp network 'widht': did you mean 'width'"),
        *(
            ("mlp", {"dimension": 2, size: bad}, f"{size} = {bad} has to be a whole number from")
            for bad in (-1, 2**30, 2.0, None)
            for size in RANGES
        ),
    ]:
        with pytest.raises(UsageError, match=said):
            make_network(name, given)
    state = torch.random.get_rng_state()
    first = make_network("mlp", {"dimension": 2}, Classes(tuple("abc"), (1, 1, 1)), seed=1).state_dict()
    assert torch.equal(torch.random.get_rng_state(), state)
    again, other = (make_network("mlp", {"dimension": 2}, Classes(tuple("abc"), (1, 1, 1)), seed=s).state_dict() for s in (1, 2))
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["embed_condition.weight"], other["embed_condition.weight"])


# ---- folders


def test_a_saved_model_is_the_same_model(named, saved):
    """Samples and densities bit for bit, and every word of its card. Catches raw weights saved, float32 statistics, lost lists."""
    again = unstir.load(saved)
    assert again.card == named.card
    assert {f.name: type(getattr(again.card, f.name)) for f in fields(Card)} == {
        f.name: type(getattr(named.card, f.name)) for f in fields(Card)
    }
    for settings in ({"steps": 9}, {"steps": 9, "method": "ddpm_optimal"}, {"given": "left", "guidance": 2.0, "seed": 5}):
        assert (again.sample(300, **settings) == named.sample(300, **settings)).all()
    rows = toy("moons", 20, seed=1).values
    assert (again.log_prob(rows, steps=8) == named.log_prob(rows, steps=8)).all()
    assert (again.encode(rows) == named.encode(rows)).all()
    assert not any(weight.requires_grad for weight in again.network.parameters())
    assert not again.network.training


def test_every_kind_of_card_survives(tmp_path):
    # Lists in the schedule's settings, bounds, torch arrays, an encoder that is not the default.
    values = torch.as_tensor(np.random.default_rng(0).integers(0, 256, (40, 2, 2)).astype(np.uint8))
    settings = {"schedule": "chain", "settings": {"betas": [0.1, 0.2, 0.5, 0.9]}, "encoder": "min_max", "target": "v"}
    model = unstir.fit(values, **TINY, **settings)
    again = unstir.load(model.save(tmp_path / "deep" / "er" / "m"))
    assert again.card == model.card
    assert isinstance(again.sample(3), torch.Tensor)
    assert again.sample(3).dtype == torch.uint8
    assert torch.equal(again.sample(3, steps=4), model.sample(3, steps=4))
    linear = unstir.fit(np.zeros((5, 1)) + np.arange(5)[:, None], **TINY, T=20)
    assert unstir.load(linear.save(tmp_path / "t")).schedule.T == 20


def test_the_run_around_a_model_will_do(named, tmp_path):
    named.save(tmp_path / "run" / "model")
    assert (unstir.load(tmp_path / "run").sample(3) == named.sample(3)).all()
    assert (unstir.load(str(tmp_path / "run")).sample(3) == named.sample(3)).all()


def test_the_folder_explains_itself(saved):
    # Catches a folder that nobody can use without the run, and a README that shows another interface.
    assert {p.name for p in saved.iterdir()} == {"model.safetensors", "config.json", "README.md", "MANIFEST.json"}
    text = (saved / "README.md").read_text()
    for said in ("left, right", "exponential moving average", "250 steps", 'unstir.load("this-folder")', "model.sample(1000)"):
        assert said in text
    card = json.loads((saved / "config.json").read_text())
    assert card["format"] == 1
    assert card["shape"] == [2]
    assert card["steps_trained"] == 250


def test_an_existing_folder_is_refused_and_untouched(named, saved):
    before = {p.name: p.read_bytes() for p in saved.iterdir()}
    with pytest.raises(StorageError, match="exists already"):
        named.save(saved)
    assert {p.name: p.read_bytes() for p in saved.iterdir()} == before


def test_loading_costs_no_compiler(saved):
    """On its meta device torch does some things by importing a compiler, for seconds. Catches such a thing in a network."""
    program = f"import sys, unstir; unstir.load({str(saved)!r}); sys.exit('torch._dynamo' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


@pytest.mark.parametrize("name", ["model.safetensors", "config.json"])
def test_a_byte_changed_anywhere_is_noticed(saved, tmp_path, name):
    """safetensors has no checksum. Catches a damaged weight that samples nonsense, and a traceback of json or safetensors."""
    folder = tmp_path / "damaged"
    shutil.copytree(saved, folder)
    whole = (saved / name).read_bytes()
    places = np.unique(np.r_[0:16, np.random.default_rng(0).integers(0, len(whole), 60), len(whole) - 1])
    for place in places:
        content = bytearray(whole)
        content[place] ^= 1 << (place % 8)
        (folder / name).write_bytes(bytes(content))
        with pytest.raises(StorageError, match=f"{name} is damaged"):
            unstir.load(folder)
    for cut in (b"", whole[:-1], whole[: len(whole) // 2], whole + b"\0"):
        (folder / name).write_bytes(cut)
        with pytest.raises(StorageError, match=f"{name} is damaged"):
            unstir.load(folder)


def test_a_damaged_manifest_never_passes_a_damaged_model(saved, named, tmp_path):
    # Its own bytes may be hit too: what loads then is the right model, what does not says so.
    folder = tmp_path / "damaged"
    shutil.copytree(saved, folder)
    whole = (saved / "MANIFEST.json").read_bytes()
    refused = 0
    for place in range(len(whole)):
        content = bytearray(whole)
        content[place] ^= 1 << (place % 7)
        (folder / "MANIFEST.json").write_bytes(bytes(content))
        try:
            again = unstir.load(folder)
        except StorageError:
            refused += 1
        else:
            assert again.card == named.card
    assert refused > len(whole) / 2
    for content in (b"", b"[]", b'{"sha256": []}', b'{"sha256": "x"}', b'{"sha256": null}', b"{}", b"\xff\xfe"):
        (folder / "MANIFEST.json").write_bytes(content)
        with pytest.raises(StorageError):
            unstir.load(folder)


@pytest.mark.parametrize("name", ["model.safetensors", "config.json", "MANIFEST.json"])
def test_a_missing_file_is_named(saved, tmp_path, name):
    folder = tmp_path / "m"
    shutil.copytree(saved, folder)
    (folder / name).unlink()
    with pytest.raises(StorageError, match=name):
        unstir.load(folder)


def test_a_folder_that_is_no_model_is_refused(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("x")
    checkpoint.write_folder(tmp_path / "other", {"model": {"a": torch.ones(1)}}, {"config": {"who": "somebody else"}})
    for name in ("empty", "file", "nowhere", "other"):
        with pytest.raises(StorageError, match=name):
            unstir.load(tmp_path / name)


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (lambda card: card.update(format=2), "written by a newer unstir, in format 2; this one reads format 1. Update it"),
        (lambda card: card.pop("format"), "no valid format number"),
        (lambda card: card.update(format=True), "no valid format number"),
        (lambda card: card.update(format=0), "no valid format number"),
        (lambda card: card.update(target="eps", schedule="flow"), "fits together: target 'eps'"),
        (lambda card: card.update(shape=[3]), "fits together: its network is not one for rows of"),
        (lambda card: card.update(shape=[2.0]), "fits together: shape = .* has to be whole numbers"),
        (lambda card: card["condition_settings"].update(names=["left", "left"]), "fits together: names = .* different texts"),
        (lambda card: card["condition_settings"].update(counts=[0, 0]), "fits together: counts = .* not all 0"),
        (lambda card: card.update(condition="of next year"), "fits together"),
        (lambda card: card.update(names=["only"]), "fits together: 1 names"),
        (lambda card: card.update(bounds=[1, 0]), "fits together: bounds"),
        (lambda card: card.update(dtype="nn"), "fits together: dtype = 'nn' has to be one of bool, int8"),
        (lambda card: card.update(schedule_settings={"beta_max": 3}), "fits together: schedule setting beta_max"),
        (lambda card: card.update(weights="raw"), "fits together: weights = 'raw' has to be average"),
        (lambda card: card.update(network="unet"), "fits together"),
        (lambda card: card.update(network_settings={"dimension": 2, "width": 31}), "fits together"),
        (lambda card: card.update(network_settings={"wings": 2}), "fits together"),
        (lambda card: card.update(colour="red"), "fits together"),
        (lambda card: card.pop("shape"), "fits together"),
        (lambda card: card.update(schedule="of next year"), "fits together"),
        (lambda card: card.update(target="of next year"), "fits together"),
    ],
)
def test_a_card_of_another_time_or_place_is_a_storage_error(saved, tmp_path, edit, said):
    """Whole by its manifest, and yet not ours. Catches a KeyError, and a usage error for what nobody typed."""
    with pytest.raises(StorageError, match=said):
        unstir.load(rewritten(saved, tmp_path / "m", edit))


def test_an_eps_model_starts_where_its_answer_still_means_something():
    """Cosine ends at alpha = 5e-5, where x_0 is 20,000 times the error of eps. Catches few-step samples at |x| = 500.

    The chain's thousand steps average that out, other targets do not have it, and linear ends before: these start at t = 1.
    """
    rows = toy("moons", 500, seed=0).values
    small = {"width": 32, "depth": 1, "batch_size": 64, "steps": 300, "target": "eps"}
    model = unstir.fit(rows, schedule="cosine", **small)
    times = model.times(steps=20, method="ddim")
    assert model.schedule.log_snr(times[0]).item() == pytest.approx(-10.2)
    assert times[-1] == 0
    assert model.times(steps=1000, method="ddpm_beta")[0] == 1
    for method in ("adams_bashforth3", "ddim", "dpm_solver"):
        assert np.abs(model.sample(500, steps=20, method=method)).max() < 10
    for other in ({"schedule": "linear"}, {"schedule": "cosine", "target": "v"}):
        assert unstir.fit(rows, **small | {"steps": 1} | other).times(steps=20, method="ddim")[0] == 1


def test_the_posterior_is_the_denoiser_with_the_measured_error():
    # Catches clipping, a variance of another noise level, and one time for all rows where each has its own.
    values = np.random.default_rng(0).integers(0, 5, (200, 3)).astype(np.uint8)
    model = unstir.fit(values, **TINY)
    assert model.card.levels == (0, 1, 2, 3, 4)
    x, t = (
        9 * torch.randn(4, 3, generator=torch.Generator().manual_seed(0)),
        torch.tensor([0.1, 0.3, 0.5, 0.9], dtype=torch.float64),
    )
    found = model.posterior()(x, t)
    free = replace(model, card=replace(model.card, bounds=None)).denoise()
    torch.testing.assert_close(found.mean, free(x, t))
    assert not torch.equal(found.mean, model.denoise()(x, t))
    for i, time in enumerate(t):
        torch.testing.assert_close(found.variance[i].double(), model.error.at(model.schedule.log_snr(time)), rtol=1e-5, atol=0)


def test_a_card_without_levels_can_be_read():
    # A card written before there were levels. Catches an entry that has become obligatory, and levels that fall.
    raw = json.loads(json.dumps(unstir.fit(np.random.default_rng(0).normal(size=(50, 2)), **TINY).card.as_json()))
    assert raw.pop("levels") is None
    assert card_from(raw).levels is None
    assert card_from(raw | {"levels": [0, 1.5]}).levels == (0, 1.5)
    for wrong in ([1.0, 0.0], [1.0], "two", list(range(257))):
        with pytest.raises(UsageError, match="levels"):
            card_from(raw | {"levels": wrong})
