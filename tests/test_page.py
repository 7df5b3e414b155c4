"""The report's page: one file that asks for nothing, runs only its own scripts, and shows text as text."""

import base64
import hashlib
import re

import pytest

from report_contents import ATTACK, comparison, images, points, running, sequences, stopped, vectors
from unstir.report.page import render

KINDS = {f.__name__: f for f in (points, images, sequences, vectors, stopped, running, comparison)}


@pytest.mark.parametrize("kind", KINDS)
def test_a_page_is_one_file_whose_policy_names_every_block_and_that_asks_for_nothing(kind):
    # Catches a block that the browser refuses, a script from elsewhere, and a page too large for a mail.
    html = render(KINDS[kind]())
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', html)[1].replace("&#39;", "'")
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    blocks = re.findall(r"<script>(.*?)</script>", html, re.DOTALL) + re.findall(r"<style>(.*?)</style>", html, re.DOTALL)
    assert len(blocks) >= 3  # uPlot, ours, styles
    for block in blocks:
        assert f"'sha256-{base64.b64encode(hashlib.sha256(block.encode()).digest()).decode()}'" in policy
    assert not re.search(r'(?:src|href|action)\s*=\s*["\']?(?:https?:)?//', html)
    assert len(html) < 3_000_000


def test_names_that_try_to_break_out_are_text():
    # The attack is in a class, a column and the title. Catches a page that runs what is in the data.
    html = render(points() | {"title": ATTACK})
    assert ATTACK not in html
    assert "<img src=x" not in html
    assert "\u2028" not in html
