"""Whatever comes in, nothing crashes and nothing is lost: what cannot be read reaches a human."""

from __future__ import annotations

import pytest
import requests

MIB = 1024 * 1024


@pytest.mark.parametrize(
    "body",
    [
        "",
        "🙂🙃🔥",
        "<div><p>&nbsp;</p><img src=x></div>",
        "a" * MIB,
        "broken \udcff surrogate \x00 null",
        "؟؟؟ مرحبا",
    ],
    ids=["empty", "emoji", "html", "a megabyte", "invalid", "arabic"],
)
def test_a_message_that_cannot_be_read_reaches_a_human(house, body):
    h = house()
    case = h.writes_in(body.encode("utf-8", "replace").decode())
    if h.ticket(case) is None:  # a webhook above the limit of 1 MiB is refused; the sweep finds its ticket
        h.later(minutes=3)
        h.sweep()
    assert h.ticket(case).state == "escalated", h.story(case)
    assert h.ticket(case).outcome == "general_queue"
    assert not h.unsettled()


def test_the_receiver_answers_as_the_contract_says(house):
    h = house()
    hook = f"{h.receiver}/hooks/support"
    assert requests.post(hook, data=b"{}", timeout=5).status_code == 401
    assert requests.post(f"{h.receiver}/hooks/nobody", data=b"{}", timeout=5).status_code == 404
    assert requests.post(hook, data=b"x" * (MIB + 1), timeout=5).status_code == 413
    assert requests.get(f"{h.receiver}/healthz", timeout=5).json() == {"ok": True}
    assert requests.get(f"{h.receiver}/readyz", timeout=5).status_code == 200
    assert "backstop_webhooks_total" in requests.get(f"{h.receiver}/metrics", timeout=5).text


def test_a_broken_classifier_means_the_general_queue(house):
    h = house()

    class Broken:
        model = "broken"

        def predict(self, text):
            raise RuntimeError("no")

    h.app.classifier = Broken()
    case = h.writes_in("Where is my order?")
    assert h.ticket(case).outcome == "general_queue", h.story(case)
    assert len(h.bot_says(case, public=True)) == 1


def test_a_broken_template_means_the_general_queue(house):
    h = house()
    (h.home / "templates" / "order_status.txt").write_text("Hello {{ nothing_of_that_name }}")
    case = h.writes_in(
        "Where is my order 4711? It should have arrived last week and the tracking page shows nothing."
    )
    row = h.ticket(case)
    assert row.outcome == "general_queue", h.story(case)
    assert "nothing_of_that_name" in row.reason
