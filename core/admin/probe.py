"""Checks from outside: the desk's clock against ours, and a test event through the real receiver."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, timedelta
from email.utils import parsedate_to_datetime

import requests

from core.app import App
from core.hours import stamp
from core.ledger import db, store
from core.model import Finding
from core.web.sidebar import asked_at, sidebar_of

OK, WARN, FAIL = "ok", "warn", "fail"
TIMEOUT = (5, 10)
CLOCK_WARN, CLOCK_FAIL = timedelta(seconds=60), timedelta(minutes=5)
LATELY = timedelta(days=1)
ACCEPTED, FORGED, UNKNOWN = 200, 401, 404


def clock(app: App, name: str) -> Iterator[Finding]:
    """Check how far our clock is from the desk's: signatures and promises depend on it."""
    url = app.desk_settings[name].base_url
    try:
        stamp = requests.head(url, timeout=TIMEOUT, allow_redirects=False).headers.get("Date", "")
        apart = app.clock() - parsedate_to_datetime(stamp).astimezone(UTC)
    except requests.RequestException as err:
        remedy = "is base_url right, and does a firewall or proxy allow the connection?"
        yield Finding("CK02", FAIL, f"{url} does not answer ({type(err).__name__})", remedy)
        return
    except ValueError:
        return  # the answer has no Date header
    off = abs(apart)
    level = FAIL if off > CLOCK_FAIL else WARN if off > CLOCK_WARN else OK
    words = f"our clock and the desk's are {off.total_seconds():.0f} s apart"
    yield Finding("CK01", level, words, "" if level == OK else "let NTP set this machine's clock")


def receiver(app: App, name: str) -> Iterator[Finding]:
    """Check whether the real receiver is reachable, refuses a forged request and accepts a genuine one."""
    base = app.settings.public_url.rstrip("/")
    reached, why = _healthy(base)
    if not reached:
        local = f"http://{_host(app.settings.web.host)}:{app.settings.web.port}"
        reached, _ = _healthy(local)
        heard = None if reached else _heard(app, name)
        if heard is not None:
            words = f"{base} cannot be seen from here ({why}), nor {local}, but a webhook came in at {heard}"
            yield Finding(
                "RC02", WARN, words, "the receiver runs on another machine: run doctor there to test it"
            )
            return
        if not reached:
            remedy = "start `backstop serve` (or `backstop web`), and route public_url to it"
            yield Finding(
                "RC01", FAIL, f"the receiver does not answer at {base or 'public_url'}: {why}", remedy
            )
            return
        remedy = (
            f"check from outside that {base} leads here; a proxy or firewall may only refuse this machine"
        )
        yield Finding(
            "RC02", WARN, f"the receiver runs at {local}, but {base} does not reach it: {why}", remedy
        )
        base = local
    yield from _events(app, name, f"{base}/hooks/{name}")


def _heard(app: App, name: str) -> str | None:
    """Return when a webhook of this desk came in, if that was within a day: then the address leads to a receiver."""
    with db.reading(app.engine) as conn:
        row = store.desk(conn, name)
    at = row.hook_heard_at if row is not None else None
    recent = at is not None and app.clock() - at < LATELY
    return stamp(at, app.hours.zone) if at is not None and recent else None


def _host(host: str) -> str:
    return "127.0.0.1" if host in {"0.0.0.0", "::", ""} else host  # noqa: S104  # nosec B104


def _healthy(base: str) -> tuple[bool, str]:
    if not base:
        return False, "it is not set"
    try:
        answer = requests.get(f"{base}/healthz", timeout=TIMEOUT, allow_redirects=False)
        good = answer.status_code == ACCEPTED and answer.json().get("ok") is True
    except (requests.RequestException, ValueError, AttributeError) as err:
        return False, type(err).__name__
    return good, "" if good else f"/healthz says {answer.status_code}"


def _events(app: App, name: str, url: str) -> Iterator[Finding]:
    forged = requests.post(url, data=b"{}", timeout=TIMEOUT, allow_redirects=False)
    if forged.status_code == UNKNOWN:
        yield Finding(
            "RC03", FAIL, f"{url} is not known to the receiver", "start it again with this configuration"
        )
        return
    if forged.status_code != FORGED:
        words = f"a request without proof is answered with {forged.status_code} instead of 401"
        yield Finding("RC04", FAIL, words, "is that Backstop itself, or a proxy in front of it?")
        return
    secrets: Sequence[str] = app.desk_settings[name].secrets()
    if not secrets:
        return  # reported by the vendor's own check
    asked = app.vendor(name).probe(secrets[0], app.clock())
    genuine = requests.post(
        url, data=asked.body, headers=dict(asked.headers), timeout=TIMEOUT, allow_redirects=False
    )
    if genuine.status_code != ACCEPTED:
        words = f"a genuine test event is answered with {genuine.status_code}: {genuine.text[:120].strip()}"
        remedy = "restart the receiver: it may still have an older webhook_secret; or a proxy removes headers"
        yield Finding("RC05", FAIL, words, remedy)
        return
    yield Finding("RC00", OK, f"{url} accepts a genuine test event and refuses a forged one")
    yield from _sidebar(app, name, url.removesuffix(name) + f"apps/{name}", secrets[0])


def _sidebar(app: App, name: str, url: str, secret: str) -> Iterator[Finding]:
    """Check whether the endpoint of the desk's sidebar answers, where the desk has one, and when it was last asked."""
    part = sidebar_of(app, name)
    if part is None:
        return
    asked, query = part.probe(secret)
    with db.reading(app.engine) as conn:
        last = asked_at(conn, name)
    said = [
        requests.post(
            url, data=asked.body, headers=dict(asked.headers), timeout=TIMEOUT, allow_redirects=False
        ),
        requests.get(f"{url}?{query}", timeout=TIMEOUT, allow_redirects=False),
    ]
    wrong = [str(one.status_code) for one in said if one.status_code != ACCEPTED]
    if wrong:
        words = f"the sidebar's door {url} answers a genuine question with {' and '.join(wrong)}"
        yield Finding("RC06", FAIL, words, "restart the receiver; or a proxy removes headers or the query")
        return
    used = f"last asked at about {stamp(last, app.hours.zone)}" if last else "not asked yet"
    yield Finding("RC06", OK, f"the sidebar's door {url} answers; {used}")
