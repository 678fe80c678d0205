"""The story: messages arrive one after the other; and what a shift of agents makes of them."""

from __future__ import annotations

from collections.abc import Iterable

from demo.samples import Sample
from demo.world import World

CLAIMED, ANSWERED = ("cancel",), ("charge", "human")  # the messages that Ann takes, and those she answers


def play(world: World, messages: Iterable[Sample], pace: float) -> None:
    """Let the messages arrive `pace` seconds apart; a reply only once the first message has been dealt with."""
    for sample in messages:
        if sample.follows:
            world.settled()
        world.customer(sample)
        if world.stopped.wait(pace):
            return


def the_rest_of_the_day(world: World) -> None:
    """An agent takes one ticket and answers two; half an hour passes, then two hours."""
    for message in CLAIMED:
        world.claims(world.told[message])
    for message in ANSWERED:
        world.answers(world.told[message])
    world.settled()
    for minutes in (31, 90, 5):  # the last one: Zendesk's list of changes keeps the newest minute back
        world.later(minutes)
        world.settled()
