"""What was reported in public of help desks, by kind: each case of `tests/cases` comes out as it says.

`BACKSTOP_CASES=DIR` tries the cases of another folder, too (`*.json`, `*.toml`), each at all the desks that it names.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from case_runner import CHECKS, JOURNEYS, Case, classified, read

from core.classify.build import classifier_of
from core.settings import Settings
from tests.turns import VENDORS

OWN = list(read(Path(__file__).parents[1] / "cases"))
OTHERS = list(read(Path(folder))) if (folder := os.environ.pop("BACKSTOP_CASES", "")) else []


def of_types(*types: str) -> pytest.MarkDecorator:
    found = [pytest.param(case, id=name) for name, case in OWN + OTHERS if case["type"] in types]
    return pytest.mark.parametrize("case", found)


def at_desks() -> pytest.MarkDecorator:
    """Ours at one desk each, in turns; the others at every desk that they name."""
    ours = [(name, case) for name, case in OWN if case["type"] in JOURNEYS]
    rows = [(case["desk"][turn % len(case["desk"])], case, name) for turn, (name, case) in enumerate(ours)]
    rows += [(desk, case, name) for name, case in OTHERS if case["type"] in JOURNEYS for desk in case["desk"]]
    return pytest.mark.parametrize(
        ("vendor", "case"), [pytest.param(desk, case, id=f"{name}-{desk}") for desk, case, name in rows]
    )


@of_types(*CHECKS)
def test_what_is_decided_without_a_desk(case: Case) -> None:
    assert CHECKS[case["type"]](case) == "", case["kind"]


@of_types("classify")
def test_what_may_not_be_answered_automatically(case: Case, classifier_cache: Path) -> None:
    settings = Settings(path=Path("backstop.toml"), classifier={"cache": str(classifier_cache)})
    assert classified(case, classifier_of(settings)) == "", case["kind"]


@at_desks()
def test_a_ticket_takes_the_way_that_it_should(house, vendor: str, case: Case) -> None:
    assert vendor in VENDORS
    assert JOURNEYS[case["type"]](house(), case) == "", case["kind"]


def test_every_case_has_a_type_that_is_tried() -> None:
    unknown = {case["type"] for _, case in OWN + OTHERS} - {*CHECKS, *JOURNEYS, "classify"}
    assert unknown == set()
