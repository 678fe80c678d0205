"""The sandbox, made by following CONTRIBUTING.md, keeps the promises that every desk keeps."""

from __future__ import annotations

import inspect

import pytest

from tests.connectors import test_desk_contract as contract

LEFT_OUT = {
    "test_a_merged_ticket_has_moved": "its tickets cannot be merged",
    "test_a_connector_passes_on_subject_and_sender_and_judges_neither": "its messages have no subject of their own",
    "test_every_change_is_seen_whatever_its_status": "it has no lists to which a ticket could move",
    "test_the_intent_is_read_from_the_one_tag_that_names_it_and_not_guessed_among_several": "it reads no intent back",
    "test_a_few_hundred_tickets_are_read_in_bulk": "it has no bulk read",
}
PROMISES = {
    name: promise
    for name, promise in vars(contract).items()
    if name.startswith("test_") and list(inspect.signature(promise).parameters) == ["world", "vendor"]
}


@pytest.mark.parametrize("name", sorted(PROMISES.keys() - LEFT_OUT))
def test_the_sandbox_keeps_the_promise(name, world):
    PROMISES[name](world, "sandbox")


def test_each_promise_that_is_left_out_is_one():
    assert LEFT_OUT.keys() <= PROMISES.keys()
    assert len(PROMISES) - len(LEFT_OUT) > 15
