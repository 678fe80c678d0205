"""Every code that the doctor can print is explained, and provoked by a test; and no other is explained."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from connectors import FOLDERS

ROOT = Path(__file__).parents[2]
OURS = ["BS", "CF", "DB", "CL", "TP", "RT", "RO", "CH", "CK", "RC", "DK", "DR"]
PAGES = {
    **dict.fromkeys(OURS, "docs/doctor.md"),
    **{
        code: f"{page.relative_to(ROOT)}"
        for page in (ROOT / folder.replace(".", "/") / "README.md" for folder in FOLDERS.values())
        for code in re.findall(r"^\| ([A-Z]{2})\d\d \|", page.read_text(), re.MULTILINE)
    },
}
CODE = re.compile(rf'"((?:{"|".join(PAGES)})\d\d)"')


def printed():
    """The codes in the program, by file; the fakes stand for the vendors and print none."""
    sources = [*ROOT.glob("core/**/*.py"), *ROOT.glob("connectors/**/*.py")]
    return {code for file in sources for code in CODE.findall(file.read_text())}


@pytest.mark.parametrize("page", sorted(set(PAGES.values())))
def test_the_page_of_codes_explains_each_code_once(page):
    mine = {code for code in printed() if PAGES[code[:2]] == page}
    explained = re.findall(r"^\| ([A-Z]{2}\d\d) \|", (ROOT / page).read_text(), re.MULTILINE)
    assert mine
    assert sorted(mine) == sorted(explained)


def test_every_code_is_provoked_by_a_test():
    """Each code is a string in a test; whether an assertion uses it is not checked."""
    tests = [file for file in ROOT.glob("tests/**/test_*.py") if file != Path(__file__)]
    seen = {code for file in tests for code in CODE.findall(file.read_text())}
    assert printed() - seen == set()
