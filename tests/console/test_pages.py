"""What each page promises to the person who opens it."""

from __future__ import annotations

import csv
import io
import json
import re
from datetime import timedelta
from urllib.parse import quote

import pytest
from flask import url_for
from sqlalchemy import func, insert, select, update

from core.learning import labelled_tickets
from core.ledger.schema import (
    balance,
    changes,
    desks,
    events,
    labels,
    limbo,
    notices,
    surges,
    tickets,
    writes,
)
from core.model import AddTags, IntentRule, Reply, Rules
from core.values import to_json
from core.web import quality
from core.web.queue import next_rung
from core.web.words import doing
from tests.console.world import BIDI, EVIL, FORMULA, LONG, NOW, form, make_app, waiting

HTML = {"Accept": "text/html"}
PAGES = [
    "/",
    "/going-live",
    "/try",
    "/intents",
    "/intents/order_status",
    "/texts/acknowledgment.txt",
    "/tickets",
    "/tickets/support/666",
    "/quality",
    "/week",
    "/health",
    "/limbo",
    "/surges",
    "/changes",
    "/login",
]


def body(answer) -> str:
    assert answer.status_code == 200, answer.text
    return answer.text


def order(text: str) -> list[str]:
    return re.findall(r'href="/tickets/support/(\d+)"', text)


def test_now_shows_what_waits_with_the_longest_wait_first(client):
    text = body(client.get("/"))
    assert order(text) == ["4711", "4716", "4720"]
    assert "1 h 58 min" in text
    assert "1 h 28 min overdue" in text  # the promise of 4711
    assert "in 24 min" in text  # the promise of 4720
    assert 'href="https://desk.example/4711"' in text


def test_now_is_silent_when_nothing_waits(engine):
    with engine.begin() as db:
        db.execute(update(tickets).values(state="answered"))
    assert "Nothing is waiting" in body(make_app(engine).test_client().get("/"))


def test_a_ticket_that_was_claimed_and_not_answered_as_promised_is_not_lost_from_sight(engine):
    taken = {"state": "claimed", "claimed_by": "Ann Agent", "claimed_at": NOW}
    with engine.begin() as db:
        db.execute(
            insert(tickets),
            [
                waiting("5001", 300, **taken, subject="Taken and forgotten"),
                waiting("5002", 10, **taken),  # its promise is still ahead
                waiting("5003", 300, **taken | {"state": "answered"}, answered_at=NOW),
            ],
        )
    text = body(make_app(engine).test_client().get("/"))
    late = text.partition("Claimed but overdue")[2]
    assert order(late) == ["5001"]
    assert "Ann Agent" in late
    assert "4 h 30 min overdue" in late
    assert re.search(r"claimed but overdue <a[^>]*><b>1</b>", text)
    assert "4 h 30 min overdue" in body(make_app(engine).test_client().get("/tickets/support/5001"))


def test_a_confidence_is_rounded_down_so_that_no_threshold_looks_reached(engine):
    with engine.begin() as db:
        db.execute(insert(tickets), [waiting("5004", 300, confidence=0.8499, subject="Nearly")])
    for page in ("/", "/tickets/support/5004"):
        text = body(make_app(engine).test_client().get(page))
        assert "84 %" in text
        assert "85 %" not in text


def test_other_thresholds_are_replayed_down_to_the_queue_that_gets_the_wrong_tickets():
    rules = Rules(
        0.85,
        0.6,
        {name: IntentRule(name, queue=queue) for name, queue in [("a", "A"), ("b", "B"), ("c", "B")]},
        frozenset(),
        "S",
    )
    said = [
        ("a", 0.7, "a"),
        ("a", 0.7, "b"),
        ("a", 0.65, "b"),
        ("b", 0.9, "c"),
        ("b", 0.9, "a"),
        ("a", 0.7, ""),
    ]
    rows = [quality.Seen(guess, share, truth, "routed", NOW) for guess, share, truth in said]
    how = quality.handling({"support": rules}, rows, "UTC")

    def wrong(route):
        found = quality.replayed(rows, 0.85, route, how).wrong_queue
        return {name: (one.k, one.n) for name, one in found.items()}

    assert wrong(0.6) == {"A": (2, 3), "B": (1, 2)}  # b called c is the same queue's
    assert wrong(0.68) == {"A": (1, 2), "B": (1, 2)}
    assert wrong(0.95) == {}


def test_the_next_rung_is_named_while_there_is_one():
    row = waiting("1", 5)
    assert next_rung(row) == "manager"
    assert next_rung(row | {"rung": 2}) == ""


def test_more_waiting_tickets_than_fit_are_found_on_the_next_page_each_once(engine):
    with engine.begin() as db:
        db.execute(insert(tickets), [waiting(str(9000 + n), 200 + n // 2) for n in range(100)])
    client, seen, where = make_app(engine).test_client(), [], "/"
    while where:
        text = body(client.get(where))
        seen += order(text)
        more = re.search(r'href="(/\?after=[^"]+)"', text)
        where = more.group(1).replace("&amp;", "&") if more else ""
    assert len(seen) == len(set(seen)) == 103


def test_troubles_are_said_on_the_first_page(engine):
    with engine.begin() as db:
        db.execute(update(desks).values(trouble="401: the token is not valid any more"))
        db.execute(insert(events), [{"key": "d", "desk": "support", "ticket_id": "1", "state": "dead"}])
    text = body(make_app(engine).test_client().get("/"))
    assert "the token is not valid" in text
    assert "failed after the last retry" in text


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("4711", {"4711"}),
        ("#4716", {"4716"}),
        ("MARA4720@example.com", {"4720"}),
        ("larger model", {"4720"}),
        ("100%_sure", set()),
        ("nobody@example.com", set()),
    ],
)
def test_search_finds_by_number_address_and_words(client, asked, found):
    assert set(order(body(client.get("/tickets", query_string={"q": asked})))) == found


def test_tickets_can_be_narrowed_to_a_state_and_read_to_the_end(client):
    seen, where = [], "/tickets?state=auto_resolved"
    while where:
        text = body(client.get(where))
        seen += re.findall(r'href="/tickets/generated/(\w+)"', text)
        more = re.search(r'href="(/tickets\?[^"]*after=[^"]+)"', text)
        where = more.group(1).replace("&amp;", "&") if more else ""
    assert len(seen) == len(set(seen)) > 400


def test_a_ticket_page_shows_guess_rule_writes_notices_and_history_in_order(client, engine):
    with engine.connect() as db:
        number = db.scalar(select(tickets.c.ticket_id).where(tickets.c.state == "answered").limit(1))
    text = body(client.get(f"/tickets/generated/{number}"))
    for words in (
        "Alternatives",
        "Evidence",
        "Rule",
        "Changes in the help desk",
        "Notifications",
        "acknowledgment",
    ):
        assert words in text
    text = text[text.index("Timeline") :]
    assert text.index("received") < text.index("claimed</span>") < text.index("answered</span>")


def test_a_ticket_page_shows_what_each_call_to_the_desk_did(engine):
    did = to_json(
        [AddTags(("ai_routed", EVIL)), Reply("answer", "x.txt", {"secret": "f"}, text="Dear Mara,\nsoon.")]
    )
    with engine.begin() as db:
        own = {"desk": "support", "ticket_id": "4711", "what": "answer", "state": "done", "opened_at": NOW}
        db.execute(
            insert(writes),
            [own | {"key": "w1", "actions": did}, own | {"key": "w2", "actions": [EVIL, None]}],
        )
    text = body(make_app(engine).test_client().get("/tickets/support/4711"))
    assert "add tags" in text
    assert "ai_routed" in text
    assert "Dear Mara,\nsoon." in text
    assert EVIL not in text


def test_an_unknown_ticket_is_not_found_and_says_so(client):
    answer = client.get("/tickets/support/0", headers=HTML)
    assert answer.status_code == 404
    assert "has no record of this ticket" in answer.text


def test_quality_replays_other_thresholds_without_writing(client):
    def automatic(query: str) -> int:
        text = body(client.get(f"/quality{query}"))
        return int(re.search(r"answered automatically</th><td[^>]*>\d+</td><td[^>]*>(\d+)<", text).group(1))

    assert automatic("?auto=0.99") < automatic("?auto=0.9") < automatic("")
    assert automatic("?auto=nonsense") == automatic("")


def test_proven_thresholds_are_computed_on_request_and_change_no_rule(client, engine):
    assert "has not been computed yet" in body(client.get("/quality"))
    client.post("/quality/thresholds", data=form(client))
    text = body(client.get("/quality"))
    assert "Proven from" in text
    assert "on 2026-03-11" in text
    with engine.connect() as db:
        assert db.scalar(select(changes.c.what)) == "thresholds worked out"


def test_thresholds_are_worked_out_from_the_same_tickets_as_on_the_command_line(client, engine):
    client.post("/quality/thresholds", data=form(client))
    with engine.connect() as db:
        shown, counted = quality.proven(db), labelled_tickets.thresholds(db, NOW)
        labelled = db.scalar(select(func.count()).select_from(labels))
    assert shown["sources"] == counted["sources"]
    # answers that held or failed count without a label, too
    assert shown["rows"] == counted["rows"] > labelled


def test_a_check_of_the_sample_becomes_a_label_and_is_written_down(client, engine):
    with engine.connect() as db:
        number = db.scalar(select(tickets.c.ticket_id).where(tickets.c.check_verdict == "pending").limit(1))
    answer = client.post(
        f"/tickets/generated/{number}/check", data=form(client, verdict="wrong", intent="outage")
    )
    assert answer.status_code == 303
    with engine.connect() as db:
        assert db.scalar(select(tickets.c.check_verdict).where(tickets.c.ticket_id == number)) == "wrong"
        label = db.execute(select(labels.c.intent, labels.c.source).where(labels.c.ticket_id == number)).one()
        log = db.execute(select(changes.c.who, changes.c.what, changes.c.old, changes.c.new)).one()
    assert tuple(label) == ("outage", "check")
    assert tuple(log) == ("local", f"check generated:{number}", "pending", "wrong outage")


def test_a_desk_can_be_paused_and_goes_on(client, engine):
    client.post("/health/pause", data=form(client, desk="support", hold="yes"))
    with engine.connect() as db:
        assert db.execute(select(desks.c.paused_at, desks.c.paused_by)).one() == (NOW, "local")
    assert "support is paused" in body(client.get("/"))
    client.post("/health/pause", data=form(client, desk="support", hold="no"))
    with engine.connect() as db:
        assert db.scalar(select(desks.c.paused_at)) is None


def test_the_week_is_there_in_every_form(client):
    text = body(client.get("/week?week=2026-W10"))
    assert "Escalation rate" in text
    assert "for demonstration only" in text
    for kind, start in [("pdf", b"%PDF"), ("png", b"\x89PNG"), ("html", b"<!doctype"), ("txt", b"BACKSTOP")]:
        assert client.get(f"/week/2026-W10.{kind}").data.startswith(start)
    assert json.loads(client.get("/week/2026-W10.json").data)["figures"][0]["now"]["n"] > 100
    assert len(client.get("/week/2026-W10.csv?rows=1").text.splitlines()) > 100
    for wrong in ("now", "2026-W77", "0000-W01"):
        assert client.get(f"/week?week={wrong}", headers=HTML).status_code == 404


@pytest.mark.parametrize("page", PAGES)
def test_nothing_that_a_customer_writes_becomes_markup(reading, page):
    text = body(reading.get(page))
    assert "<script>document" not in text
    assert "<img src=x" not in text
    assert "javascript:" not in text
    assert "\u202e" not in text
    assert "\u2066" not in text
    assert EVIL[:8] not in text.replace('<script src="', "")
    assert BIDI not in text
    assert 'style="' not in text  # the policy would forbid it


@pytest.mark.parametrize("page", PAGES)
def test_every_page_stays_small_whatever_length_its_texts_have(reading, page):
    answer = reading.get(page)
    assert len(answer.data) < 100_000
    assert LONG[:5000] not in answer.text


@pytest.mark.parametrize("kind", ["html", "txt", "json", "csv", "pdf", "png"])
@pytest.mark.parametrize("week", ["2026-W10", "2026-W11"])
@pytest.mark.parametrize("filled", ["sqlite"], indirect=True)  # drawing is slow, and no database's business
def test_no_form_of_the_report_is_broken_or_run_by_hostile_words(reading, week, kind):
    answer = reading.get(f"/week/{week}.{kind}")
    assert answer.status_code == 200
    assert len(answer.data) < 500_000
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    if kind in ("pdf", "png"):
        assert answer.data[:4] in (b"%PDF", b"\x89PNG")
        return
    assert not set(answer.text) & set("\u202e\u202c\u2066\u2069\x1b\x00")
    assert LONG[:500] not in answer.text
    if kind == "html":
        assert "<script" not in answer.text
        assert "<img src=x" not in answer.text
    if kind == "json":
        assert json.loads(answer.text)["week"] == week


def test_one_tickets_story_for_programs_is_json_and_never_a_page(reading):
    answer = reading.get("/api/tickets/support/666")
    assert answer.mimetype == "application/json"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert json.loads(answer.text)["ticket"]["customer_name"] == EVIL


@pytest.mark.parametrize("page", PAGES)
def test_a_page_may_run_nothing_but_our_own_files(reading, page):
    headers = reading.get(page).headers
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("query", ["", "?rows=1"])
def test_a_spreadsheet_reads_exports_as_data_never_as_formulas(reading, query):
    answer = reading.get(f"/week/2026-W10.csv{query}")
    cells = [cell for line in csv.reader(io.StringIO(answer.text)) for cell in line]
    assert any(FORMULA in cell for cell in cells)
    assert not [cell for cell in cells if cell.lstrip().startswith(("=", "+", "-", "@", "\t"))]


def test_a_forged_mark_in_the_address_is_harmless(reading):
    for after in ("x", "|", "2026|a|b", "2026-01-01T00:00:00+00:00|'; DROP TABLE bs_tickets;--|x"):
        assert reading.get("/tickets", query_string={"after": after}).status_code == 200
    assert reading.get("/tickets/support/666?before=x").status_code == 200


def test_an_old_history_is_read_page_by_page(reading):
    text = body(reading.get("/tickets/support/666"))
    earlier = re.search(r'href="(/tickets/support/666\?before=\d+)"', text).group(1)
    assert text.count('<li><span class="when') == 120
    assert '<li><span class="when' in body(reading.get(earlier))


def test_every_page_answers_on_either_database(reading):
    for page in [*PAGES, "/tickets?q=larger+model", "/week/2026-W10.csv?rows=1", "/quality?auto=0.9"]:
        assert reading.get(page).status_code == 200, page
    more = re.search(r'href="(/tickets\?after=[^"]+)"', reading.get("/tickets").text).group(1)
    assert reading.get(more.replace("&amp;", "&")).status_code == 200


def test_links_inside_the_console_lead_somewhere(client):
    broken, seen, todo = [], set(), ["/"]
    while todo and len(seen) < 60:
        where = todo.pop()
        seen.add(where)
        answer = client.get(where)
        if answer.status_code != 200:
            broken.append(where)
        if answer.mimetype == "text/html" and not where.endswith(".html"):
            links = {link.replace("&amp;", "&") for link in re.findall(r'href="(/[^"#]*)', answer.text)}
            todo += sorted(links - seen - set(todo))[:12]
    assert broken == []
    with client.application.test_request_context():
        assert url_for("console.now") in seen


def test_a_program_gets_one_tickets_story_as_one_document(client):
    answer = client.get("/api/tickets/support/4711")
    assert answer.status_code == 200
    found = answer.get_json()
    assert found["ticket"]["ticket_id"] == "4711"
    assert set(found) == {"ticket", "decisions", "story"}
    assert client.get("/api/tickets/support/nobody").status_code == 404


ODD = ["10" * 11, "-1", "99999999999", "1e3", "٣", "0x10", "", "NaN", "%00"]
ODD_MARKS = [
    "0001-01-01T00:00:00+23:59|a|b",
    "9999-12-31T23:59:59-23:59|a|b",
    "2026-03-11T14:20:00|a|b",
    "|||",
    "x",
]
ODD_WEEKS = ["0000-W01", "9999-W53", "0001-W01", "2026-W99", "2026-W1", "week", "-1"]


ODD_PATHS = [
    *(f"/changes?before={one}" for one in ODD),
    *(f"/tickets/support/4711?before={one}" for one in ODD),
    *(f"/quality?auto={one}&route={one}" for one in ODD),
    *(f"{page}?after={quote(one)}" for page in ("/", "/tickets") for one in ODD_MARKS),
    *(f"/week?week={one}" for one in ODD_WEEKS),
    *(f"/week/{one}.csv?rows=1" for one in ODD_WEEKS),
]


def test_what_no_page_of_ours_asks_for_is_no_fault(small, subtests):
    client = make_app(small).test_client()
    for path in ODD_PATHS:
        with subtests.test(path=path):
            assert client.get(path).status_code in {200, 400, 404}


def test_a_link_of_the_desk_that_is_none_is_not_shown(small):
    with small.begin() as db:
        db.execute(update(tickets).values(url="http://[broken"))
    assert "broken" not in body(make_app(small).test_client().get("/"))


# --- the pages agree with the audit and with each other ---------------------------------------


def said_of_all(engine):
    """The sentence, or the troubles, of both pages."""
    client = make_app(engine).test_client()
    found = [
        re.findall(
            r'<p class="well">(.*?)</p>|<ul class="troubles">(.*?)</ul>', body(client.get(page)), re.DOTALL
        )
        for page in ("/", "/health")
    ]
    texts = [re.sub(r"<li><a.*?</a></li>|<[^>]+>", "", "".join(one[0])) for one in found]
    assert texts[0] == texts[1]
    return texts[0]


def test_all_is_well_only_where_the_sweep_and_the_audit_say_so(small):
    assert (
        "All tickets are accounted for: sweeps are on time, no event has failed, and the audit"
        in said_of_all(small)
    )


def test_a_desk_that_was_swept_and_never_audited_is_said_to_be_just_that(small):
    with small.begin() as db:
        db.execute(balance.delete())
    assert said_of_all(small) == (
        "No problems so far. support: not audited yet (runs nightly, or now with backstop audit)."
    )
    text = body(make_app(small).test_client().get("/health"))
    assert "not audited yet" in text
    assert "31 s ago" in text  # the sweep, under its own name
    assert "ompared" not in text.replace("every ticket is compared each night", "")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ({"missing": ["77"]}, "support: 1 missing at the last audit."),
        ({"stuck": ["77", "78"]}, "support: 2 stuck at the last audit."),
        ({"missing": ["1"], "stuck": ["2"]}, "support: 1 missing and 1 stuck at the last audit."),
        ({"at": NOW - timedelta(days=3)}, "support was last audited 3 d 0 h ago"),
    ],
)
def test_what_the_audit_found_is_what_the_pages_say(small, line, words):
    with small.begin() as db:
        db.execute(update(balance).values(**line))
    assert words in said_of_all(small)


@pytest.mark.parametrize(
    ("desk", "words"),
    [
        ({"swept_at": NOW - timedelta(hours=2)}, "support was last swept 2 h 00 min ago"),
        ({"swept_at": None, "started_at": NOW - timedelta(hours=2)}, "support has never been swept"),
        ({"paused_at": NOW}, "support is paused"),
    ],
)
def test_what_the_sweep_does_is_what_the_pages_say(small, desk, words):
    with small.begin() as db:
        db.execute(update(desks).values(**desk))
    assert words in said_of_all(small)


def test_the_balance_adds_up_on_the_page(small):
    with small.begin() as db:
        db.execute(update(balance).values(in_desk=10, in_ledger=7, missing=["41"]))
    text = re.sub(r"<[^>]+>", "", body(make_app(small).test_client().get("/health")))
    assert "desk 10 = ledger 7 + 1 missing (#41) + 2 too new to compare" in text


def test_an_event_that_hangs_is_a_trouble_and_one_that_waits_its_time_is_none(small):
    rows = [
        {
            "key": "a",
            "ticket_id": "7",
            "state": "received",
            "received_at": NOW - timedelta(hours=1),
            "due_at": None,
        },
        {
            "key": "b",
            "ticket_id": "8",
            "state": "waiting",
            "received_at": NOW,
            "due_at": NOW + timedelta(hours=9),
        },
    ]
    with small.begin() as db:
        db.execute(insert(events), [{"desk": "support"} | row for row in rows])
    assert said_of_all(small) == "1 event is overdue: support #7."


def test_a_ticket_about_which_nothing_is_decided_has_its_page(small):
    """`backstop show` says the same: what waits, why, and when it is tried again."""
    row = {
        "key": "a",
        "desk": "support",
        "ticket_id": "77",
        "kind": "created",
        "state": "waiting",
        "received_at": NOW,
    }
    row |= {"reason": "the desk does not answer", "due_at": NOW + timedelta(minutes=5)}
    with small.begin() as db:
        db.execute(insert(events), [row])
    client = make_app(small).test_client()
    text = re.sub(r"<[^>]+>", " ", body(client.get("/tickets/support/77")))
    assert "This ticket has not been processed yet." in text
    assert re.search(
        r"waiting\s+created: the desk does not answer\s+next attempt\s+11 Mar 14:25 UTC", text
    ), text
    assert client.get("/tickets/support/78").status_code == 404


def test_a_ticket_page_says_which_messages_arrived(engine, client):
    arrived = NOW - timedelta(minutes=3)
    sent = {
        "key": "n",
        "desk": "support",
        "ticket_id": "4711",
        "channel": "sms:oncall",
        "delivered_at": arrived,
    }
    with engine.begin() as db:
        db.execute(insert(notices), [sent])
    text = re.sub(r"<[^>]+>", " ", body(client.get("/tickets/support/4711")))
    assert re.search(r"11 Mar 14:17 UTC\s+delivered\s+sms:oncall", text), text


def test_what_desks_hold_back_is_shown_genuine_first_and_a_hostile_subject_is_harmless(engine, client):
    row = {
        "desk": "support",
        "at": NOW,
        "until": NOW + timedelta(days=14),
        "email": "nina@example.com",
        "url": "https://desk.example/s",
        "cause": "Detected as spam",
        "intent": "order_status",
        "confidence": 0.9,
        "urgent": False,
        "known_customer": False,
        "seen_at": NOW,
        "state": "held",
    }
    with engine.begin() as db:
        db.execute(
            insert(limbo),
            [
                {
                    **row,
                    "id": "1",
                    "subject": EVIL,
                    "reason": "nothing speaks for a customer",
                    "genuine": False,
                },
                {
                    **row,
                    "id": "2",
                    "subject": "Where is it",
                    "reason": "it reads like order_status",
                    "genuine": True,
                },
            ],
        )
    text = body(client.get("/limbo"))
    assert text.index("Where is it") < text.index("nothing speaks")
    assert EVIL not in text


def test_a_surge_is_shown_and_one_text_is_approved_for_all_once(engine, client):
    row = {"key": "support:billing_dispute:1", "desk": "support", "intent": "billing_dispute", "usual": 0.5}
    with engine.begin() as db:
        db.execute(
            insert(surges), row | {"began_at": NOW - timedelta(minutes=1), "found_at": NOW, "number": 9}
        )
    assert "usual: 0.5 per hour" in body(client.get("/surges"))
    for words in ("We know of it.", "Another text."):
        client.post("/surges/say", data=form(client, key=row["key"], text=words))
    text = body(client.get("/surges"))
    assert "We know of it." in text
    assert "Another text." not in text.split("<blockquote>")[1]
    with engine.begin() as db:
        said = [one.new for one in db.execute(select(changes)) if one.what.startswith("say to the surge")]
    assert said == ["We know of it."]


def test_an_action_is_shown_by_what_it_does_to_the_ticket_not_by_what_the_program_keeps():
    tags = {"do": "AddTags", "tags": ["ai_acknowledged"], "says": "acknowledgment"}
    fields = {"do": "SetFields", "intent": "billing_dispute", "confidence": 99, "outcome": "routed"}
    assert doing([tags, fields]) == [
        ("add tags", "ai_acknowledged"),
        ("set fields", "intent billing_dispute, confidence 99, outcome routed"),
    ]
