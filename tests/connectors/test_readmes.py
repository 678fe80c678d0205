"""The statements of each vendor's README match the connector."""

from __future__ import annotations

import re
from pathlib import Path

from connectors import vendor_of
from connectors.kit.settings import DeskSettings

FOLDERS = Path(__file__).parents[2] / "connectors"
CODE = r"[A-Z]{2}\d\d"


def test_each_code_that_doctor_prints_is_explained_once_on_its_vendors_page(vendor):
    code = re.compile(rf'"({CODE})"')
    printed = {one for file in (FOLDERS / vendor).rglob("*.py") for one in code.findall(file.read_text())}
    page = (FOLDERS / vendor / "README.md").read_text()
    explained = re.findall(rf"^\| ({CODE}) \|", page, re.MULTILINE)
    assert explained == sorted(printed)


def test_each_setting_of_a_vendors_own_is_explained_on_its_page(vendor):
    settings = vendor_of(vendor).settings
    page = (FOLDERS / vendor / "README.md").read_text()
    own = set(settings.model_fields) - set(DeskSettings.model_fields) | {"intent_field"}
    assert (
        sorted(
            name for name in own if f"`{name}`" not in page and f"`…_{name.partition('_')[2]}`" not in page
        )
        == []
    )
