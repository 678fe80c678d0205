"""What a person may mistype is answered by lines with the remedy and exit code 2, never by a traceback."""

from __future__ import annotations

import socket

import pytest
from command import Shell, backstop

from core import cli

INIT = "init --no-ask --vendor zendesk --base-url https://a.example --public-url https://b.example --general-queue Q"


@pytest.fixture
def shell(tmp_path):
    return Shell(tmp_path).with_store()


@pytest.fixture
def taken():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


def refused(found, *words: str) -> None:
    assert found.exit_code == 2, (found.output, found.exception)
    assert "Traceback" not in found.output
    assert all(word in found.output for word in words), found.output


def test_a_port_that_is_taken_is_named(shell, taken):
    refused(shell.run("web", "--port", str(taken)), "web.port", str(taken), "--port")


@pytest.mark.parametrize("host", ["203.0.113.7", "no.such.host.invalid"])
def test_an_address_that_is_not_this_machines_is_named(shell, host):
    shell.file.write_text(shell.file.read_text() + f'[web]\nhost = "{host}"\ntoken = "t"\n')
    refused(shell.run("web", "--port", "0"), "web.host", host)


@pytest.mark.parametrize("port", ["-1", "65536", "http"])
def test_a_port_that_is_none_is_named(shell, port):
    refused(shell.run("web", "--port", port), "--port")


@pytest.mark.parametrize("url", ["postgresql://host:notaport/db", "postgresql://u:p@[::1/db"])
@pytest.mark.parametrize("name", ["show", "web"])
def test_a_stores_address_that_cannot_be_read_is_named(tmp_path, url, name):
    args = {"show": ("show", "support", "1"), "web": ("web", "--port", "0")}[name]
    refused(Shell(tmp_path, database=url).run(*args), "backstop.toml: database_url", "5432")


def test_the_other_stores_address_is_named_by_its_argument(shell):
    refused(shell.run("migrate-store", "postgresql://host:port/db"), "POSTGRES_URL", "5432")


@pytest.mark.parametrize(
    "args",
    [
        ("train", "--since", "99999999999d"),
        ("train", "--since", "99999999999999999999w"),
        ("audit", "--since", "0001-01-01T00:00:00+14:00"),
        ("audit", "--since", "9999-12-31T23:59:59-12:00"),
    ],
)
def test_a_time_beyond_all_calendars_is_named(shell, args):
    refused(shell.run(*args), "--since")


def test_a_duration_beyond_all_calendars_is_named_by_its_key(shell):
    shell.file.write_text(shell.file.read_text() + '[sweep]\nevery = "99999999999999999999d"\n')
    refused(shell.run("show", "support", "1"), "backstop.toml: sweep.every")


def test_a_folder_is_no_configuration(tmp_path):
    refused(backstop("show", "support", "1", "--config", str(tmp_path)), str(tmp_path), "backstop init")


def test_a_file_that_cannot_be_written_is_named(shell, tmp_path):
    (tmp_path / "file").write_text("")
    beside = str(tmp_path / "file" / "x.toml")
    refused(backstop(*INIT.split(), "--config", beside), str(tmp_path / "file"), "another place")


def test_bytes_that_are_no_text_are_read_and_printed_all_the_same(shell):
    assert shell.run("classify", "-", input=b"where is my order\xff").exit_code == 0
    assert "the ledger does not know support ?" in shell.run("show", "support", "\udcff").output
    refused(shell.run("show", "\udcff", "1"), "there is no desk called ?")


def test_who_reads_only_the_beginning_is_no_fault(monkeypatch, capfd):
    """As `backstop report | head -1` is."""

    def closed(*_args, **_more):
        raise BrokenPipeError

    monkeypatch.setattr(cli, "backstop", closed)
    monkeypatch.setattr(cli.os, "dup2", lambda _new, _old: None)
    with pytest.raises(SystemExit) as ended:
        cli.main([])
    assert ended.value.code == 1
    assert capfd.readouterr().err == ""
