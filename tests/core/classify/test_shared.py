"""What `train` learned survives the machine on which it was learned, and reaches every process on the store."""

from __future__ import annotations

import logging

import pytest
from sqlalchemy import update

from core.classify import shared
from core.ledger.schema import meta


def files(folder):
    return {one.name: one.read_bytes() for one in folder.iterdir()} if folder.exists() else {}


def test_a_model_with_its_languages_comes_to_a_machine_that_has_none_and_replaces_an_older_one(
    engine, tmp_path
):
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    for name in ("trained.npz", "trained-de.npz", "classifier-1.npz"):
        (here / name).write_bytes(name.encode() * 1000)
    shared.keep(engine, here / "trained.npz")
    shared.fetch(engine, there)
    assert files(there) == {name: data for name, data in files(here).items() if name.startswith("trained")}

    (here / "trained.npz").write_bytes(b"newer")
    (here / "trained-de.npz").unlink()
    shared.keep(engine, here / "trained.npz")
    (there / "classifier-2.npz").write_bytes(b"fitted there")
    shared.fetch(engine, there)
    assert files(there) == {"trained.npz": b"newer", "classifier-2.npz": b"fitted there"}


def test_a_calibration_is_kept_beside_the_model_and_takes_nothing_of_it(engine, tmp_path):
    for name in ("trained.npz", "outside-0a.json", "outside-0b.json"):
        (tmp_path / name).write_text(name)
        shared.keep(engine, tmp_path / name)
    shared.fetch(engine, tmp_path / "there")
    assert set(files(tmp_path / "there")) == {"trained.npz", "outside-0a.json", "outside-0b.json"}


def test_a_store_that_keeps_nothing_leaves_everything_as_it_is(engine, tmp_path):
    (tmp_path / "trained.npz").write_bytes(b"mine")
    shared.fetch(engine, tmp_path)
    assert files(tmp_path)["trained.npz"] == b"mine"


def test_what_is_the_same_is_not_written_again(engine, tmp_path):
    (tmp_path / "trained.npz").write_bytes(b"mine")
    shared.keep(engine, tmp_path / "trained.npz")
    before = (tmp_path / "trained.npz").stat().st_ino
    shared.fetch(engine, tmp_path)
    assert (tmp_path / "trained.npz").stat().st_ino == before


@pytest.mark.parametrize("value", ["not base64 &", 7])
def test_what_cannot_be_fetched_is_said_and_stops_no_start(engine, tmp_path, caplog, value):
    (tmp_path / "trained.npz").write_bytes(b"mine")
    shared.keep(engine, tmp_path / "trained.npz")
    with engine.begin() as connection:
        connection.execute(update(meta).values(value=value))
    with caplog.at_level(logging.WARNING):
        shared.fetch(engine, tmp_path)
    assert "not fetched" in caplog.text
    assert (tmp_path / "trained.npz").read_bytes() == b"mine"
    with engine.begin() as connection:
        meta.drop(connection)
    shared.fetch(engine, tmp_path)
