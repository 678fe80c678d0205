"""The weekly report on its way, and its every form."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from sqlalchemy import create_engine, delete, select

from core.errors import ConfigError
from core.hours import Hours
from core.ledger.schema import meta, metadata, notices, tickets
from core.notifications import routing
from core.notifications.sending import compose
from core.ports import Abilities
from core.reports import attachments, posting, reporting
from core.reports import weekly as report_weeks
from core.reports.attachments import enclosed
from core.reports.plots import render_pdf, render_png
from core.reports.posting import audiences
from core.settings import Settings
from demo import history

NOW = datetime(2026, 3, 16, 7, tzinfo=UTC)  # a Monday
OFFICE = Hours.make("Europe/Berlin", dict.fromkeys(("mon", "tue", "wed", "thu", "fri"), "09:00-17:00"))


@pytest.fixture
def engine(tmp_path):
    engine = create_engine(f"sqlite:///{tmp_path}/ledger.db")
    metadata.create_all(engine)
    yield engine
    engine.dispose()


def running(engine, **settings):
    channel = SimpleNamespace(name="slack:x", kind="slack", can=Abilities("rich", 3000), recipients=())
    made = Settings(channels={"slack": {"x": {}}}, public_url="https://b.example/", **settings)
    app = SimpleNamespace(
        settings=made,
        engine=engine,
        clock=lambda: NOW,
        hours=OFFICE,
        hours_of=lambda desk: OFFICE,
        promised=lambda desk, priority: timedelta(hours=4),
        routes=None,
        attachments=enclosed,
    )
    app.channels = {"slack:x": channel}
    app.desks, app.rules, app.counters = {}, {}, None
    app.routes = routing.make(made, app.channels)
    return app


def test_the_report_of_the_last_whole_week_is_queued_once(engine):
    history.fill(engine, NOW)
    app = running(engine, report={"to": ["slack:x"]})
    assert posting.send_weekly(app) == 1
    assert posting.send_weekly(app) == 0
    with engine.connect() as db:
        row = db.execute(select(notices).where(notices.c.template == "report")).mappings().one()
    assert row["channel"] == "slack:x"
    assert row["facts"]["headline"].startswith("Week 2026-W11: escalation rate ")
    for words in (
        "95 %:",
        "target 20–30 %",
        "Promises:",
        "generated",
        "https://b.example/week?week=2026-W11",
    ):
        assert words in row["facts"]["text"]


@pytest.mark.parametrize(("carries", "files"), [(True, 2), (False, 0)])
def test_the_message_bears_plots_where_the_channel_carries_files(engine, carries, files):
    history.fill(engine, NOW)
    app = running(engine, report={"to": ["slack:x"]})
    app.channels["slack:x"].can = Abilities("rich", 3000, files=carries)
    posting.send_weekly(app)
    with engine.connect() as db:
        row = db.execute(select(notices).where(notices.c.template == "report")).one()
    sent = compose(app, app.channels["slack:x"], row, [], "", NOW)
    assert "Week 2026-W11: escalation rate" in sent.subject
    assert len(sent.attachments) == files
    if carries:
        png, pdf = sent.attachments
        assert png.content.startswith(b"\x89PNG")
        assert pdf.content.startswith(b"%PDF")
        assert f'src="cid:{png.cid}"' in sent.html
        assert "<svg" not in sent.html  # mail readers drop it and leave its labels
        assert "https://b.example/week?week=2026-W11" in sent.html


def test_plots_that_cannot_be_made_do_not_keep_the_words_from_going(engine, monkeypatch, caplog):
    history.fill(engine, NOW)
    monkeypatch.setattr(attachments, "render_pdf", lambda report: 1 / 0)
    app = running(engine)
    channel = SimpleNamespace(can=Abilities("rich", 3000, files=True))
    assert enclosed(app, channel, {"week": "2026-W11"}) == {}
    assert "is sent without them" in caplog.text


@pytest.mark.parametrize("weeks", [3, 12])
def test_after_the_nightly_upkeep_a_page_reads_the_rows_of_its_own_week_alone(engine, monkeypatch, weeks):
    history.fill(engine, NOW, weeks=weeks)
    pages = report_weeks.earlier("2026-W12", OFFICE.zone, 8)
    before = [reporting.weekly(engine, OFFICE, name, NOW).figures for name in pages]
    with engine.begin() as db:
        db.execute(delete(meta).where(meta.c.name.startswith("figures:")))
    reporting.keep_closed(engine, OFFICE, NOW)
    read, asked = reporting.ticket_rows, []
    monkeypatch.setattr(
        reporting, "ticket_rows", lambda db, since, until: asked.append(since) or read(db, since, until)
    )
    after = [reporting.weekly(engine, OFFICE, name, NOW).figures for name in pages]
    assert asked == [report_weeks.bounds(name, OFFICE.zone)[0] for name in pages]
    assert after == before


def test_a_report_without_recipients_is_not_sent(engine, caplog):
    assert posting.send_weekly(running(engine)) == 0
    assert posting.send_weekly(running(engine, report={"to": ["boss"]})) == 0
    assert 'there is no "boss"' in caplog.text
    with pytest.raises(ConfigError, match=r"report\.too"):
        audiences(Settings(report={"too": []}))
    assert audiences(Settings(audiences={"manager": ["slack:x"]})) == ["manager"]


def test_an_empty_week_is_said_in_every_form(engine):
    report = reporting.weekly(engine, OFFICE, "2026-W11", NOW)
    assert "Nothing to count this week." in reporting.render_text(report)
    assert "Nothing to count" in reporting.render_html(report)
    assert json.loads(reporting.render_json(report))["figures"][1]["now"]["value"] is None
    assert render_png(report).startswith(b"\x89PNG")
    assert render_pdf(report) == render_pdf(report)  # the same week gives the same file


def test_a_week_without_tickets_is_valid_json(engine):
    rows = [
        {
            "desk": "d",
            "ticket_id": str(n),
            "state": "escalated",
            "outcome": "routed",
            "intent": "$x_{1}^",
            **dict.fromkeys(("first_seen_at", "waiting_since", "escalated_at"), NOW - timedelta(days=4)),
        }
        for n in range(9)
    ]
    with engine.begin() as db:
        db.execute(tickets.insert(), rows)
    report = reporting.weekly(engine, OFFICE, "2026-W11", NOW)
    assert "still waiting" in reporting.render_text(report)
    json.loads(reporting.render_json(report), parse_constant=pytest.fail)
    assert render_png(report).startswith(b"\x89PNG")
    assert "inf" not in reporting.render_csv(report)


@pytest.mark.parametrize(
    ("cell", "kept"),
    [
        ("=1+1", "'=1+1"),
        ("  =1", "'  =1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("-2+3", "'-2+3"),
        ("\t=1", "'\t=1"),
        ("a\r\n=1", "a  =1"),
        ("plain", "plain"),
        ("", ""),
        (-3, -3),
        (0.5, 0.5),
    ],
)
def test_a_cell_is_data_never_a_formula(cell, kept):
    assert reporting.safe_cell(cell) == kept


def test_made_up_history_is_marked_waits_for_no_one_and_is_added_once(engine):
    number = history.fill(engine, NOW, seed=7)
    assert number > 700
    assert history.fill(engine, NOW) == 0
    with engine.connect() as db:
        assert set(db.scalars(select(tickets.c.desk).distinct())) == {"generated"}
        assert not db.scalars(select(tickets.c.ticket_id).where(tickets.c.next_due_at.is_not(None))).all()
        assert not db.scalars(
            select(tickets.c.ticket_id).where(
                tickets.c.state.in_(["escalated", "reescalated", "received", "claimed"])
            )
        ).all()
        assert not db.scalars(select(notices.c.key).where(notices.c.state.in_(["queued", "open"]))).all()
        assert max(db.scalars(select(tickets.c.first_seen_at))) < NOW
    assert "generated history" in reporting.render_text(reporting.weekly(engine, OFFICE, "2026-W11", NOW))
