"""What the desk refuses, or what comes too late, never leaves a customer without anybody."""

from __future__ import annotations

from words import DISPUTE, ORDER

from core.ledger.schema import notices


def _refuse_words(h):
    """The desk refuses every write that speaks to the customer, and nothing else."""
    speaks = {"freshdesk": "/reply", "helpscout": "/reply"}

    def plan(call):
        if call.method not in {"PUT", "POST", "PATCH"} or "oauth" in call.path:
            return ""
        if h.vendor in speaks:
            return "status_before:422" if call.path.endswith(speaks[h.vendor]) else ""
        return "status_before:422" if len([c for c in h.api.calls if c.method == "PUT"]) <= 2 else ""

    h.api.plan = plan


def test_an_answer_the_desk_refuses_brings_a_human(house):
    h = house()
    _refuse_words(h)
    case = h.writes_in(ORDER)
    row = h.ticket(case)
    assert row.state == "escalated", h.story(case)
    assert "did not go out" in row.reason
    assert case.status != "solved"
    assert row.auto_resolved_at is None
    assert "ai_general_queue" in h.seen(case).tags
    assert h.bot_says(case, public=True) == []


def test_an_agent_who_comes_between_our_look_and_our_answer_is_not_talked_over(house):
    h = house()
    desk = h.app.desks["support"]
    send, seen = desk.send, []

    def late(ticket, write):
        if write.spoken and not seen:
            seen.append(write)
            h.now = h.now.replace(second=2)  # the lock is a second coarse
            h.desk.agent_says(int(ticket.id), h.ann.id, "Hello, Ann here, I am looking at it.")
        return send(ticket, write)

    desk.send = late
    case = h.writes_in(ORDER)
    if h.vendor == "zendesk":  # the only one of the three with an optimistic lock
        assert h.bot_says(case, public=True) == [], h.story(case)
        assert case.status != "solved"
    assert h.ticket(case) is not None
    assert not h.unsettled()


def test_when_only_the_acknowledgment_is_refused_people_are_notified_all_the_same(house):
    h = house()
    if h.vendor == "zendesk":
        h.api.plan = lambda call: (
            "status_before:422" if len([c for c in h.api.calls if c.method == "PUT"]) in {2, 3, 4} else ""
        )
    else:
        _refuse_words(h)
    case = h.writes_in(DISPUTE)
    assert h.ticket(case).state == "escalated", h.story(case)
    assert len(h.urgent.sent) >= 1
    assert any(n.template == "escalated" for n in h.rows(notices))
    assert h.ticket(case).acknowledged_at is None
