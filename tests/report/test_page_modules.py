"""The modules of the page's script: each by itself in node, and the one script that the page makes of them.

The tests of the modules are `js/NAME.test.mjs`, beside this file; node runs them with its own test runner. Where there is no node the
tests that need it are skipped and say so.
"""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from unstir.report import page

MODULES = sorted((Path(page.__file__).parent / "js").iterdir())
TESTS = sorted((Path(__file__).parent / "js").glob("*.test.mjs"))
SCRIPT = page.joined({name: (Path(page.__file__).parent / f"js/{name}.mjs").read_text(encoding="utf-8") for name in page.MODULES})


@pytest.fixture(scope="module")
def node():
    found = shutil.which("node")
    if found is None:
        pytest.skip("the page's modules were not tested: there is no node (Debian: apt-get install nodejs)")

    def run(*arguments, text=None):
        done = subprocess.run([found, *map(str, arguments)], input=text, capture_output=True, encoding="utf-8", check=False)
        return done.returncode, done.stdout + done.stderr

    return run


def test_every_module_passes_its_tests(node):
    code, said = node("--test", *TESTS)
    assert code == 0, said


def test_every_module_has_tests_and_is_on_the_page():
    # Catches a module that nobody tests, and one that was written and never joined.
    names = {path.stem for path in MODULES}
    assert {path.suffix for path in MODULES} == {".mjs"}
    assert {path.name.removesuffix(".test.mjs") for path in TESTS} == names == set(page.MODULES)
    assert re.findall(r"^modules\.(\w+) = ", SCRIPT, re.MULTILINE) == list(page.MODULES)
    assert SCRIPT in page.render({"title": "", "status": "finished", "data": None, "version": "", "written": ""})


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_a_module_is_small_says_what_it_is_and_is_used(path):
    # Catches a module that grows into two, and one that is joined and that no other imports.
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) < 300
    assert text.startswith("// ")
    imported = {name for other in MODULES for name in re.findall(r'from "\./(\w+)\.mjs"', other.read_text(encoding="utf-8"))}
    assert path.stem in imported | {"start"}


@pytest.mark.parametrize("name", [name for name in page.MODULES if name != "start"])
def test_a_module_can_be_loaded_without_a_page(node, name):
    # Node has no document. Catches a module that looks for its elements when it is loaded: it could be tested in a browser only.
    code, said = node("--input-type=module", "-e", f"await import({(MODULES[0].parent / f'{name}.mjs').as_uri()!r})")
    assert code == 0, said


def test_the_joined_script_is_one_that_a_browser_can_read(node, tmp_path):
    # Catches an export that is left over: a classic script with one is refused as a whole, and the page stays without pictures.
    file = tmp_path / "page.js"
    file.write_text(SCRIPT, encoding="utf-8")
    code, said = node("--check", file)
    assert code == 0, said
    assert SCRIPT.startswith('(() => {\n"use strict";')
    assert not re.search(r"</script|<!--", SCRIPT, re.IGNORECASE)  # would end the block, or start a comment, in HTML


ONE = "const hidden = 1;\nexport const shown = hidden + 1;\nexport const also = 10;"


def test_modules_keep_their_own_names_when_they_are_joined(node):
    # Two modules with the same private name. Catches modules that are only written one after the other: `hidden` would be declared
    # twice, or the second would change the first.
    two = 'import { also, shown } from "./one.mjs";\nconst hidden = 100;\nexport const sum = also + shown + hidden;'
    start = 'import { sum } from "./two.mjs";\nconsole.log(sum, typeof hidden);'
    assert node("-", text=page.joined({"one": ONE, "two": two, "start": start})) == (0, "112 undefined\n")


@pytest.mark.parametrize(
    "line",
    [
        'import { missing } from "./one.mjs";',
        'import { shown, missing } from "./one.mjs";',
        'import { hidden } from "./one.mjs";',  # not exported
        'import { shown } from "./later.mjs";',
        'import { shown } from "./two.mjs";',  # itself
        'import { shown } from "one";',
        'import { shown as other } from "./one.mjs";',
        'import * as one from "./one.mjs";',
        'import one from "./one.mjs";',
        'import "./one.mjs";',
        "import {",
        '  import { shown } from "./one.mjs";',
        'const one = await import("./one.mjs");',
        "const here = import.meta.url;",
        "export default 1;",
        "export { two };",
        'export * from "./one.mjs";',
        "export let two = 2;",
        "export function two() {}",
        "const two = 2; export { two };",
    ],
)
def test_what_cannot_be_joined_is_refused(line):
    # Catches a name that is silently undefined on the page, and a line that the browser refuses with the whole script.
    with pytest.raises(ValueError, match=r"^two\.mjs, line 2: "):
        page.joined({"one": ONE, "two": f"// Two.\n{line}", "later": ONE})


def test_comments_may_speak_of_imports():
    assert "// import or export\n" in page.joined({"one": "// import or export\nconst one = 1; // an export"})
