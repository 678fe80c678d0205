"""However the deliveries of the same facts are shuffled, doubled and interleaved with the work, the end is the same."""

from __future__ import annotations

import itertools
from contextlib import ExitStack

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from words import DISPUTE, NONSENSE, ORDER

from core.ledger.schema import decisions, events
from core.pipeline.handle import handle

FACTS = 4  # three tickets and a reply
number = itertools.count()


def play(h, order: list[int], working: list[bool]):
    """The events happen, the vendor delivers them in the drawn order, the worker runs in between or not."""
    h.fake.hooks.hold = True
    cases = [
        h.desk.customer_writes(w, email=f"{n}@example.com") for n, w in enumerate((ORDER, DISPUTE, NONSENSE))
    ]
    h.desk.customer_writes("It is urgent, please.", email="1@example.com", case_id=cases[1].id)
    told = list(h.fake.hooks.held)
    h.fake.hooks.held.clear()
    h.fake.hooks.hold = False
    for index, work in zip(order, working, strict=True):
        h.fake.hooks.post(told[index % len(told)])
        if work:
            h.settle()
    h.settle()
    for one in h.rows(events):
        handle(h.app, one.key)  # the engine may run anything again
    h.later(minutes=4)
    return [state_of(h, case) for case in cases], len(h.unsettled())


def state_of(h, case) -> tuple[object, ...]:
    """The visible state of one ticket, and its state in the ledger."""
    row, seen = h.ticket(case), h.seen(case)
    said = tuple(sorted((e.public, e.body) for e in case.entries if e.author_id == h.desk.bot.id))
    decided = sorted(
        d.outcome for d in h.rows(decisions) if d.ticket_id == str(case.id) and d.outcome != "left_alone"
    )
    return row.state, row.priority, row.queue, sorted(seen.tags), said, tuple(decided), case.status


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory):
    return tmp_path_factory.mktemp("interleavings")


@pytest.fixture(scope="module")
def reference(home, classifier_cache, journeys):
    """Each event delivered once, in order, handled at once."""
    return once(home, classifier_cache, journeys, list(range(FACTS)), [True] * FACTS)


def once(home, cache, journeys, order, working):
    place = home / str(next(number))
    place.mkdir()
    with ExitStack() as stack:
        config = {"classifier": {"cache": str(cache), "sample": 0.0}}
        h = journeys.House("freshdesk", place, config, {})
        stack.callback(h.stack.close)
        return play(h, order, working)


deliveries = st.permutations(range(FACTS)).flatmap(
    lambda first: st.lists(st.integers(0, FACTS - 1), max_size=5).map(lambda more: [*first, *more])
)


@settings(
    max_examples=12, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)
@given(data=st.data())
def test_any_interleaving_of_the_same_facts_ends_alike(data, home, classifier_cache, journeys, reference):
    order = data.draw(deliveries)
    mixed = data.draw(st.permutations(order))
    working = data.draw(st.lists(st.booleans(), min_size=len(mixed), max_size=len(mixed)))
    assert once(home, classifier_cache, journeys, list(mixed), working) == reference
