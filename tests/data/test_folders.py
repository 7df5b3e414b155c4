"""Folders as people have them: which files are rows, what their classes are, and that none of them gets lost without a word."""

import os

import numpy as np
import pytest
from PIL import Image

from unstir.data import load, read
from unstir.data.formats import raw
from unstir.errors import DataError, UsageError

RNG = np.random.default_rng(2)


def picture(low=0):
    return Image.fromarray(RNG.integers(low, 256, (6, 7, 3), np.uint8))


@pytest.fixture
def folder(tmp_path):
    """Writes files by their paths: pictures by default, arrays as .npy, or bytes."""

    def written(*names, **contents):
        for name, content in {**dict.fromkeys(names), **contents}.items():
            path = tmp_path / "data" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(content, bytes):
                path.write_bytes(content)
            elif isinstance(content, np.ndarray):
                np.save(path, content)
            else:
                (content or picture()).save(path)
        return tmp_path / "data"

    return written


def classes_of(data):
    return [data.classes[i] for i in data.labels]


# ---- what the classes are


@pytest.mark.parametrize(
    ("names", "classes"),
    [
        (("cat_001.png", "cat_002.png", "dog_001.png"), ["cat", "cat", "dog"]),
        (("cat.0.jpg", "dog.0.jpg", "dog.1.jpg"), ["cat", "dog", "dog"]),
        (("n01440764_18.JPEG", "n01440764_9.JPEG", "n02_1.JPEG"), ["n01440764", "n01440764", "n02"]),
        (("a (1).png", "a (2).png", "b (1).png"), ["a", "a", "b"]),
        (("0_cat.png", "1_cat.png", "2_big dog.png"), ["cat", "cat", "big dog"]),
        (("2_00001.png", "10_00001.png", "10_00002.png"), ["10", "10", "2"]),
        (("big_dog-7.png", "big_dog12.png", "x/cat-7.png"), ["big_dog", "big_dog", "cat"]),
    ],
)
def test_classes_from_the_names_of_files(folder, names, classes):
    # Catches the whole name as a class, a number that is part of a name cut off, and classes of numbers in the order of text.
    data = load(folder(*names), labels_from="name")
    assert classes_of(data) == classes
    assert data.labels_from.startswith("the names of the files ('")
    if "10" in classes:
        assert data.classes == ("2", "10")


@pytest.mark.parametrize("name", ["0001.png", "cat.png"])
def test_a_name_without_a_class_is_refused(folder, name):
    # Catches 0001 as class 0.
    with pytest.raises(DataError, match=rf"the class of '{name}' is not clear.*cat_001.png"):
        load(folder("dog_1.png", name), labels_from="name")


def test_names_that_look_like_classes_are_pointed_out(folder):
    # Catches a folder of classes that is trained without them, without a word.
    data = load(folder(*(f"{kind}_{i}.png" for kind in ("cat", "dog") for i in range(4))))
    assert data.classes == ()
    assert data.notes == (
        "no classes; names of files such as 'cat' and 'dog' may be: pass --data.labels-from name to train with them.",
    )
    assert load(folder(*(f"IMG_{i}.png" for i in range(9)))).notes != ()


def test_a_deeper_tree_is_asked_about(folder):
    """Split into train and test, or by breed. Catches images that are left out, and a class that is guessed."""
    path = folder(*(f"{part}/{kind}/{i}.png" for part in ("train", "test") for kind in ("cat", "dog") for i in range(2)))
    with pytest.raises(DataError, match=r"'test/cat/0.png'.*top .'test'., parent .'cat'. or path .'test/cat'"):
        load(path)
    assert sorted(set(classes_of(load(path, labels_from="top")))) == ["test", "train"]
    assert sorted(set(classes_of(load(path, labels_from="parent")))) == ["cat", "dog"]
    assert load(path, labels_from="path").classes == ("test/cat", "test/dog", "train/cat", "train/dog")
    data = load(path, labels_from="none")
    assert (len(data), data.labels) == (8, None)
    assert load(path / "train").classes == ("cat", "dog")
    with pytest.raises(DataError, match=r"pass --data.labels none"):
        load(folder("a.png", "train/b.png"))
    assert len(load(path, labels_from="none")) == 10


@pytest.mark.parametrize(
    ("names", "contents", "said"),
    [
        (
            ["cat/1.png", "dog/sub/1.png"],
            {},
            "the 1 image of 'dog' lie.* deeper .*first: 'dog/sub/1.png'.*--data.labels-from top",
        ),
        (["cat/1.png", "cat/2.png"], {"dog/1.heic": b"x", "dog/2.heic": b"x"}, "'dog' would be a class, but none of its 2 files"),
        (["cat/1.png", "cat/2.png"], {"dog/0001": b"x"}, "'dog' would be a class, but none of its 1 file"),
        (["cat/1.png", "cat/2.png"], {"dog/1.npy": np.zeros(3)}, "'dog' would be a class"),
        (["cat/1.png", "dog/1.tif", "dog/2.tif"], {}, "all images of the class 'cat' are PNG, and all others TIFF"),
        (
            ["cat/1.png", "dog/1.jpg", "dog/2.jpg"],
            {},
            "all images of the class 'cat' are PNG, and all others JPEG.*--data.formats any",
        ),
        (["a/1.png", "a/2.jpg", "b/1.png", "c/1.webp"], {}, "all images of the class 'c' are WEBP, and all others JPEG and PNG"),
    ],
)
def test_a_class_that_would_be_lost_or_learnt_by_its_format_is_named(folder, names, contents, said):
    """Catches a class counted among "12 other things", and one that the model tells by JPEG's blocks."""
    with pytest.raises(DataError, match=said):
        load(folder(*names, **contents))


def test_a_format_of_its_own_can_be_accepted(folder):
    path = folder("cat/1.png", "dog/1.jpg")
    assert load(path, formats="any").classes == ("cat", "dog")
    assert load(path, labels_from="none").classes == ()
    assert load(folder("cat/2.jpg")).classes == ("cat", "dog")  # mixed within a class


def test_a_class_whose_images_are_all_damaged_is_not_dropped(folder):
    # Catches `missing="drop"` that drops a whole class.
    path = folder("cat/1.png", "cat/2.png", **{"dog/1.png": b"x", "dog/2.png": b"y"})
    with pytest.raises(DataError, match=r"none of the 2 images of class 'dog' .* would be lost"):
        load(path, missing="drop")


def test_what_systems_leave_behind_is_not_looked_at(folder):
    # Catches a class called __MACOSX, and notes about Thumbs.db.
    junk = ("Thumbs.db", "cat/Thumbs.db", "desktop.ini", ".DS_Store", "__MACOSX/cat/._1.png", "@eaDir/1.png", ".git/x.png")
    data = load(folder("cat/1.png", "dog/1.PNG", **dict.fromkeys(junk, b"x")))
    assert (data.classes, data.notes) == (("cat", "dog"), ())


def test_a_sub_folder_without_images_is_said_and_is_no_class(folder):
    path = folder("cat/1.png", "dog/1.png", **{"notes/1.xml": b"x"})
    (path / "bird").mkdir()
    data = load(path)
    assert data.classes == ("cat", "dog")
    assert data.notes[1:] == (
        "the sub-folder 'bird' is empty: it is no class.",
        "the sub-folder 'notes' holds no images: it is no class.",
    )


def test_links_that_lead_back_end(folder):
    # Catches a walk that never ends.
    path = folder("cat/1.png", "dog/1.png")
    os.symlink(path, path / "dog" / "up")
    assert len(load(path)) == len(load(path, labels_from="top")) == 2


# ---- a table of the classes


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("metadata.csv", b"file_name,label\n1.png,cat\n2.png,dog\n"),
        ("metadata.csv", b"label;file_name\ncat;./1.png\ndog;2.png\n"),
        ("metadata.tsv", b"image_id\tclass\n1\tcat\n2\tdog\n"),
        ("metadata.jsonl", b'{"file_name": "1.png", "label": "cat"}\n\n{"file_name": "2.png", "label": "dog"}\n'),
    ],
)
def test_classes_from_a_table_beside_the_images(folder, name, content):
    # Catches a table that is left out as an "other thing", and rows matched by their order.
    data = load(folder("2.png", "1.png", **{name: content}))
    assert (classes_of(data), data.notes) == (["cat", "dog"], ())
    assert data.labels_from in (f"column 'label' of {name}", f"column 'class' of {name}")


def test_a_table_is_chosen_by_its_name_and_column(folder, tmp_path):
    path = folder("in/1.png", "in/2.png", "in/10.png")
    (tmp_path / "t.csv").write_text("id,breed,weight\nin/1,pug,9\n2.png,10,8\nin\\10.png,9,7\n")
    data = load(path, labels="breed", labels_from=str(tmp_path / "t.csv"))
    assert sorted(classes_of(data)) == ["10", "9", "pug"]
    assert load(path, labels="weight", labels_from=str(tmp_path / "t.csv")).classes == ("7", "8", "9")
    with pytest.raises(DataError, match=r"columns id, breed, weight, and none is of classes: pass --data.labels"):
        load(path, labels_from=str(tmp_path / "t.csv"))
    with pytest.raises(UsageError, match=r"unknown column in .* 'bred': did you mean 'breed'"):
        load(path, labels="bred", labels_from=str(tmp_path / "t.csv"))


def test_captions_are_no_classes_unless_asked_for(folder):
    path = folder("1.png", "2.png", **{"metadata.csv": b"file_name,text\n1.png,a cat\n2.png,a dog\n"})
    assert load(path).classes == ()
    assert load(path, labels="text").classes == ("a cat", "a dog")
    assert load(path, labels_from="folder").classes == ()


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ("1.png,cat\n2.png,dog\n3.png,cat\n", r"metadata.csv lists 1 file that the folder does not hold \(first: '3.png'\)"),
        (
            "1.png,cat\n",
            r"1 of 2 images cannot be read \(first: '2.png': metadata.csv has no class for it\).*--data.missing drop",
        ),
        ("1.png,cat\n2.png,\n", "metadata.csv has no class for it"),
        ("1.png,cat\n1.png,dog\n2.png,cat\n", "two classes for '1.png': 'cat' and 'dog'"),
    ],
)
def test_a_table_that_does_not_fit_the_folder_is_refused(folder, rows, said):
    with pytest.raises(DataError, match=said):
        load(folder("1.png", "2.png", **{"metadata.csv": f"file_name,label\n{rows}".encode()}))


def test_a_name_in_a_table_that_may_be_two_files_is_refused(folder):
    # Catches the class of one file given to its namesake.
    path = folder("a/1.png", "b/1.png", **{"metadata.csv": b"file_name,label\n1.png,cat\n"})
    with pytest.raises(DataError, match=r"'1.png' in metadata.csv may be 'a/1.png' and 'b/1.png'"):
        load(path)


def test_a_way_that_is_not_known_or_does_not_apply_is_refused(folder):
    path = folder(**{"1.npy": np.zeros((4, 2)), "2.npy": np.ones((4, 2))})
    with pytest.raises(UsageError, match=r"unknown way to find the classes of a folder 'nmae': did you mean 'name'"):
        load(path, labels_from="nmae")
    for source in ("moons", path / "1.npy"):
        with pytest.raises(UsageError, match=r"is no folder, so labels_from='name' does not apply"):
            load(source, labels_from="name")
    assert len(load("moons", labels_from="none")) == 5000


# ---- a folder of arrays


def test_a_folder_of_arrays_is_a_row_a_file(folder):
    # Catches a folder of arrays refused for having no images, and big-endian or Fortran-ordered files read as they lie.
    a, b = np.arange(8.0).reshape(4, 2), np.arange(8.0, 16).reshape(4, 2)
    data = read(folder(**{"a.npy": a, "b.npy": np.asfortranarray(b)}))
    np.testing.assert_array_equal(data.values, [a, b])
    assert (data.dtype, data.labels) == ("float64", None)


def test_sub_folders_of_arrays_are_classes(folder, monkeypatch):
    a, b = np.arange(6, dtype=">i2"), np.arange(6, 12, dtype=">i2")
    path = folder(**{"slow/a.npy": a, "fast/b.npy": b})
    usual = read(path)
    assert (usual.values.tolist(), usual.classes, classes_of(usual)) == (
        [b.tolist(), a.tolist()],
        ("fast", "slow"),
        ["fast", "slow"],
    )
    monkeypatch.setattr(raw, "IN_MEMORY", 4)
    assert read(path).sha256() == usual.sha256()


@pytest.mark.parametrize(
    ("other", "said"),
    [
        (
            np.zeros((5, 2)),
            r"'a.npy' holds float64 of shape \(4, 2\), and 'b.npy' holds float64 of shape \(5, 2\).*name the file",
        ),
        (np.zeros((4, 2), np.float32), "'b.npy' holds float32"),
        (b"x", "1 of 2 files cannot be used .first: 'b.npy' is damaged.*--data.missing drop"),
    ],
)
def test_arrays_that_do_not_go_together_are_refused(folder, other, said):
    with pytest.raises(DataError, match=said):
        read(folder(**{"a.npy": np.zeros((4, 2)), "b.npy": other}))
