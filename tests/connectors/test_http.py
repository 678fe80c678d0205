"""The session all vendors share: what is repeated, what is not, and what an answer means."""

from __future__ import annotations

import socket
from datetime import timedelta

import pytest
import requests
import responses

from connectors.kit.http import DeskSession, Limits, operation_of
from connectors.sandbox.server import serving
from core import errors

BASE = "https://acme.example"


def session(**more) -> DeskSession:
    more.setdefault("authorization", lambda: "Bearer t")
    more.setdefault("sleep", lambda _seconds: None)
    return DeskSession(BASE, **more)


def answer(status: int, **headers: str) -> None:
    responses.add(
        responses.GET,
        f"{BASE}/x",
        status=status,
        headers={k.replace("_", "-"): v for k, v in headers.items()},
    )
    responses.add(
        responses.PUT,
        f"{BASE}/x",
        status=status,
        headers={k.replace("_", "-"): v for k, v in headers.items()},
    )


def closed_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


@responses.activate
@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, errors.Refused),
        (401, errors.NotAllowed),
        (403, errors.NotAllowed),
        (404, errors.Gone),
        (409, errors.Conflict),
        (410, errors.Gone),
        (422, errors.Refused),
        (429, errors.TryLater),
    ],
)
def test_a_status_means_the_same_for_reads_and_writes(status, error):
    answer(status)
    for method in ("GET", "PUT"):
        with pytest.raises(error) as refused:
            session().request(method, "/x")
        assert (type(refused.value), refused.value.status) == (error, status)


@responses.activate
@pytest.mark.parametrize("status", [408, 500, 502, 503, 504])
def test_a_server_error_is_tried_later_for_a_read_and_unknown_for_a_write(status):
    answer(status)
    with pytest.raises(errors.TryLater):
        session().get("/x")
    assert len(responses.calls) == 3
    with pytest.raises(errors.UnknownOutcome):
        session().put("/x", json={})
    assert len(responses.calls) == 4, "a write is sent once"


@responses.activate
def test_a_read_that_fails_once_is_repeated_at_once():
    responses.add(responses.GET, f"{BASE}/x", body=requests.ConnectionError("reset"))
    responses.add(responses.GET, f"{BASE}/x", json={"fine": True})
    assert session().get("/x").json() == {"fine": True}


@responses.activate
@pytest.mark.parametrize(
    ("header", "seconds"),
    [("7", 7), ("0", 1), ("0.5", 1), ("-3", 1), ("soon", 30), ("inf", 30), ("nan", 30), ("1e9", 900)],
)
def test_the_wait_that_a_vendor_names_is_kept_within_reason(header, seconds):
    answer(429, Retry_After=header)
    with pytest.raises(errors.TryLater) as later:
        session().get("/x")
    assert later.value.wait == timedelta(seconds=seconds)


@responses.activate
def test_after_a_429_no_call_is_made_until_the_wait_is_over():
    now = [0.0]
    answer(429, Retry_After="20")
    desk = session(clock=lambda: now[0])
    for _ in range(3):
        with pytest.raises(errors.TryLater):
            desk.put("/x")
    assert len(responses.calls) == 1
    now[0] = 20.5
    with pytest.raises(errors.TryLater):
        desk.put("/x")
    assert len(responses.calls) == 2


@responses.activate
def test_the_limit_of_one_ticket_stops_no_other():
    desk = session(limits=Limits(local="zendesk-ratelimit-"))
    answer(429, Retry_After="400", zendesk_ratelimit_per_ticket_updates="total=30; remaining=0; resets=400")
    responses.add(responses.PUT, f"{BASE}/other", json={})
    with pytest.raises(errors.TryLater) as later:
        desk.put("/x")
    assert later.value.wait == timedelta(seconds=400)
    assert desk.put("/other").status_code == 200


@responses.activate
def test_the_last_tenth_of_the_limit_is_left_to_humans():
    now = [0.0]
    answer(200, X_RateLimit_Limit="100", X_RateLimit_Remaining="9")
    desk = session(clock=lambda: now[0])
    desk.get("/x")
    with pytest.raises(errors.TryLater):
        desk.get("/x")
    now[0] = 11.0
    assert desk.get("/x").status_code == 200


@responses.activate
def test_our_own_budget_is_kept_to_the_minute():
    now = [0.0]
    answer(200)
    desk = session(clock=lambda: now[0], limits=Limits(budget_per_minute=2))
    desk.get("/x")
    desk.get("/x")
    for now[0] in (0.0, 59.0):
        with pytest.raises(errors.TryLater, match="budget"):
            desk.get("/x")
    now[0] = 61.0
    assert desk.get("/x").status_code == 200


@responses.activate
def test_a_401_renews_the_credential_once_and_repeats_writes_too():
    tokens = ["old"]
    responses.add(responses.PUT, f"{BASE}/x", status=401)
    responses.add(responses.PUT, f"{BASE}/x", status=200)
    desk = session(authorization=lambda: tokens[-1], renew=lambda: tokens.append("new"))
    assert desk.put("/x").status_code == 200
    assert [call.request.headers["Authorization"] for call in responses.calls] == ["old", "new"]


@responses.activate
def test_a_401_to_the_new_credential_too_is_not_allowed():
    responses.add(responses.PUT, f"{BASE}/x", status=401)
    with pytest.raises(errors.NotAllowed):
        session(renew=lambda: None).put("/x")
    assert len(responses.calls) == 2


@responses.activate
def test_the_users_netrc_does_not_replace_our_credential(tmp_path, monkeypatch):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine acme.example login somebody password else\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    answer(200)
    session().get("/x")
    assert responses.calls[0].request.headers["Authorization"] == "Bearer t"


@responses.activate
def test_a_vendors_cookies_are_not_kept():
    answer(200, Set_Cookie="_session=1; Path=/")
    desk = session()
    desk.get("/x")
    desk.get("/x")
    assert "Cookie" not in responses.calls[1].request.headers


@responses.activate
def test_a_redirect_is_not_followed():
    answer(302, Location="https://elsewhere.example/")
    assert session().get("/x").status_code == 302
    assert len(responses.calls) == 1


@responses.activate
def test_a_link_to_another_host_is_requested_from_our_own_origin():
    responses.add(responses.GET, f"{BASE}/api/next", json={})
    session().get("https://acme.vendor.example:443/api/next?cursor=a%2Fb")
    assert responses.calls[0].request.url == f"{BASE}/api/next?cursor=a%2Fb"


def test_a_write_to_a_host_that_refuses_connections_was_never_sent():
    desk = DeskSession(f"http://127.0.0.1:{closed_port()}", authorization=lambda: "")
    with pytest.raises(errors.TryLater):
        desk.put("/x", json={})


def test_a_write_whose_connection_breaks_has_an_unknown_outcome():
    def reset(environ, start_response):
        environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
        return []

    with serving(reset) as url:
        desk = DeskSession(url, authorization=lambda: "", sleep=lambda _seconds: None)
        with pytest.raises(errors.UnknownOutcome):
            desk.put("/x", json={})


@pytest.mark.parametrize("base", ["", "acme.example", "ftp://acme.example"])
def test_an_address_that_is_none_is_refused_with_the_remedy(base):
    with pytest.raises(errors.Refused, match="base_url"):
        DeskSession(base, authorization=lambda: "").put("/x", json={})


@responses.activate
def test_each_call_is_reported_with_its_outcome():
    told = []
    answer(200)
    desk = session(on_call=lambda operation, outcome: told.append((operation, outcome)))
    desk.get("/x")
    responses.reset()
    answer(409)
    with pytest.raises(errors.Conflict):
        desk.put("/x")
    assert told == [("GET /x", "ok"), ("PUT /x", "conflict")]


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("/api/v2/tickets/4711.json", "PUT /tickets/:id"),
        ("/api/v2/tickets/4711/comments.json?page=2", "PUT /tickets/:id/comments"),
        ("/v2/conversations/12/threads", "PUT /conversations/:id/threads"),
        ("/api/v2/webhooks/01HANAHBMTDTB8Q98K38YZ5ZQS", "PUT /webhooks/:id"),
    ],
)
def test_an_operations_name_holds_no_id(url, name):
    assert operation_of("put", url) == name
