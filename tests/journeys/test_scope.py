"""A desk entry serves a part of an account: what lies outside is not touched, what moves is let go or taken up."""

from __future__ import annotations

from datetime import timedelta

import pytest
from words import DISPUTE, NONSENSE, ORDER

from core import settings, wiring
from core.app import App
from core.engine import worker
from core.errors import ConfigError
from core.ledger import store
from core.ledger.schema import tickets
from core.pipeline.audit import audit

PLACE = {  # vendor → kind of place, where the fake keeps a ticket's, the fake's own list of them
    "zendesk": ("brands", "brand_id", "brands"),
    "freshdesk": ("brands", "product_id", "products"),
    "helpscout": ("mailboxes", "mailbox", None),
}


class Estate:
    """Two places in one account, and the entry "support" that serves the first one."""

    def __init__(self, house, vendor, **desk):
        self.kind, self.key, listed = PLACE[vendor]
        options = {listed: {7: "Shop", 8: "Wholesale"}} if listed else {"inboxes": ("Shop", "Wholesale")}
        self.house = house(desk={"only": {self.kind: ["shop"]}, **desk}, options=options)
        if listed is None:
            queues = {name: self.house.desk.add_queue(name).id for name in ("Shop", "Wholesale")}
            self.ids = queues
        else:
            self.ids = {"Shop": 7, "Wholesale": 8}

    def writes_to(self, name, body=DISPUTE, **more):
        return self.house.writes_in(body, extra={self.key: self.ids[name]}, **more)

    def moves(self, case, name):
        case.extra[self.key] = self.ids[name]
        self.house.desk.touch(case, self.house.ann.id, "brand", self.ids[name])

    def look_again(self):
        self.house.now += timedelta(minutes=3)
        self.house.sweep()
        self.house.pass_once()


@pytest.fixture
def estate(house, vendor):
    return lambda **desk: Estate(house, vendor, **desk)


def test_a_ticket_outside_the_scope_is_neither_written_nor_notified_nor_missing(estate):
    there = estate()
    case = there.writes_to("Wholesale")
    there.look_again()
    home = there.house
    assert home.bot_says(case, public=True) == home.bot_says(case, public=False) == []
    assert case.tags == []
    assert home.told() == []
    assert home.ticket(case) is None
    found = audit(home.app, "support", home.now - timedelta(days=1), home.now)
    assert (found["desk"], found["missing"], found["stuck"]) == (0, [], [])


def test_a_ticket_inside_the_scope_is_handled_as_usual(estate):
    there = estate()
    case = there.writes_to("Shop")
    assert len(there.house.bot_says(case, public=True)) == 1
    assert there.house.ticket(case).state == "escalated"
    found = audit(there.house.app, "support", there.house.now - timedelta(days=1), there.house.now)
    assert found["missing"] == []


def test_a_ticket_that_moves_out_is_let_go_and_back_in_is_taken_up(estate):
    there = estate()
    case = there.writes_to("Shop")
    told = len(there.house.told())
    there.house.now += timedelta(minutes=2)
    there.moves(case, "Wholesale")
    there.look_again()
    assert there.house.ticket(case).next_due_at is None
    assert any(line.startswith("let go: it lies outside") for line in there.house.story(case))
    there.house.later(minutes=25)
    assert len(there.house.told()) == told, "nobody is called for another desk's ticket"
    there.moves(case, "Shop")
    there.look_again()
    assert there.house.ticket(case).next_due_at is not None
    assert len(there.house.told()) > told
    assert len(there.house.bot_says(case, public=True)) == 1, "the customer hears nothing twice"


def test_a_ticket_that_moves_in_is_taken_up_though_it_was_passed_over(estate):
    there = estate()
    case = there.writes_to("Wholesale")
    assert there.house.ticket(case) is None
    there.house.now += timedelta(minutes=2)
    there.moves(case, "Shop")
    there.look_again()
    assert there.house.ticket(case).state == "escalated"
    assert len(there.house.bot_says(case, public=True)) == 1
    assert there.house.story(case)[0].startswith("taken up: it came into the part"), there.house.story(case)


def test_a_ticket_that_left_between_two_sweeps_pages_no_one(estate):
    there = estate()
    case = there.writes_to("Shop")
    told = len(there.house.told())
    there.moves(case, "Wholesale")
    there.house.now += timedelta(minutes=40)
    there.house.pass_once()  # no sweep came before
    assert len(there.house.told()) == told
    assert there.house.ticket(case).closed_at is not None


def test_our_own_routing_takes_a_ticket_out_of_no_scope(house):
    home = house(desk={"only": {"groups": ["Support"]}})
    case = home.writes_in(DISPUTE)
    if home.ticket(case) is None:  # it came in without a group: an agent sorts it
        home.desk.agent_sets(case.id, home.ann.id, queue_id=home.queues["Support"].id)
        home.now += timedelta(minutes=3)
        home.sweep()
    assert home.ticket(case).queue == "Billing"
    home.now += timedelta(minutes=3)
    home.sweep()
    assert home.ticket(case).next_due_at is not None
    assert home.ticket(case).closed_at is None


def second(home: App, kind: str, name: str, **more):
    """The settings with another entry on the same account."""
    table = dict(home.settings.desks["support"]) | {"only": {kind: [name]}} | more
    return home.settings.model_copy(update={"desks": {**home.settings.desks, "wholesale": table}})


@pytest.mark.parametrize("vendor", ["zendesk"])
def test_two_entries_whose_scopes_overlap_are_refused_with_both_names(estate):
    there = estate()
    app = there.house.app
    for only in (
        {"only": {there.kind: ["Wholesale", "SHOP"]}},
        {"only": {}},
        {"only": {"channels": ["email"]}},
    ):
        with pytest.raises(ConfigError, match=r"desks\.support and desks\.wholesale are the same account"):
            wiring.compose(second(app, there.kind, "x", **only))


def test_two_entries_of_one_account_hand_a_ticket_over_and_say_nothing_twice(estate):
    there = estate()
    home = there.house
    home.app.counters.close()
    home.app.engine.dispose()
    home.app = wiring.build(second(home.app, there.kind, "wholesale"), clock=lambda: home.now)
    for channel in (home.urgent, home.normal, home.boss):
        home.app.channels[channel.name] = channel
    case = there.writes_to("Shop")
    home.now += timedelta(minutes=3)
    for _ in range(2):
        worker.sweep_now(home.app)
        home.settle()
    rows = {row.desk: row for row in home.rows(tickets)}
    assert set(rows) == {"support"}, "the other entry keeps its hands off"
    there.moves(case, "Wholesale")
    home.now += timedelta(minutes=3)
    worker.sweep_now(home.app)
    home.settle()
    rows = {row.desk: row for row in home.rows(tickets)}
    assert rows["support"].next_due_at is None
    assert rows["wholesale"].next_due_at is not None
    assert len(home.bot_says(case, public=True)) == 1
    with home.app.engine.begin() as conn:
        story = [line.what for line in store.story(conn, "wholesale", str(case.id))]
    assert "taken over" in story


@pytest.mark.parametrize("vendor", ["freshdesk"])
def test_a_scope_that_nothing_matches_for_a_day_raises_an_alarm(estate):
    there = estate()
    home = there.house
    for _ in range(26):
        there.writes_to("Wholesale", ORDER, email=f"c{home.now:%d%H}@example.com")
        home.now += timedelta(hours=1)
        home.sweep()
        home.pass_once()
    said = [one.text for one in home.told()]
    assert len([text for text in said if "has fitted its `only`" in text]) == 1


def test_doctor_names_the_places_that_do_not_exist_and_those_that_do(estate, vendor):
    kind = PLACE[vendor][0]
    there = estate(only={kind: ["Shop", "Shpo"]})
    code = {"zendesk": "ZD23", "freshdesk": "FD11", "helpscout": "HS09"}[vendor]
    found = [one for one in there.house.app.desks["support"].check([]) if one.code == code]
    assert [one.level for one in found] == ["fail"]
    assert 'there is no "shpo"' in found[0].what
    assert "Wholesale" in found[0].what


def test_a_kind_of_place_that_a_vendor_does_not_have_is_refused(house, vendor):
    missing = {"zendesk": "mailboxes", "freshdesk": "forms", "helpscout": "brands"}[vendor]
    with pytest.raises(ConfigError, match=f"only.{missing}: {vendor} has no {missing}"):
        house(desk={"only": {missing: ["x"]}})


@pytest.mark.parametrize("vendor", ["helpscout"])
def test_each_entry_has_its_own_hours_promise_wording_and_signature(house, tmp_path):
    own = tmp_path / "templates" / "support"
    own.mkdir(parents=True)
    (own / "acknowledgment.txt").write_text(
        "Shop here{% if promise %}, we answer {{ promise }}{% endif %}.\n"
    )
    week = {"tue": "09:00-18:00"}
    home = house(
        desk={
            "promise": {"normal": "6h"},
            "hours": {"timezone": "Europe/Berlin", "week": week},
            "signature": "Your Shop team",
        }
    )
    case = home.writes_in(NONSENSE)
    (said,) = home.bot_says(case, public=True)
    assert said.startswith("Shop here")
    assert said.rstrip().endswith("Your Shop team")
    assert home.ticket(case).promise_at == home.now + timedelta(hours=6)


@pytest.mark.parametrize("vendor", ["freshdesk"])
def test_an_entry_may_leave_the_acknowledgment_to_the_desk(house):
    home = house(desk={"acknowledge": False})
    case = home.writes_in(DISPUTE)
    assert home.bot_says(case, public=True) == []
    assert home.ticket(case).next_due_at is not None


def test_an_empty_list_is_refused_by_name(house):
    with pytest.raises(ConfigError, match="channels is empty"):
        house(desk={"only": {"channels": []}})


def test_settings_keep_the_order_of_template_folders(tmp_path):
    loaded = settings.Settings(path=tmp_path / "backstop.toml")
    assert loaded.template_dirs("shop") == [tmp_path / "templates" / "shop", tmp_path, tmp_path / "templates"]
