"""The page of a report: one self-contained HTML file, which loads nothing from anywhere else.

Names of columns, classes and files come from strangers, and none of them may become markup. The template escapes every word. The
contents are embedded as JSON in which `<`, `>` and `&` are written as escapes, so that no name can end the script block. As a second
line of defence, the page has a content-security policy: the browser runs only the scripts and styles whose SHA-256 is in the policy,
and fetches nothing.

    policy = default-src 'none'; script-src 'sha256-...'; style-src 'sha256-...'; img-src data:         (1)

A page is made of `page.html.j2` (words and tables; `macros.html.j2` has what sections share), `page.css`, the modules in `js/`
(pictures) and uPlot (curves; L. Sorokin, MIT licence, unchanged in `vendor/`). The modules are ES modules, so that the tests can
import each of them. A page that is a single file cannot import other files, so `joined` makes one script of the modules.
"""

import base64
import hashlib
import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from unstir import words
from unstir.report import colours

HERE = Path(__file__).parent
SECTIONS = {
    "answer": "Is it good, is it honest",
    "good": "The scores",
    "forward": "Data to noise",
    "reverse": "Noise to data",
    "information": "Information",
    "schedules": "Schedules",
    "comparison": "Comparison",
    "hard": "Which steps are hard",
    "run": "The run",
}
MODULES = (  # in js/, each after those that it imports
    "numbers", "ticks", "unpack", "motion", "theme", "colours", "stage", "axes",
    "points", "images", "sequences", "pictures", "field",
    "key", "curves", "chart", "film",
    "answer", "forward", "reverse", "information", "schedules", "comparison", "hard", "neighbours", "training",
    "menu", "refresh", "start",
)  # fmt: skip
IMPORT = re.compile(r'import \{ (?P<names>\w+(, \w+)*) \} from "\./(?P<module>\w+)\.mjs";')
EXPORT = re.compile(r"export (?P<declared>const (?P<name>\w+) = .*)")
WIDE = 5.0  # scores that differ by more than this factor are drawn on a logarithmic axis
FIRST = 12  # columns shown at once; a click shows the others


def render(contents: dict[str, Any]) -> str:
    """The page that shows `contents` (those of report.json); sections that are null or absent are left out, in the menu, too.

    >>> page = render({"title": "<b>", "status": "failed", "why": "the loss is not finite", "data": None, "version": "0.1.0", "written": ""})
    >>> "the loss is not finite" in page, "<b>" in page
    (True, False)
    """
    styles = [_inline("vendor/uPlot.min.css") + colours.styles() + _inline("page.css")]
    scripts = [_inline("vendor/uPlot.iife.min.js"), joined({name: _inline(f"js/{name}.mjs") for name in MODULES})]
    environment = Environment(
        loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {
        "number": number,
        "give_or_take": give_or_take,
        "short": short,
        "hardest": hardest,
        "bars": bars,
        "share": words.percent,
    }
    page = environment.get_template("page.html.j2").render(
        dict.fromkeys((*SECTIONS, "why", "step", "steps")) | {"words": {}} | contents,
        sections={name: title for name, title in SECTIONS.items() if contents.get(name)},
        missing={
            name: title for name, title in SECTIONS.items() if not contents.get(name) and contents.get("words", {}).get(name)
        },
        policy=policy(scripts, styles),
        styles=map(Markup, styles),
        scripts=map(Markup, scripts),
        contents=Markup(embedded(contents)),
        ruler=ruler,
        first=FIRST,
    )
    return page.encode(errors="replace").decode()  # a file name that is not UTF-8 holds lone surrogates, which cannot be encoded


def joined(modules: Mapping[str, str]) -> str:
    """One script that does what the ES modules {name: text} do. Each module becomes a function that returns the module's exports.

    Two kinds of lines are rewritten. The modules may use no other imports and exports:

        import { a, b } from "./name.mjs";    becomes    const { a, b } = modules.name;
        export const a = ...                  becomes    const a = ...

    Raises ValueError for any other import or export, and for importing a name that no earlier module exports.

    >>> print(joined({"one": "export const a = 1;", "two": 'import { a } from "./one.mjs";\\nalert(a);'}))
    (() => {
    "use strict";
    const modules = {};
    modules.one = (() => {
    const a = 1;
    return { a };
    })();
    modules.two = (() => {
    const { a } = modules.one;
    alert(a);
    return {  };
    })();
    })();
    """
    exported: dict[str, list[str]] = {}
    lines = ["(() => {", '"use strict";', "const modules = {};"]
    for module, text in modules.items():
        names = []
        lines.append(f"modules.{module} = (() => {{")
        for number, line in enumerate(text.splitlines(), start=1):
            place = f"{module}.mjs, line {number}"
            if wanted := IMPORT.fullmatch(line):
                known = exported.get(wanted["module"], [])
                if missing := [name for name in wanted["names"].split(", ") if name not in known]:
                    raise ValueError(f"{place}: no module {wanted['module']} before this one exports {', '.join(missing)}")
                lines.append(f"const {{ {wanted['names']} }} = modules.{wanted['module']};")
            elif given := EXPORT.fullmatch(line):
                names.append(given["name"])
                lines.append(given["declared"])
            elif re.search(r"\b(import|export)\b", line.partition("// ")[0]):
                raise ValueError(f"{place}: the page cannot join this import or export: {line.strip()}")
            else:
                lines.append(line)
        lines += [f"return {{ {', '.join(names)} }};", "})();"]
        exported[module] = names
    return "\n".join([*lines, "})();"])


def policy(scripts: Iterable[str], styles: Iterable[str]) -> str:
    """Eq. (1): a content-security policy that allows exactly these inline blocks (W3C, CSP Level 3, 2.3.1).

    >>> print(policy([""], [])[:70])
    default-src 'none'; script-src 'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5N
    """
    run, style = (" ".join(f"'sha256-{_sha256(block)}'" for block in blocks) for blocks in (scripts, styles))
    return f"default-src 'none'; script-src {run}; style-src {style}; img-src data:; base-uri 'none'; form-action 'none'"


def embedded(contents: Any) -> str:
    """JSON that is safe inside HTML: no name in it can end the block that holds it. Raises ValueError for a number that is not finite.

    >>> print(embedded("</script>&"))
    "\\u003c/script\\u003e\\u0026"
    """
    text = json.dumps(contents, allow_nan=False, separators=(",", ":"))  # all ASCII: U+2028 and U+2029 are escapes already
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def number(value: float | None, digits: int = 3) -> str:
    """A count or a value by the style of `unstir.words`, typeset; a dash for None.

    >>> [number(v) for v in (0.04127, 2010.0, 12345.6, 0.0, -2.5e-7, 1797, None)]
    ['0.0413', '2010', '12,346', '0', '−2.5e−7', '1,797', '–']
    """
    if value is None:
        return "–"
    return words.typeset(f"{value:,}" if isinstance(value, int) else words.number(value, digits))


def give_or_take(value: float | None, deviation: float | None) -> str:
    """A value with its standard deviation, typeset; without one, the value.

    >>> give_or_take(0.041237, 0.00251), give_or_take(3.0, None), give_or_take(812.3, 41.0)
    ('0.0412 ± 0.0025', '3', '812 ± 41')
    """
    return number(value) if value is None or not deviation else words.typeset(words.with_spread(value, deviation))


def short(text: str, letters: int = 60) -> str:
    """The text if it is short, else its beginning and end.

    >>> short("abcdefghij", 7)
    'abc…hij'
    """
    half = (letters - 1) // 2
    return text if len(text) <= letters else f"{text[:half]}…{text[-half:]}"


def hardest(columns: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The columns sorted by how many standard errors they are off, the worst first."""
    return sorted(columns, key=lambda column: -abs(column["z"] or 0))


def bars(shares: Sequence[float], most: float, width: float, height: float) -> str:
    """The outline of bars side by side as an SVG path that starts and ends on the ground: the largest share, `most`, is `height` tall.

    >>> bars([0.25, 0.5], 0.5, 100, 40)
    'M0 40V20H50V0H100V40'
    """
    each = width / len(shares)
    tops = [f"V{height - height * share / (most or 1):.4g}H{each * (i + 1):.4g}" for i, share in enumerate(shares)]
    return f"M0 {height:g}{''.join(tops)}V{height:g}"


class Ruler(NamedTuple):
    """An axis: values from `low` to `high` have positions from 0 to `length`."""

    low: float
    high: float
    length: float
    logarithmic: bool

    def __call__(self, value: float) -> float:
        """The position of a value; a value beyond an end is drawn at that end.

        >>> Ruler(1, 100, 200, True)(10), Ruler(0, 10, 200, False)(12)
        (100.0, 200.0)
        """
        value = min(max(value, self.low), self.high)
        low, value, high = map(math.log, (self.low, value, self.high)) if self.logarithmic else (self.low, value, self.high)
        share = (value - low) / (high - low)
        return round(share * self.length, 2)


def ruler(values: Iterable[float | None], length: float, zero: bool = False) -> Ruler:
    """An axis for these values, with a small margin. It starts at zero if `zero`; else it is logarithmic if the values differ much.

    >>> ruler([1.0, 100.0], 100).logarithmic, ruler([1.0, 2.0], 100, zero=True).low
    (True, 0.0)
    """
    known = [value for value in values if value is not None] or [0.0]
    low, high = min(known), max(known)
    if low > 0 and high / low > WIDE and not zero:
        return Ruler(low / 1.3, high * 1.3, length, True)
    air = 0.08 * (high - low) or 0.5 * abs(high) or 1.0
    return Ruler(min(low, 0.0) if zero else low - air, high + air, length, False)


def _inline(name: str) -> str:
    return (HERE / name).read_text(encoding="utf-8")


def _sha256(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
