"""The figures over replayed tickets."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from core.backtest.figures import told
from core.pipeline.replay import Replayed


@pytest.mark.parametrize("zone", ["America/Los_Angeles", "Europe/Berlin", "Asia/Tokyo", "Pacific/Auckland"])
def test_a_night_is_one_night_wherever_the_desk_is(zone):
    evening = datetime(2026, 11, 24, 23, 0, tzinfo=ZoneInfo(zone))
    begins = evening.astimezone(UTC)
    pages = [
        ("sms:oncall", (begins + timedelta(hours=n)).astimezone(ZoneInfo(zone)), True) for n in (0, 3, 7)
    ]
    row = Replayed(
        "support",
        "1",
        begins,
        "routed",
        "billing_dispute",
        0.7,
        "urgent",
        "Billing",
        "why",
        pages=tuple(pages),
    )
    again = Replayed.from_json(row.as_json())
    for one in (row, again):
        (person,) = told([one])["people"]
        assert (person["at_night"], person["nights"], person["worst_night"]) == (3, 1, 3)
