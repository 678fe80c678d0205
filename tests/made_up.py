"""Made-up requests out of an OpenAPI text, few enough for every run of the suite, the same ones each time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st


def tried(
    operation: Any, number: int, checks: Sequence[Any], real: Callable[[Any], None], **call: Any
) -> set[int]:
    """The statuses of the answers to some requests of one operation, each held to the checks. `real` puts into a request
    the names of things that are there; it is asked for about every second one."""
    seen: set[int] = set()

    @given(case=operation.as_strategy(), there=st.booleans())
    @settings(
        max_examples=number,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def holds(case: Any, there: bool) -> None:
        if there:
            real(case)
        answer = case.call(**call)
        seen.add(answer.status_code)
        case.validate_response(answer, checks=list(checks))

    holds()
    return seen
