"""What the number promises: the automatic band begins where held-out messages prove it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from core.classify.calibrate import (
    AMPLE,
    BAND,
    LEAK,
    OWN,
    PRECISION,
    STARTER,
    Calibrator,
    fit_calibrator,
    lowered,
    proof,
    proven_floor,
)
from core.classify.linear import LinearClassifier

GRID = np.linspace(0, 1, 2001)


@pytest.mark.parametrize("floor", [0.0, 0.85, 0.851, 0.9, 0.97, 0.995])
def test_the_floor_keeps_the_order_and_never_raises_a_confidence(floor: float) -> None:
    told = lowered(GRID, floor)
    assert (np.diff(told) >= 0).all()
    assert (told <= GRID + 1e-12).all()
    assert (told[max(floor, BAND) <= GRID] >= BAND).all()
    assert (told[floor > GRID] < BAND).all() or floor <= BAND
    assert (told[GRID < 0.6] == GRID[GRID < 0.6]).all()


def held_out(rows: int, right_share: float, strangers: int) -> tuple[np.ndarray, ...]:
    """Rows of known intents, and strangers who reach the same probabilities less often."""
    draw = np.random.default_rng(5)
    known, unknown = draw.beta(6, 1, rows), draw.beta(2, 2, strangers)
    right = np.append(draw.random(rows) < right_share * known ** (1 / 8), np.zeros(strangers, bool))
    mass = np.append(np.full(rows, 0.7 / rows), np.full(strangers, 0.3 / max(strangers, 1)))
    return np.append(known, unknown), right, mass / mass.sum(), np.arange(rows + strangers) >= rows


def in_band(held: np.ndarray, right: np.ndarray, mass: np.ndarray, floor: float) -> float:
    above = held >= floor
    return float(mass[above & right].sum() / mass[above].sum())


def test_above_the_floor_held_out_messages_are_as_often_right_as_promised_and_strangers_are_few() -> None:
    held, right, mass, strangers = held_out(4000, 1.0, 2000)
    floor = proven_floor(held, right, mass, strangers)
    assert floor >= BAND
    assert in_band(held, right, mass, floor) >= PRECISION
    assert in_band(held, right, mass, floor) >= AMPLE or (held[strangers] >= floor).mean() <= LEAK + 0.001


def even(strangers_mass: float) -> tuple[np.ndarray, ...]:
    """Known rows, all right, from .85 up; strangers from .5 up: the same precision wherever one cuts."""
    held = np.append(np.linspace(0.85, 1, 3000), np.linspace(0.5, 1, 1000))
    strangers = np.arange(4000) >= 3000
    mass = np.where(strangers, strangers_mass / 1000, (1 - strangers_mass) / 3000)
    return held, ~strangers, mass, strangers


def test_where_the_band_is_only_just_precise_enough_strangers_are_kept_out() -> None:
    held, right, mass, strangers = even(0.08)  # 97.5 % right from any floor on
    assert PRECISION < in_band(held, right, mass, BAND) < AMPLE
    floor = proven_floor(held, right, mass, strangers)
    assert (held[strangers] >= floor).mean() == pytest.approx(LEAK, abs=0.002)


def test_where_the_band_is_amply_precise_a_few_strangers_do_not_matter() -> None:
    assert proven_floor(*even(0.02)) == pytest.approx(BAND, abs=0.001)


def test_where_the_promise_cannot_be_kept_hardly_anything_is_in_the_band() -> None:
    held, right, mass, strangers = held_out(2000, 0.7, 500)
    floor = proven_floor(held, right, mass, strangers)
    assert (held >= floor).mean() < 0.03


def test_without_strangers_and_mistakes_the_floor_changes_nothing() -> None:
    held, _, mass, strangers = held_out(300, 1.0, 0)
    assert proven_floor(held, np.ones(300, bool), mass, strangers) == BAND


def test_the_floor_survives_saving(embedded: LinearClassifier) -> None:
    raised = replace(embedded.right, floor=0.9)
    assert Calibrator.from_arrays(raised.arrays()).floor == 0.9


def test_more_evidence_never_means_less_confidence() -> None:
    draw = np.random.default_rng(1)
    evidence = draw.normal(size=(400, 3))
    found = fit_calibrator(evidence, draw.random(400) < 1 / (1 + np.exp(-2 * evidence[:, 0])))
    rising = np.stack([np.linspace(-3, 3, 60)] * 3, axis=1)
    assert (np.diff(found(rising)) >= 0).all()


def test_a_floor_below_the_band_is_reported_as_the_band_in_the_same_order() -> None:
    told = lowered(GRID, 0.8)
    assert (np.diff(told) >= 0).all()
    assert (told[GRID >= 0.8] >= BAND).all()
    assert (told[GRID < 0.8] < BAND).all()


def test_the_more_examples_are_the_starters_the_less_is_asked_of_those_left_out() -> None:
    assert proof(0.0) == OWN
    assert proof(1.0) == STARTER
    assert OWN.precision > proof(0.5).precision > STARTER.precision
