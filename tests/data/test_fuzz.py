"""Every reader under fire: whatever bytes are in a file, the outcome is data, or settings, or one error of ours.

The files are written by the rules of their format and then spoilt: a header that promises what is not there, a number of
another kind, a byte flipped, a part cut out, a part twice. Random bytes alone never come past the first four. The examples are
the same every time.
"""

import io
import json
import tracemalloc
import zipfile

import numpy as np
import pytest
import tomli_w
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from unstir.data import Data, from_arrays, read, survey
from unstir.errors import UnstirError
from unstir.training.config import Config, resolve
from unstir.training.config_file import read_config

MOST = 2**25  # bytes of memory, for files of a few thousand
LONGEST = 600  # characters of a message

fuzzed = settings(deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))


@st.composite
def spoilt(draw, files):
    """The bytes of one of `files`, sometimes with a few hits: flipped, cut out, doubled, put in, cut off."""
    content = bytearray(draw(files))
    for _ in range(draw(st.sampled_from([0, 0, 1, 1, 2, 5]))):
        start = draw(st.integers(0, len(content)))
        end = min(len(content), start + draw(st.integers(0, 12)))
        hit = draw(st.sampled_from(["flip", "cut", "double", "put", "end"]))
        if hit == "flip" and start < len(content):
            content[start] ^= 1 << draw(st.integers(0, 7))
        elif hit == "cut":
            del content[start:end]
        elif hit == "double":
            content[start:start] = content[start:end] * draw(st.integers(1, 3))
        elif hit == "put":
            content[start:start] = draw(st.binary(max_size=8))
        elif hit == "end":
            del content[start:]
    return bytes(content)


def outcome(path, content, labels, missing):
    """Read the file: Data that keeps its promises, or the error, which has to be a short line; the memory is watched."""
    path.write_bytes(content)
    tracemalloc.start()
    try:
        data = read(path, labels, missing)
    except UnstirError as error:
        text = str(error).replace(str(path), path.name)
        assert text
        assert len(text) < LONGEST
        assert text.isprintable()
        assert "allocate" not in text  # numpy was asked for the impossible
        return error
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < MOST
    assert isinstance(data, Data)
    assert data.values.dtype in (np.float32, np.float64)
    assert len(data) >= 2
    assert data.values[0].size
    assert data.names == () or data.shape == (len(data.names),)
    if missing != "keep":
        assert np.isfinite(data.values).all()
    if data.labels is not None:
        lowest = -1 if missing == "keep" else 0
        assert data.labels.shape == (len(data),)
        assert lowest <= data.labels.min() <= data.labels.max() < max(len(data.classes), lowest + 1)
    found = survey(data)
    assert len(found.columns) == data.values[0].size
    assert all(problem.text.isprintable() for problem in found.problems)
    return data


# ---- tables

NUMBERS = st.one_of(
    st.integers(-9, 9).map(str),
    st.floats(width=32).map(str),
    st.sampled_from(
        ["", "nan", "NA", "inf", "-inf", "1e400", "1e-400", "9007199254740993", "1" * 400, "0x10", "1_0", "1,5", "-0", "+.5"]
    ),
    st.sampled_from(["١٢", "½", "1e", "--1", " 1 ", '"1"', '"1', '1"', "'1'", "cat", "\0", "\ufeff", "\x1b[0m", "\u2028", "1\r"]),
    st.text(max_size=5),
)
PLAIN = st.floats(-1e3, 1e3, allow_nan=False).map(lambda value: f"{value:.3g}")


@st.composite
def tables(draw):
    columns, rows = draw(st.integers(1, 5)), draw(st.integers(0, 8))
    cell = draw(st.sampled_from([PLAIN, PLAIN, NUMBERS, st.one_of(PLAIN, PLAIN, PLAIN, NUMBERS)]))
    name = st.sampled_from(["a", "b", "kind", "id", "1", "", "a b", 'say "a"', "a" * 300, "\t", "é"])
    lines = [draw(st.lists(name, min_size=columns, max_size=columns, unique=draw(st.booleans())))] if draw(st.booleans()) else []
    ragged = draw(st.sampled_from([0, 0, 0, 1]))
    for _ in range(rows):
        width = columns + draw(st.integers(-ragged, ragged))
        lines.append(draw(st.lists(cell, min_size=width, max_size=width)))
    delimiter = draw(st.sampled_from([",", ",", ";", "\t", "|"]))
    end = draw(st.sampled_from(["\n", "\n", "\r\n", "\r", "\n\n"]))
    text = end.join(delimiter.join(line) for line in lines) + draw(st.sampled_from(["", end]))
    encoding = draw(st.sampled_from(["utf-8", "utf-8", "utf-8", "utf-8-sig", "utf-16", "utf-16-le", "latin-1"]))
    return text.encode(encoding, "replace")


# ---- arrays

DESCR = [
    *("'<f8'", "'>f8'", "'<f4'", "'<f2'", "'|u1'", "'|b1'", "'<i8'", "'<u8'", "'<f16'", "'<c16'", "'<U4'", "'|S3'", "'|O'"),
    *(
        "'<M8[s]'",
        "'|V8'",
        "'|S0'",
        "'<U0'",
        "'f'",
        "'a5'",
        "',,,'",
        "'2f8'",
        "'<f8, <i4'",
        "''",
        "'|V1000000000000'",
        "3",
        "None",
    ),
    *(
        "[('x', '<f8')]",
        "[('x', '<f8', (2, 3))]",
        "[('x',)]",
        "[('', '|O')]",
        "[]",
        "('<f8', (2,))",
        "{'names': ['a']}",
        "('<f8',)",
    ),
    *("[('x', '<f8', (10**9,))]", "[[[[]]]]", "[1]", "b'<f8'", "'<f8'*10**9", "1j", "True", "...", "{[]: 1}"),
]
SHAPE = [
    *(
        "(3, 2)",
        "(6,)",
        "(2, 1, 3)",
        "(6, 1)",
        "()",
        "(0,)",
        "(0, 5)",
        "(5, 0)",
        "(1, 6)",
        "(3, 2,)",
        "(3L, 2L)",
        "[3, 2]",
        "6",
        "None",
    ),
    *(
        "(-1,)",
        "(-3, -2)",
        "(3.0, 2)",
        "(True, 6)",
        "(1000000000000000,)",
        "(1000000000000000, 0)",
        "(9223372036854775807, 2)",
        "(2**62,)",
    ),
    *("(99999999999999999999999999,)", "(1,)*70", "('3', 2)", "(3, 2" + ", 1" * 70 + ")", "((3, 2),)", "(0, 1000000000000000)"),
]


@st.composite
def npys(draw):
    """A header and as many bytes as it says, with no to three lies in either."""
    dtype, shape = (
        draw(st.sampled_from(["<f8", ">f8", "<f4", "<f2", "|u1", "|b1", "<i8", "<u8"])),
        draw(st.sampled_from(SHAPE[:4])),
    )
    parts = {"'descr'": f"'{dtype}'", "'fortran_order'": draw(st.sampled_from(["False", "True"])), "'shape'": shape}
    content = draw(st.binary(min_size=48, max_size=48)) if draw(st.booleans()) else np.arange(6).astype(dtype).tobytes()
    content = content[: 6 * np.dtype(dtype).itemsize]
    version, padding, length = b"\1\0", b"", None
    for _ in range(draw(st.sampled_from([0, 0, 1, 1, 2, 3]))):
        lie = draw(st.sampled_from(["descr", "shape", "order", "less", "more", "nest", "version", "length", "content"]))
        if lie == "descr":
            parts["'descr'"] = draw(st.sampled_from(DESCR))
        elif lie == "shape":
            parts["'shape'"] = draw(st.sampled_from(SHAPE))
        elif lie == "order":
            parts["'fortran_order'"] = draw(st.sampled_from(["0", "None", "'False'"]))
        elif lie == "less" and parts:
            parts.pop(draw(st.sampled_from(sorted(parts))))
        elif lie == "more":
            parts[draw(st.sampled_from(["'more'", "1", "None", "b''", "()"]))] = "0"
        elif lie == "nest":
            padding = (
                draw(st.sampled_from(["(", "[", "{", "-", "not ", "'", "\\", "1if "])) * draw(st.integers(1, 4000))
            ).encode()
        elif lie == "version":
            version = draw(st.sampled_from([b"\2\0", b"\2\0", b"\3\0", b"\4\0", b"\1\1"]))
        elif lie == "length":
            length = draw(st.sampled_from([0, 9, 65535, 2**32 - 1]))
        elif lie == "content":
            content = content[draw(st.integers(0, 9)) :] * draw(st.integers(1, 9))
    header = padding + ("{" + ", ".join(f"{key}: {value}" for key, value in parts.items()) + "}").encode() + b" \n"
    width = 2 if version[0] == 1 else 4
    length = min(len(header) if length is None else length, 2 ** (8 * width) - 1)
    return b"\x93NUMPY" + version + length.to_bytes(width, "little") + header + content


def saved(draw):
    """What numpy itself writes, of small random numbers."""
    dtype = draw(st.sampled_from(["<f8", ">f4", "|u1", "<i8", "|b1", "<f2", "<U3", "<c8"]))
    shape = draw(st.sampled_from([(6,), (6, 2), (6, 1), (6, 2, 2), (1, 3), (3, 0)]))
    numbers = np.random.default_rng(draw(st.integers(0, 99))).integers(0, 5, shape)
    buffer = io.BytesIO()
    np.save(buffer, numbers.astype(dtype), allow_pickle=False)
    return buffer.getvalue()


@st.composite
def npzs(draw):
    buffer = io.BytesIO()
    names = draw(st.lists(st.sampled_from(["values", "y", "x", "labels", "other", "../up", "", "a" * 300, "é"]), max_size=3))
    with zipfile.ZipFile(
        buffer, "w", draw(st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA]))
    ) as archive:
        for name in dict.fromkeys(names):
            content = saved(draw) if draw(st.integers(0, 3)) else draw(npys())
            archive.writestr(name + draw(st.sampled_from([".npy", ".npy", ".npy", ".txt", "_"])), content)
    return buffer.getvalue()


@st.composite
def safetensors(draw):
    kinds = {"F64": 8, "F32": 4, "F16": 2, "I64": 8, "U8": 1, "BOOL": 1, "BF16": 2, "F8_E4M3": 1, "C64": 8, "Q7": 1}
    wrong = {
        "shape": [[10**15], [-1], [2**63], [10**15, 0], "6", None, [6.5]],
        "data_offsets": [[0, 10**15], [8, 0], [-1, 8], [0], None],
        "dtype": ["f8", 8, None, "F128"],
    }
    header, at = {}, 0
    others = draw(st.lists(st.sampled_from(["y", "x", "labels", "other", "", "a" * 300]), max_size=2, unique=True))
    for name in ["values", *others]:
        common = draw(st.integers(0, 3)) > 0
        kind = draw(st.sampled_from(list(kinds)[: 6 if common else None]))
        shape = (
            [6]
            if name in ("y", "labels") and common
            else draw(st.sampled_from([[6], [6, 2], [6, 2], [6, 1, 1], [2, 0], [], [1, 3]]))
        )
        end = at + int(np.prod(shape)) * kinds[kind]
        header[name] = {"dtype": kind, "shape": shape, "data_offsets": [at, end]}
        at = end
        if draw(st.integers(0, 5)) == 0:
            field = draw(st.sampled_from(sorted(wrong)))
            header[name][field] = draw(st.sampled_from(wrong[field]))
    if draw(st.integers(0, 4)) == 0:
        header["__metadata__"] = draw(st.sampled_from([{}, {"a": "b"}, {"a": 1}, "text", None]))
    text = json.dumps(header)
    if draw(st.integers(0, 9)) == 0:
        text = draw(st.sampled_from(["[", "{", '{"a":', "{}"])) * draw(st.integers(1, 3000)) + text
    length = draw(st.sampled_from([len(text)] * 9 + [0, len(text) + 1, 10**9, 2**63, 2**64 - 1]))
    return length.to_bytes(8, "little") + text.encode() + bytes(draw(st.sampled_from([at, at, at, at, max(0, at - 1), at + 8])))


LABELS = st.sampled_from([None, None, None, "kind", "a", "0", "y", "nowhere", ""])
MISSING = st.sampled_from(["refuse", "drop", "keep"])


@pytest.mark.timeout(240)
@pytest.mark.parametrize(
    ("suffix", "files", "examples"),
    [(".csv", tables(), 1000), (".npy", npys(), 1000), (".npz", npzs(), 600), (".safetensors", safetensors(), 600)],
    ids=["csv", "npy", "npz", "safetensors"],
)
def test_whatever_is_in_a_file_is_data_or_one_error_of_ours(tmp_path, suffix, files, examples):
    """Catches a traceback of csv, zipfile, tokenize, numpy or safetensors, memory for what a header only promises, a message of a
    thousand characters or with a terminal's control codes in it, and data that is not what `Data` promises."""
    outcomes = []

    @settings(fuzzed, max_examples=examples)
    @given(spoilt(files), LABELS, MISSING)
    def fire(content, labels, missing):
        outcomes.append(type(outcome(tmp_path / f"fuzz{suffix}", content, labels, missing)))

    fire()
    taken = outcomes.count(Data)
    assert 0.02 < taken / len(outcomes) < 0.9  # else the files are all whole, or all nonsense, and little was tried


# ---- settings

DEFAULTS = Config().model_dump(exclude_none=True)
ODD = st.one_of(
    st.sampled_from(
        ["", "flow", "nan", "a" * 500, "\x1b[0m", -1, 0, 2**70, 10**400, 1e308, float("nan"), float("inf"), True, [], [[]], {}]
    ),
    st.sampled_from([{"a": 1}, {"steps": 3}, [{"a": [1, {"b": 2}]}], [1.5] * 30]),
    st.integers(),
    st.floats(),
    st.text(max_size=8),
)
LINES = st.sampled_from(
    [
        *(
            "seed = 1979-05-27T07:32:00Z",
            "seed = 07:32:00",
            "seed = 1_000",
            "seed = 0xff",
            "seed = 0x" + "f" * 5000,
            "seed = " + "9" * 5000,
            "seed = 1e999",
            "[optim]",
        ),
        *(
            "[[optim]]",
            "optim.steps = 3",
            "optim = {steps = 3, lr = 1e-3}",
            "a = " + "[" * 2000,
            "a = " + "{a = " * 2000,
            "[a" + ".a" * 2000 + "]",
        ),
        *(
            "[train]",
            "[data]\nsource = 'x'\n[data]",
            "'' = 1",
            '"\\ud800" = 1',
            'seed = """',
            "seed = '''\n'''",
            "seed = 2021-02-30",
            "\0",
        ),
        *(
            "a" + ".a" * 2000 + " = 1",
            "\ufeffseed = 1",
            "seed == 1",
            "seed = ",
            "= 1",
            "[]",
            "#" * 3000,
            "diffusion.settings.beta_max = 3",
            "é = 1",
        ),
    ]
)


@st.composite
def tomls(draw):
    document = json.loads(json.dumps(DEFAULTS))
    sections = [document, *(value for value in document.values() if isinstance(value, dict))]
    for _ in range(draw(st.integers(0, 3))):
        section = draw(st.sampled_from(sections))
        keys = sorted(key for key in section if section is not document or not isinstance(section[key], dict))
        key = draw(st.sampled_from([*keys, "stps", "", "train", "a.b"]))
        section[key] = draw(ODD)
    text = tomli_w.dumps(document)
    lines = text.splitlines()
    for _ in range(draw(st.sampled_from([0, 0, 0, 1, 2]))):
        lines.insert(draw(st.integers(0, len(lines))), draw(LINES))
    return "\n".join(lines).encode("utf-8", "surrogatepass")


@pytest.mark.timeout(240)
def test_whatever_is_in_a_configuration_is_settings_or_one_error_of_ours(tmp_path):
    """Catches RecursionError out of tomllib, the limit on the digits of a whole number, a date, and a message that is a page long."""
    path, outcomes = tmp_path / "c.toml", []

    @settings(fuzzed, max_examples=1000)
    @given(spoilt(tomls()))
    def fire(content):
        path.write_bytes(content)
        try:
            outcomes.append(isinstance(resolve(read_config(path)), Config))
        except UnstirError as error:
            text = str(error).replace(str(path), path.name)
            assert len(text) < 4 * LONGEST  # several settings may be wrong, and all that are known are listed
            assert " ".join(text.split()).isprintable()
            outcomes.append(False)

    fire()
    assert 0.02 < np.mean(outcomes) < 0.9


def test_a_spread_of_next_to_nothing_is_no_overflow():
    # Found by the fuzzer. Catches a RuntimeWarning where a person reads of outliers.
    assert survey(from_arrays(np.array([0, 0, 0, -2, -1.11e-308]))).columns[0].missing.count == 0
