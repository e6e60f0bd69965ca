"""The pages in git: what they link to is there, and the commands that they name exist."""

import os
import re
import subprocess

import pytest
from conftest import PROJECT
from markdown_it import MarkdownIt

DOCS = sorted(str(path.relative_to(PROJECT)) for path in (PROJECT / "docs").glob("*.md"))
WRITTEN = ("README.md", "CONTRIBUTING.md", "SECURITY.md", *DOCS)
PAGES = (*WRITTEN, "report/report.md")
LIST = ["git", "ls-tree", "-r", "--name-only", "HEAD"]
IN_GIT = subprocess.run(LIST, cwd=PROJECT, check=False, capture_output=True, text=True).stdout.splitlines()


def anchors(text: str) -> set[str]:
    """Of the headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", text, re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("name", PAGES)
def test_links_lead_somewhere(name: str):
    path = PROJECT / name
    tokens = [inner for token in MarkdownIt().parse(path.read_text(encoding="utf-8")) for inner in token.children or ()]
    links = [
        str(token.attrs.get("href") or token.attrs.get("src"))
        for token in tokens
        if token.type in ("link_open", "image")
    ]
    assert links or name.startswith("docs/")
    for link in links:
        if link.startswith("https://"):
            continue
        file, _, anchor = link.partition("#")
        target = path.parent / file if file else path
        # a figure of the study is not there while the report is one of other reviews
        assert target.exists() or os.path.relpath(target, PROJECT) in IN_GIT, link
        assert not anchor or anchor in anchors(target.read_text(encoding="utf-8")), link


def test_make_targets_that_are_named_exist():
    named = {target for name in WRITTEN for target in re.findall(r"(?:`|\$ )make (\w+)", (PROJECT / name).read_text())}
    assert {"demo", "test", "repro", "published", "bench", "coverage", "fuzz", "lint"} <= named
    for target in named:
        subprocess.run(["make", "--dry-run", target], cwd=PROJECT, capture_output=True, check=True)
