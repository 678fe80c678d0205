"""The ladder to its very end: what arrives in Slack, on a phone and in a mailbox, and what a click there does."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests
from people import People, people
from words import DISPUTE, NONSENSE

from core.ledger.schema import notices
from core.pipeline import reminders
from tests.connectors.channels.fake_imap import bounce_box, report

ANY_DESK = pytest.mark.parametrize("vendor", ["zendesk"])  # what does not depend on the desk


@pytest.fixture
def crew() -> Iterator[People]:
    with people() as running:
        yield running


def start(house, crew: People, **escalation):
    """A house whose people are these."""
    h = house(**crew.config(**escalation))
    crew.twilio.home = h.receiver
    return h


@pytest.fixture
def anna():
    return lambda h: h.desk.add_person("Anna Ober", "anna@acme.example", "agent")


@ANY_DESK
def test_an_urgent_ticket_pages_and_is_posted_to_slack_then_again_and_the_manager_is_mailed_once(house, crew):
    h = start(house, crew)
    case = h.writes_in(DISPUTE)
    assert (len(crew.texts()), len(crew.posts()), len(crew.mails())) == (1, 1, 0)
    h.later(minutes=29)
    assert (len(crew.texts()), len(crew.posts())) == (1, 1)
    h.later(minutes=1)
    assert (len(crew.texts()), len(crew.posts()), len(crew.mails())) == (2, 2, 0), "the team once more"
    h.later(minutes=89)
    assert crew.mails() == []
    h.later(minutes=1)
    (mail,) = crew.mails()
    assert str(case.id) in mail["Subject"]
    h.later(hours=3, minutes=59)
    assert (len(crew.texts()), len(crew.posts()), len(crew.mails())) == (2, 2, 1), h.story(case)
    h.later(minutes=1)
    assert len(crew.mails()) == 2, "and again after four hours, since nobody has taken it"


@ANY_DESK
def test_no_customer_text_is_in_a_text_message(house, crew):
    h = start(house, crew)
    h.writes_in(DISPUTE, subject="xylophone", name="Carla Nobody")
    assert not [text for text in crew.texts() if "xylophone" in text or "Nobody" in text]
    assert "xylophone" in crew.posts()[0]["text"]


def test_a_click_in_slack_assigns_the_ticket_to_that_agent_in_the_desk_and_stops_the_notices(
    house, crew, anna
):
    h = start(house, crew)
    agent = anna(h)
    case = h.writes_in(DISPUTE)
    h.later(minutes=10)
    assert crew.click(h, crew.posts()[0]).status_code == 200
    assert h.desk.cases[case.id].assignee_id == agent.id
    assert h.ticket(case).state == "claimed"
    assert crew.answers() == [f"Ticket {case.id} is yours, Anna Ober."]
    h.desk.agent_says(case.id, agent.id, "We have reversed the charge.")
    before = (len(crew.texts()), len(crew.posts()), len(crew.mails()))
    h.later(hours=5)
    assert (len(crew.texts()), len(crew.posts()), len(crew.mails())) == before, h.story(case)


def test_a_click_on_a_ticket_that_somebody_took_in_the_desk_takes_nothing_and_says_who_has_it(
    house, crew, anna
):
    h = start(house, crew)
    anna(h)
    case = h.writes_in(DISPUTE)
    h.desk.agent_claims(case.id, h.ann.id)
    crew.click(h, crew.posts()[0])
    assert h.desk.cases[case.id].assignee_id == h.ann.id
    assert "Ann Agent" in crew.answers()[0]


@pytest.mark.parametrize("vendor", ["freshdesk"])
def test_the_link_in_a_text_message_takes_the_ticket_by_its_button_once_and_the_ladder_stops(
    house, crew, anna
):
    h = start(house, crew)
    agent = anna(h)
    case = h.writes_in(DISPUTE)
    page = h.receiver + crew.link()
    for _ in range(3):
        assert requests.get(page, timeout=10).status_code == 200, "a preview takes nothing"
    assert h.ticket(case).state == "escalated"
    taken = requests.post(page, data={"email": "anna@acme.example"}, timeout=10)
    assert taken.status_code == 200, taken.text
    assert h.desk.cases[case.id].assignee_id == agent.id
    assert (h.ticket(case).state, h.ticket(case).claimed_via) == ("claimed", "link")
    assert requests.post(page, data={"email": "anna@acme.example"}, timeout=10).status_code == 404
    before = (len(crew.texts()), len(crew.mails()))
    h.later(minutes=29)
    assert (len(crew.texts()), len(crew.mails())) == before
    h.later(hours=3)
    assert any(n.template == "forgotten" for n in h.rows(notices)), "taken and forgotten is no end"


def test_a_deleted_agent_claims_nothing_by_a_click_and_sees_why(house, crew):
    h = start(house, crew)  # Slack still knows her, the desk does not
    case = h.writes_in(DISPUTE)
    crew.click(h, crew.posts()[0])
    assert h.desk.cases[case.id].assignee_id in {None, h.desk.bot.id}
    assert h.ticket(case).state == "escalated"
    assert "anna@acme.example" in crew.answers()[0]
    h.later(minutes=31)
    assert len(crew.texts()) == 2, "the ladder goes on"


def test_a_ticket_whose_agent_was_deleted_waits_for_somebody_again(house, crew, anna):
    h = start(house, crew, promise={"normal": "4h"})
    agent = anna(h)
    case = h.writes_in(NONSENSE)
    h.later(minutes=5)
    h.desk.agent_claims(case.id, agent.id)
    h.later(minutes=20)
    assert h.ticket(case).state == "claimed"
    h.desk.agent_sets(case.id, h.ann.id, assignee_id=None)  # what the vendors do to a deleted agent's tickets
    h.later(minutes=10)
    assert h.ticket(case).state == "escalated", h.story(case)
    assert [n for n in h.rows(notices) if n.template == "unclaimed"]


@ANY_DESK
def test_the_slack_message_shows_who_took_the_ticket_elsewhere_and_loses_its_button(house, crew):
    h = start(house, crew)
    case = h.writes_in(DISPUTE, subject="xylophone")
    h.later(minutes=31)
    assert crew.buttons() == [["I take it", "Open the ticket"]] * 2
    h.desk.agent_claims(case.id, h.ann.id)
    h.later(minutes=1)
    assert crew.buttons() == [["Open the ticket"]] * 2
    for post in crew.slack.posted.values():
        assert post["text"].startswith(
            f"Ticket {case.id} (support) is taken by Ann Agent\nSubject: xylophone"
        )
    assert len(crew.posts()) == 2, "nothing new is posted for it"
    h.desk.agent_says(case.id, h.ann.id, "We have reversed the charge.")
    h.later(minutes=5)
    assert len([one for one in crew.slack.received if isinstance(one, tuple)]) == 2, "and it is said once"


@ANY_DESK
def test_a_message_that_cannot_be_edited_pages_no_one(house, crew):
    h = start(house, crew)
    case = h.writes_in(DISPUTE)
    crew.slack.posted.clear()  # deleted in Slack
    before = len(crew.texts())
    h.desk.agent_claims(case.id, h.ann.id)
    h.later(minutes=6)
    assert (len(crew.texts()), len(crew.posts()), crew.mails()) == (before, 1, [])
    assert any("message_not_found" in line for line in h.story(case))


@ANY_DESK
def test_notices_beyond_a_persons_limit_become_one_message_that_names_them_all(house, crew):
    h = start(house, crew)
    cases = [h.writes_in(DISPUTE, email=f"c{n}@example.com") for n in range(9)]
    assert len(crew.texts()) == 5
    h.later(minutes=1)
    assert len(crew.texts()) == 6
    told = " ".join(crew.texts())
    assert [case.id for case in cases if str(case.id) not in told] == []
    assert len(crew.posts()) == 9, "a room that many look at stands more"


@ANY_DESK
def test_restarted_between_two_rungs_it_repeats_none_and_loses_none(house, crew):
    h = start(house, crew)
    h.writes_in(DISPUTE)
    for minutes, texts, mails in ((29, 1, 0), (2, 2, 0), (60, 2, 0), (30, 2, 1), (60, 2, 1)):
        h.later(minutes=minutes)
        h.restart()
        h.pass_once()
        assert (len(crew.texts()), len(crew.mails())) == (texts, mails)


@ANY_DESK
def test_a_restart_in_the_midst_of_a_rung_still_notifies_everybody_once(house, crew):
    h = start(house, crew)
    h.writes_in(DISPUTE)
    h.now = h.now.replace(minute=30)
    (row,) = [r for r in h.open_rows() if r.next_due_at <= h.now]
    reminders._tell(h.app, row.desk, row.ticket_id, h.now)  # queued, and the machine is switched off
    h.restart()
    h.pass_once()
    assert (len(crew.texts()), len(crew.posts())) == (2, 2)


@ANY_DESK
def test_a_managers_mail_that_comes_back_hours_later_reaches_somebody_by_another_way(house, crew):
    with bounce_box() as box:
        config = crew.config(alarm=["slack:urgent"])
        config["channels"]["email"]["manager"]["bounces"] = box.url
        h = house(**config)
        crew.twilio.home = h.receiver
        case = h.writes_in(DISPUTE)
        h.later(minutes=121)
        (mail,) = crew.mails()
        texts, posts = len(crew.texts()), len(crew.posts())
        box.put(report(str(mail["Message-ID"]), h.now))
        h.later(minutes=2)
        (row,) = [n for n in h.rows(notices) if n.channel == "email:manager"]
        assert (row.state, "user unknown" in row.error) == ("failed", True)
        assert len(crew.texts()) + len(crew.posts()) == texts + posts + 1
        said = [*crew.texts()[texts:], *(post["text"] for post in crew.posts()[posts:])]
        assert "it came back from boss@acme.example" in said[0]
        h.later(minutes=5)
        assert len(crew.texts()) + len(crew.posts()) == texts + posts + 1, "once"
        assert any("it came back" in line for line in h.story(case))
