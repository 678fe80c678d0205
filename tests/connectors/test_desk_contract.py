"""The contract of every help desk's connector."""

from __future__ import annotations

import fnmatch
from dataclasses import replace
from datetime import timedelta

import pytest

from connectors import vendor_of
from core import errors
from core.classify.text import customer_words
from core.model import (
    AddNote,
    AddTags,
    Assign,
    Author,
    EventKind,
    Priority,
    Reopen,
    Reply,
    RunAction,
    SetPriority,
    SetQueue,
    Solve,
    Status,
    WebhookRequest,
    created_key,
)

SET = (AddTags(("ai_routed", "ai_intent_billing_dispute")), SetQueue("Billing"), SetPriority(Priority.URGENT))
NOTE = AddNote("note", text='Likely intent: billing_dispute (72% confidence). Customer message: a <b> & "c"')
ACK = Reply("acknowledgment", "ack", text="Thank you.\n\nWe answer within 30 minutes & will be kind <3")
ANSWER = Reply("answer", "order_status", text="Your order is on its way.\n\nYours,\nthe team")
FLOWS = {
    "auto-resolve": (*SET, ANSWER, Solve()),
    "route": (*SET, NOTE, ACK),
    "general queue": (AddTags(("ai_general_queue", "ai_acknowledged")), SetQueue("Billing"), ACK),
}
WRITES = {
    ("zendesk", "auto-resolve"): 1,
    ("zendesk", "route"): 2,
    ("zendesk", "general queue"): 1,
    ("freshdesk", "auto-resolve"): 2,
    ("freshdesk", "route"): 3,
    ("freshdesk", "general queue"): 2,
    ("helpscout", "auto-resolve"): 2,
    ("helpscout", "route"): 3,
    ("helpscout", "general queue"): 2,
}
# it has no lock: after giving a team the conversation, it is looked whether an agent lost it
READS = {"helpscout": 2}
WRITING = {"POST", "PUT", "PATCH", "DELETE"}


def squeezed(text: str) -> str:
    return " ".join(text.split())


# --- reading ----------------------------------------------------------------------------------


def test_a_new_ticket_is_read_with_who_wrote_what(world, vendor):
    w = world(vendor)
    ticket_id = w.customer(
        "There is a charge I did not make", subject="Charge", email="mia@example.com", name="Mia"
    )
    ticket = w.ours.fetch(ticket_id)
    (message,) = ticket.messages
    assert (ticket.desk, ticket.id, ticket.subject) == ("support", ticket_id, "Charge")
    assert (message.author, squeezed(message.text)) == (Author.CUSTOMER, "There is a charge I did not make")
    assert (ticket.customer.email, ticket.customer.is_staff) == ("mia@example.com", False)
    assert ticket.status in {Status.NEW, Status.OPEN}
    assert (ticket.assignee, ticket.locked, ticket.replyable) == (None, "", True)
    assert (ticket.opened_by, ticket.created_at) == (Author.CUSTOMER, w.now)
    assert ticket_id in ticket.url


def test_the_thread_is_whole_and_oldest_first(world, vendor):
    w = world(vendor)
    ticket_id = w.customer("message 0")
    for n in range(1, 24):
        w.later(minutes=1)
        w.desk.customer_writes(f"message {n}", case_id=int(ticket_id))
    ticket = w.ours.fetch(ticket_id)
    assert [squeezed(m.text) for m in ticket.messages] == [f"message {n}" for n in range(24)]
    assert len({m.id for m in ticket.messages}) == 24


def test_a_human_agent_is_distinguished_from_us_and_from_the_customer(world, vendor):
    w = world(vendor)
    ticket_id = w.customer("Hello")
    w.do(w.ours.fetch(ticket_id), ACK)
    w.later(minutes=1)
    w.desk.agent_says(int(ticket_id), w.ann.id, "I am on it")
    w.later(minutes=1)
    w.desk.agent_says(int(ticket_id), w.ann.id, "she sounds upset", public=False)
    w.later(minutes=1)
    w.desk.customer_writes("thanks", case_id=int(ticket_id))
    said = [(m.author, m.public) for m in w.ours.fetch(ticket_id).messages]
    assert said == [
        (Author.CUSTOMER, True),
        (Author.BOT, True),
        (Author.AGENT, True),
        (Author.AGENT, False),
        (Author.CUSTOMER, True),
    ]


def test_lines_stay_lines_so_that_what_a_customer_quotes_is_not_taken_for_their_words(world, vendor):
    w = world(vendor)
    quoted = (
        "\n\nOn Tue, 24 Nov 2026 at 11:00, Support <s@desk.example> wrote:\n> It is on its way.\n> The team"
    )
    ticket_id = w.customer(f"That is <late> & wrong.{quoted}")
    w.later(minutes=1)
    w.desk.customer_writes(f"No, that did not help.{quoted}", case_id=int(ticket_id))
    words = [customer_words(m.text, m.html) for m in w.ours.fetch(ticket_id).messages]
    assert words == ["That is <late> & wrong.", "No, that did not help."]


def test_a_connector_passes_on_subject_and_sender_and_judges_neither(world, vendor):
    w = world(vendor)
    ticket = w.ours.fetch(
        w.customer("Ich bin bis zum 3. Mai nicht im Büro.", subject="Automatische Antwort: Anfrage")
    )
    first = ticket.messages[0]
    assert (first.author, first.machine) == (Author.CUSTOMER, None)
    assert first.subject == "Automatische Antwort: Anfrage"
    assert first.author_email == ticket.customer.email != ""


def test_a_deleted_ticket_is_gone(world, vendor):
    w = world(vendor)
    ticket_id = w.customer("Hello")
    w.desk.delete(int(ticket_id), w.ann.id)
    with pytest.raises(errors.Gone):
        w.ours.fetch(ticket_id)


def test_a_ticket_that_never_was_is_gone(world, vendor):
    with pytest.raises(errors.Gone):
        world(vendor).ours.fetch("99999999")


def test_a_merged_ticket_has_moved(world, vendor):
    w = world(vendor)
    one, two = w.customer("first"), w.customer("again")
    w.desk.merge(int(two), int(one), w.ann.id)
    with pytest.raises(errors.Moved) as moved:
        w.ours.fetch(two)
    assert moved.value.target == one
    assert w.ours.fetch(one).messages


def test_a_human_holder_is_a_holder_and_the_queue_has_a_name(world, vendor):
    w = world(vendor)
    ticket_id = w.customer("Hello")
    w.do(w.ours.fetch(ticket_id), SetQueue("Billing"))
    w.desk.agent_claims(int(ticket_id), w.ann.id)
    ticket = w.ours.fetch(ticket_id)
    assert ticket.queue_name == "Billing"
    assert ticket.assignee is not None
    assert (ticket.assignee.human, ticket.assignee.name) == (True, "Ann")


# --- writing ----------------------------------------------------------------------------------


def test_what_is_done_to_a_ticket_is_seen_in_the_next_read(world, vendor):
    w = world(vendor)
    ticket_id = w.customer("There is a charge I did not make", subject="Charge")
    w.desk.agent_sets(int(ticket_id), w.ann.id, tags=["vip"])
    w.later(seconds=5)
    w.do(w.ours.fetch(ticket_id), *SET, NOTE, ACK)
    ticket = w.ours.fetch(ticket_id)
    assert {"vip", "ai_routed", "ai_intent_billing_dispute"} <= ticket.tags
    assert ticket.queue_name == "Billing"
    assert ticket.priority == "urgent" or "ai_urgent" in ticket.tags
    spoken = {(m.author, m.public, squeezed(m.text)) for m in ticket.messages[1:]}
    assert spoken == {(Author.BOT, False, squeezed(NOTE.text)), (Author.BOT, True, squeezed(ACK.text))}


def test_other_peoples_tags_survive_ours_however_often_we_write(world, vendor):
    w = world(vendor)
    ticket_id = w.customer("Hello")
    w.desk.agent_sets(int(ticket_id), w.ann.id, tags=["vip", "press"])
    for n in range(3):
        w.later(seconds=5)
        w.do(w.ours.fetch(ticket_id), AddTags((f"ai_{n}",)), key=f"k{n}")
    assert w.ours.fetch(ticket_id).tags >= {"vip", "press", "ai_0", "ai_1", "ai_2"}


def test_a_note_is_never_public_and_a_reply_always_is(world, vendor):
    w = world(vendor)
    ticket_id = w.customer("Hello")
    w.do(w.ours.fetch(ticket_id), NOTE, key="a")
    w.later(seconds=5)
    w.do(w.ours.fetch(ticket_id), ACK, key="b")
    written = w.desk.by(w.desk.cases[int(ticket_id)], {"bot"})
    assert [one.public for one in written] == [False, True]


def test_an_automatic_answer_leaves_the_ticket_solved(world, vendor):
    w = world(vendor)
    ticket_id = w.customer("Where is my order?")
    w.do(w.ours.fetch(ticket_id), ANSWER, Solve())
    ticket = w.ours.fetch(ticket_id)
    assert (ticket.status, ticket.messages[-1].author) == (Status.SOLVED, Author.BOT)
    assert ticket.assignee is None or not ticket.assignee.human


def test_a_solved_ticket_can_be_opened_again_and_given_to_an_agent(world, vendor):
    w = world(vendor)
    ticket_id = w.customer("Where is my order?")
    w.do(w.ours.fetch(ticket_id), ANSWER, Solve(), key="a")
    w.later(seconds=5)
    w.do(w.ours.fetch(ticket_id), Reopen(), key="b")
    assert w.ours.fetch(ticket_id).status is Status.OPEN
    w.later(seconds=5)
    w.ann.queue_ids = list(w.desk.queues)
    w.do(w.ours.fetch(ticket_id), Assign("ann@desk.example"), key="c")
    assert w.ours.fetch(ticket_id).assignee.name == "Ann"


@pytest.mark.parametrize("flow", FLOWS)
def test_a_ticket_costs_as_many_calls_as_promised(world, vendor, flow):
    w = world(vendor)
    w.do(w.ours.fetch(w.customer("what is kept is read once", email="first@example.com")), *FLOWS[flow])
    ticket_id = w.customer("Hello", email="second@example.com")
    w.app.calls.clear()
    w.do(w.ours.fetch(ticket_id), *FLOWS[flow])
    called = [f"{c.method} {c.path}" for c in w.app.calls]
    assert (w.app.count("GET"), w.app.count(*WRITING)) == (READS.get(vendor, 1), WRITES[vendor, flow]), called


@pytest.mark.parametrize("flow", FLOWS)
def test_planning_the_writes_makes_no_call_and_names_each_by_its_key(world, vendor, flow):
    w = world(vendor)
    ticket = w.ours.fetch(w.customer("Hello"))
    w.app.calls.clear()
    writes = w.ours.writes(ticket, FLOWS[flow], "support:1:created")
    assert w.app.calls == []
    assert len({write.key for write in writes}) == len(writes)
    assert all(write.key.startswith("support:1:created:") for write in writes)
    assert sum(1 for write in writes if write.spoken) == sum(
        isinstance(action, AddNote | Reply) for action in FLOWS[flow]
    )


def test_what_a_desk_cannot_express_is_said_before_anything_is_written(world, vendor):
    w = world(vendor)
    ticket = w.ours.fetch(w.customer("Hello"))
    if RunAction in w.ours.supports:
        assert w.ours.writes(ticket, [RunAction("7")], "k")
        return
    with pytest.raises(errors.Unsupported):
        w.ours.writes(ticket, [ACK, RunAction("7")], "k")


def test_an_unknown_queue_is_refused_by_name_and_names_the_known_ones(world, vendor):
    w = world(vendor)
    ticket = w.ours.fetch(w.customer("Hello"))
    with pytest.raises(errors.Refused) as refused:
        w.do(ticket, SetQueue("Nowhere"))
    assert "Nowhere" in str(refused.value)
    assert "Billing" in str(refused.value)


def test_a_queue_made_after_we_started_is_found(world, vendor):
    w = world(vendor)
    ticket_id = w.customer("Hello")
    w.do(w.ours.fetch(ticket_id), SetQueue("Billing"), key="a")
    made = w.desk.add_queue("Brand new")
    w.later(minutes=5)
    w.do(w.ours.fetch(ticket_id), SetQueue("brand new"), key="b")
    assert w.ours.fetch(ticket_id).queue == str(made.id)


# --- unknown outcomes -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fault", ["reset_after", "reset_before", "status_after:502", "status_before:503", "status_after:504"]
)
def test_a_write_without_an_answer_is_found_if_it_was_done_and_not_if_it_was_not(world, vendor, fault):
    w = world(vendor)
    ticket_id = w.customer("Hello")
    for n, flow in enumerate(((NOTE,), (ACK,))):
        ticket = w.ours.fetch(ticket_id)
        for write in w.ours.writes(ticket, flow, f"k{n}"):
            w.app.plan = lambda call: fault if call.method in WRITING else ""
            with pytest.raises(errors.UnknownOutcome):
                w.ours.send(ticket, write)
            w.app.plan = lambda _call: ""
            found = w.ours.landed(ticket.id, write, w.now)
            assert (found is not None) is ("after" in fault), write.key
        w.later(seconds=5)


def test_a_write_is_sent_once_whatever_happens_to_it(world, vendor):
    w = world(vendor)
    ticket = w.ours.fetch(w.customer("Hello"))
    w.app.plan = lambda call: "reset_after" if call.method in WRITING else ""
    w.app.calls.clear()
    for write in w.ours.writes(ticket, [ACK], "k"):
        with pytest.raises(errors.UnknownOutcome):
            w.ours.send(ticket, write)
    assert w.app.count(*WRITING) == 1
    assert len(w.desk.by(w.desk.cases[int(ticket.id)], {"bot"})) == 1


def test_somebody_elses_same_words_are_not_taken_for_ours(world, vendor):
    w = world(vendor)
    ticket_id = w.customer("Hello")
    ticket = w.ours.fetch(ticket_id)
    (write,) = [one for one in w.ours.writes(ticket, [ACK], "k") if one.spoken]
    w.desk.agent_says(int(ticket_id), w.ann.id, ACK.text)
    assert w.ours.landed(ticket_id, write, w.now) is None


def test_the_rate_limit_is_waited_out_and_nothing_was_written(world, vendor):
    w = world(vendor)
    ticket = w.ours.fetch(w.customer("Hello"))
    w.app.retry_after_header = (
        "X-RateLimit-Retry-After" if vendor == "helpscout" else w.app.retry_after_header
    )
    w.app.plan = lambda call: "status_before:429" if call.method in WRITING else ""
    with pytest.raises(errors.TryLater) as later:
        w.do(ticket, ACK)
    assert later.value.wait == timedelta(seconds=1)
    assert w.desk.by(w.desk.cases[int(ticket.id)], {"bot"}) == []


def test_a_desk_that_is_down_is_tried_later(world, vendor):
    w = world(vendor)
    w.ours.whoami()
    w.app.plan = lambda _call: "status_before:503"
    with pytest.raises(errors.TryLater):
        w.ours.fetch("1")


# --- the sweep --------------------------------------------------------------------------------


def test_every_change_is_seen_whatever_its_status(world, vendor):
    w = world(vendor)
    start = w.now - timedelta(hours=1)
    ids = {
        name: w.customer(name, subject=name)
        for name in ("new", "replied", "solved", "closed", "merged", "target")
    }
    w.later(minutes=1)
    w.desk.customer_writes("anybody?", case_id=int(ids["replied"]))
    replied_at = w.now
    w.do(w.ours.fetch(ids["solved"]), ANSWER, Solve())
    w.desk.agent_sets(int(ids["closed"]), w.ann.id, status="closed")
    w.desk.merge(int(ids["merged"]), int(ids["target"]), w.ann.id)
    w.later(minutes=5)
    found, _ = w.changes("", start)
    seen = {one.ticket_id: one for one in found}
    assert set(ids.values()) - {ids["merged"]} <= set(seen)
    for ticket_id, one in seen.items():
        assert created_key("support", ticket_id) in {event.key for event in one.events}
    assert seen[ids["new"]].status in {Status.NEW, Status.OPEN}
    assert seen[ids["solved"]].status is Status.SOLVED
    assert seen[ids["closed"]].status in {Status.CLOSED, Status.SOLVED}
    wrote = seen[ids["replied"]].customer_wrote_at
    by_id = any(event.kind is EventKind.REPLY for event in seen[ids["replied"]].events)
    assert by_id or wrote == replied_at


def test_the_intent_is_read_from_the_one_tag_that_names_it_and_not_guessed_among_several(world, vendor):
    w = world(vendor)
    start = w.now - timedelta(hours=1)
    one, two = w.customer("one", email="1@example.com"), w.customer("two", email="2@example.com")
    w.desk.agent_sets(int(one), w.ann.id, tags=["vip", "ai_intent_refund"])
    w.desk.agent_sets(int(two), w.ann.id, tags=["ai_intent_billing", "ai_intent_refund"])
    w.later(minutes=5)
    found, _ = w.changes("", start)
    assert {seen.ticket_id: seen.intent_label for seen in found} == {one: "refund", two: ""}


def test_the_cursor_goes_on_where_it_stopped_and_misses_nothing(world, vendor):
    w = world(vendor)
    start = w.now - timedelta(hours=1)
    made, seen, cursor = [], set(), ""
    for n in range(6):
        made.append(w.customer(f"ticket {n}", email=f"c{n}@example.com"))
        w.later(seconds=50)
        found, cursor = w.changes(cursor, start)
        seen |= {one.ticket_id for one in found}
    w.later(hours=2)
    made.append(w.customer("two hours later", email="late@example.com"))
    w.later(minutes=10)
    found, cursor = w.changes(cursor, start)
    assert seen | {one.ticket_id for one in found} == set(made)
    again, _ = w.changes(cursor, start)
    assert made[0] not in {one.ticket_id for one in again}, "what is long past does not come again"


def test_a_cursor_that_makes_no_sense_any_more_starts_again_from_the_start(world, vendor):
    w = world(vendor)
    start = w.now - timedelta(hours=1)
    ticket_id = w.customer("Hello")
    w.later(minutes=5)
    _, cursor = w.changes("", start)
    if vendor == "zendesk":
        cursor = cursor.partition("|")[0] + "|expired"
    found, _ = w.changes(cursor, start)
    assert vendor != "zendesk" or ticket_id in {one.ticket_id for one in found}


# --- claims -----------------------------------------------------------------------------------


def test_only_a_human_takes_a_ticket(world, vendor):
    w = world(vendor)
    untouched, acked, taken, said, solved, gone = (
        w.customer(f"t{n}", email=f"c{n}@example.com") for n in range(6)
    )
    w.do(w.ours.fetch(acked), AddTags(("ai_acknowledged",)), NOTE, ACK)
    w.do(w.ours.fetch(solved), AddTags(("ai_auto_resolved",)), ANSWER, Solve())
    w.later(minutes=1)
    w.desk.agent_claims(int(taken), w.ann.id)
    w.desk.agent_sets(int(said), w.ann.id, status="open")
    w.desk.agent_says(int(said), w.ann.id, "I am on it")
    replied_at = w.now
    w.desk.delete(int(gone), w.ann.id)
    w.later(minutes=5)
    claims = w.ours.unclaimed([untouched, acked, taken, said, solved, gone])
    for waiting in (untouched, acked):
        assert (claims[waiting].by, claims[waiting].answered, claims[waiting].closed) == ("", False, False)
    assert (claims[taken].via, claims[taken].by, claims[taken].by_email) == (
        "assignee",
        "Ann",
        "ann@desk.example",
    )
    assert (claims[said].by, claims[said].answered, claims[said].answered_at) == ("Ann", True, replied_at)
    assert (claims[solved].closed, claims[solved].by) == (True, "")
    assert gone not in claims or claims[gone].closed


def test_our_second_message_is_no_claim_either(world, vendor):
    w = world(vendor)
    ticket_id = w.customer("Where is my order?")
    w.do(w.ours.fetch(ticket_id), AddTags(("ai_auto_resolved",)), ANSWER, Solve(), key="a")
    w.later(minutes=1)
    w.desk.customer_writes("That did not help!", case_id=int(ticket_id))
    w.later(minutes=1)
    w.do(
        w.ours.fetch(ticket_id), AddTags(("ai_reescalated", "ai_acknowledged")), Reopen(), NOTE, ACK, key="b"
    )
    w.later(minutes=5)
    claim = w.ours.unclaimed([ticket_id])[ticket_id]
    assert (claim.by, claim.answered, claim.closed) == ("", False, False)


def test_a_few_hundred_tickets_are_read_in_bulk(world, vendor):
    w = world(vendor)
    ids = [w.customer(f"t{n}", email=f"c{n}@example.com") for n in range(120)]
    w.later(minutes=5)
    w.ours.whoami()
    w.app.calls.clear()
    assert set(w.ours.unclaimed(ids)) == set(ids)
    assert w.app.count("GET") <= 24


def test_a_ticket_that_never_was_has_no_claim(world, vendor):
    claims = world(vendor).ours.unclaimed(["99999999"])
    assert all(claim.closed and not claim.by for claim in claims.values())


# --- who we are -------------------------------------------------------------------------------


def test_we_know_who_we_are(world, vendor):
    w = world(vendor)
    assert w.ours.whoami().id == str(w.desk.bot.id)
    assert not [one for one in w.ours.check(["Billing"]) if one.level == "fail"]


def test_a_queue_that_is_not_there_is_a_finding_with_a_remedy(world, vendor):
    (finding,) = [one for one in world(vendor).ours.check(["Nowhere"]) if one.level == "fail"]
    assert "Nowhere" in finding.what
    assert finding.code
    assert finding.remedy


def test_each_call_is_counted_under_a_name_without_ids(world, vendor):
    w = world(vendor)
    ticket_id = w.customer("Hello")
    w.do(w.ours.fetch(ticket_id), ACK)
    assert w.calls
    assert not [operation for operation, _ in w.calls if ticket_id in operation]
    assert {outcome for _, outcome in w.calls} == {"ok"}


# --- webhooks ---------------------------------------------------------------------------------


def test_a_ticket_and_a_reply_are_reported_and_prove_themselves(world, vendor, heard):
    url, got = heard
    w = world(vendor)
    w.fake.subscribe(url)
    ticket_id = w.customer("Hello “you” & <b>me</b>")
    w.later(minutes=2)
    w.desk.customer_writes("anybody?", case_id=int(ticket_id))
    for one in got:
        w.ours.verify(one, w.now)
    events = [event for one in got for event in w.ours.parse(one, w.now)]
    assert {event.ticket_id for event in events} == {ticket_id}
    assert created_key("support", ticket_id) in {event.key for event in events}
    assert {event.kind for event in events} <= {EventKind.CREATED, EventKind.REPLY, EventKind.LOOK}
    assert len({event.key for event in events}) == 2, (
        "a reply is a fact of its own, a creation reported twice is not"
    )


def test_a_delivery_repeated_is_the_same_fact(world, vendor, heard):
    url, got = heard
    w = world(vendor)
    w.fake.subscribe(url)
    w.customer("Hello")
    first = [event.key for event in w.ours.parse(got[0], w.now)]
    assert [event.key for event in w.ours.parse(got[0], w.now)] == first


def test_what_does_not_prove_itself_is_not_believed(world, vendor, heard):
    url, got = heard
    w = world(vendor)
    w.fake.subscribe(url)
    w.customer("Hello")
    good = got[0]
    forged = {**good.headers, **{n: "nonsense" for n in good.headers if "signature" in n or "token" in n}}
    for bad in (WebhookRequest({}, good.body), WebhookRequest(forged, good.body)):
        with pytest.raises(errors.BadSignature):
            w.ours.verify(bad, w.now)
    if vendor != "freshdesk":  # which signs nothing
        with pytest.raises(errors.BadSignature):
            w.ours.verify(replace(good, body=good.body + b" "), w.now)
    with pytest.raises(errors.BadSignature):
        w.connect(webhook_secret="another").verify(good, w.now)
    with pytest.raises(errors.BadSignature):
        w.connect(webhook_secret="").verify(good, w.now)
    w.connect(webhook_secret=f"another,{w.fake.settings(w.url)['webhook_secret']}").verify(good, w.now)


def test_each_recorded_webhook_becomes_the_events_written_beside_it(recorded_case, fixture_of):
    vendor, case = recorded_case
    request, wanted = fixture_of(vendor, case)
    parts = vendor_of(vendor)
    table = {
        "vendor": vendor,
        "base_url": "https://acme.example",
        "webhook_secret": f"{vendor}-webhook-secret",
    }
    from tests.connectors.conftest import NOON, Tokens

    ours = parts.make(
        "support", parts.settings(**table), tokens=Tokens(), clock=lambda: NOON, on_call=lambda *_: None
    )

    def receive():
        ours.verify(request, NOON)
        return ours.parse(request, NOON)

    if isinstance(wanted, dict):
        with pytest.raises(getattr(errors, wanted["error"])):
            receive()
        return
    events = receive()
    assert [(e.kind.value, e.ticket_id) for e in events] == [(o["kind"], o["ticket_id"]) for o in wanted]
    assert all(fnmatch.fnmatchcase(e.key, o["key"]) for e, o in zip(events, wanted, strict=True))
