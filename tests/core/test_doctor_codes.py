"""Every code that the doctor can print is explained, and no other."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
CODE = re.compile(r'"((?:CF|DB|CL|TP|RT|RO|CH|CK|RC|DK|DR)\d\d)"')


def test_the_page_of_codes_explains_each_code_once():
    sources = [*ROOT.glob("core/**/*.py"), *ROOT.glob("connectors/channels/*.py")]
    printed = {code for file in sources for code in CODE.findall(file.read_text())}
    explained = re.findall(r"^\| ([A-Z]{2}\d\d) \|", (ROOT / "docs/doctor.md").read_text(), re.MULTILINE)
    assert sorted(printed) == sorted(explained)
