"""One HTTP session for every vendor: time-outs, retries of reads, head-room, status → our errors.

A read is repeated a few times at once. A write is sent exactly once: what becomes of it when no clear
answer comes is decided by the workflow, which looks at the desk first (`UnknownOutcome`).
"""

from __future__ import annotations

import math
import re
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from http.cookiejar import DefaultCookiePolicy
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import requests
from requests.adapters import HTTPAdapter
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential
from urllib3.exceptions import NewConnectionError

from connectors.kit.decoding import answer_of, words_of
from core.errors import Conflict, Gone, NotAllowed, Refused, TryLater, UnknownOutcome, VendorError

TIMEOUT = (5.0, 30.0)  # seconds to connect, seconds to answer
READ_TRIES = 3
LONGEST_WAIT = timedelta(minutes=15)
WORDS = 600  # how much of a vendor's error text is kept

_UNUSABLE = (
    requests.exceptions.MissingSchema,
    requests.exceptions.InvalidSchema,
    requests.exceptions.InvalidURL,
    requests.exceptions.InvalidHeader,
)

OnCall = Callable[[str, str], None]  # (operation, outcome)


@dataclass(frozen=True)
class Limits:
    """How a vendor states its rate limits. Header names in lower case; `head_room` is the share left to humans."""

    remaining: str = "x-ratelimit-remaining"
    total: str = "x-ratelimit-limit"
    reset: str = ""  # seconds until the window starts again, where the vendor says
    retry_after: Sequence[str] = ("retry-after",)
    local: str = ""  # headers with this prefix state the limit of one ticket or endpoint: "total=30; remaining=0; resets=468"
    head_room: float = 0.1
    budget_per_minute: int = 0  # a fixed budget of ours; 0 = only the vendor's headers decide


@dataclass
class Pace:
    """What is known of the rate limit now. Shared by the threads of one process; processes learn it from the headers."""

    limits: Limits
    clock: Callable[[], float] = time.monotonic
    _until: float = 0.0
    _spent: list[float] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    remaining: float | None = None
    total: float | None = None

    def before(self) -> None:
        """Raise TryLater while the head-room or our own budget is used up."""
        with self._lock:
            now = self.clock()
            if now < self._until:
                raise TryLater(
                    "the desk's rate limit is used up", status=429, wait=_seconds(self._until - now)
                )
            if self.limits.budget_per_minute:
                self._spent = [t for t in self._spent if t > now - 60]
                if len(self._spent) >= self.limits.budget_per_minute:
                    wait = _seconds(self._spent[0] + 60 - now)
                    raise TryLater("our own call budget (calls_per_minute) is used up", status=429, wait=wait)
                self._spent.append(now)

    def after(self, response: requests.Response) -> None:
        """Learn from the answer's headers."""
        with self._lock:
            if response.status_code == 429:
                if not self._one_only(response):
                    self._until = self.clock() + retry_after(response, self.limits).total_seconds()
                return
            remaining = _number(response.headers.get(self.limits.remaining))
            self.total = _number(response.headers.get(self.limits.total)) or self.total
            if remaining is None:
                return
            self.remaining = remaining
            if self.total and remaining < self.total * self.limits.head_room:
                reset = _number(response.headers.get(self.limits.reset)) if self.limits.reset else None
                self._until = self.clock() + max(1.0, min(reset if reset is not None else 10.0, 60.0))

    def _one_only(self, response: requests.Response) -> bool:
        """Return whether the limit concerns one ticket or endpoint only, so that other calls may go on."""
        if not self.limits.local:
            return False
        told = [v for name, v in response.headers.items() if name.lower().startswith(self.limits.local)]
        return any(re.search(r"remaining=0\b", value) for value in told)


class DeskSession(requests.Session):
    """A requests session bound to one origin, one credential and one pace."""

    def __init__(
        self,
        base_url: str,
        *,
        authorization: Callable[[], str],
        renew: Callable[[], None] | None = None,
        limits: Limits | None = None,
        timeout: tuple[float, float] = TIMEOUT,
        on_call: OnCall | None = None,
        read_tries: int = READ_TRIES,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        super().__init__()
        self.auth = _as_it_is  # else requests would put the user's ~/.netrc over our Authorization
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))  # a vendor's web session is not ours
        self.mount("https://", HTTPAdapter(max_retries=0, pool_maxsize=16))
        self.mount("http://", HTTPAdapter(max_retries=0, pool_maxsize=16))
        self.base_url = base_url.rstrip("/")
        self.pace = Pace(limits or Limits(), clock)
        self._environment: Any = None
        self._authorization, self._renew = authorization, renew
        self._timeout, self._on_call = timeout, on_call or (lambda _operation, _outcome: None)
        self._reads = Retrying(
            stop=stop_after_attempt(read_tries),
            wait=wait_random_exponential(multiplier=0.2, max=2),
            retry=retry_if_exception_type(_ReadFailed),
            sleep=sleep,
            reraise=True,
        )

    @property
    def patience(self) -> timedelta:
        """After this long a request that we stopped waiting for has ended at the vendor."""
        return timedelta(seconds=sum(self._timeout) + 1)

    def request(self, method: str, url: str, *args: Any, **kwargs: Any) -> requests.Response:  # type: ignore[override]
        """Make a request relative to the desk's origin. Raises VendorError; redirects are never followed."""
        kwargs.setdefault("timeout", self._timeout)
        kwargs["allow_redirects"] = False
        target = self._at_home(url)
        if method.upper() in {"GET", "HEAD"}:
            return self._reads(self._once, method, target, True, args, kwargs)
        return self._once(method, target, False, args, kwargs)

    def merge_environment_settings(
        self, url: Any, *wanted: Any
    ) -> Any:  # `wanted`: proxies, stream, verify, cert
        """Return the proxies and certificates of the environment, read once: all calls go to one host, and to read them
        again takes a third of a call."""
        if wanted != ({}, None, None, None):
            return super().merge_environment_settings(url, *wanted)
        if self._environment is None:
            self._environment = super().merge_environment_settings(url, *wanted)
        return self._environment

    def _at_home(self, url: str) -> str:
        """Return the path and query of a link on our own origin, whatever host the vendor put into it."""
        if "://" not in url:
            return f"{self.base_url}/{url.lstrip('/')}"
        base, parts = urlsplit(self.base_url), urlsplit(url)
        return urlunsplit((base.scheme, base.netloc, parts.path, parts.query, ""))

    def _once(self, method: str, url: str, read: bool, args: Any, kwargs: Any) -> requests.Response:
        operation = operation_of(method, url)
        try:
            response = self._send(method, url, args, kwargs)
            if response.status_code == 401 and self._renew is not None:
                self._renew()  # a 401 means "not executed", so one repetition is safe for writes too
                response = self._send(method, url, args, kwargs)
            raise_for(response, read=read, limits=self.pace.limits)
        except VendorError as err:
            self._on_call(operation, type(err).__name__.lstrip("_").lower())
            raise
        self._on_call(operation, "ok")
        return response

    def _send(self, method: str, url: str, args: Any, kwargs: Any) -> requests.Response:
        self.pace.before()
        headers = {**(kwargs.get("headers") or {}), "Authorization": self._authorization()}
        try:
            response = super().request(method, url, *args, **{**kwargs, "headers": headers})
        except requests.exceptions.RequestException as err:
            raise _no_answer(err, read=method.upper() in {"GET", "HEAD"}) from err
        self.pace.after(response)
        return response


def _as_it_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


class _ReadFailed(TryLater):
    """A read that may be repeated at once."""


def _no_answer(err: requests.exceptions.RequestException, *, read: bool) -> VendorError:
    words = f"no answer from the desk ({type(err).__name__})"
    if isinstance(err, _UNUSABLE):
        return Refused(f"the address cannot be used ({type(err).__name__}): is base_url an http(s) origin?")
    if read:
        return _ReadFailed(words)
    return TryLater(words) if never_sent(err) else UnknownOutcome(words)


def never_sent(err: requests.exceptions.RequestException) -> bool:
    """Return whether no connection was made: refused, timed out while connecting, or no such host."""
    cause = err.args[0] if err.args else None
    no_connection = isinstance(getattr(cause, "reason", cause), NewConnectionError)
    return no_connection or isinstance(err, requests.exceptions.ConnectTimeout)


def raise_for(response: requests.Response, *, read: bool, limits: Limits) -> None:
    """Raise the error that an HTTP status stands for; 2xx and 3xx pass. No other place maps statuses."""
    status = response.status_code
    if status < 400:
        return
    words = f"HTTP {status}: {words_of(response, WORDS)}"
    if status == 429:
        raise TryLater(words, status=status, wait=retry_after(response, limits))
    if status >= 500 or status == 408:
        if not read:
            raise UnknownOutcome(words, status=status)
        if "retry-after" in response.headers:
            raise TryLater(words, status=status, wait=retry_after(response, limits))
        raise _ReadFailed(words, status=status)
    table: dict[int, type[VendorError]] = {
        401: NotAllowed,
        403: NotAllowed,
        404: Gone,
        409: Conflict,
        410: Gone,
    }
    raise table.get(status, Refused)(words, status=status)


def json_of(response: requests.Response, remedy: str) -> Any:
    """Return an answer's JSON. A page that is none (a proxy's) is a failed read: TryLater. Raises Refused for a redirect."""
    stay_home(response, remedy)
    try:
        return answer_of(response)
    except ValueError as err:
        raise TryLater("the desk answered something that is no JSON", status=response.status_code) from err


def stay_home(response: requests.Response, remedy: str) -> None:
    """Raise Refused for a redirect: the address is not the account's own, and nothing was read or written."""
    if 300 <= response.status_code < 400:
        where = response.headers.get("location", "nowhere")[:200]
        raise Refused(f"redirected to {where}: {remedy}", status=response.status_code)


def retry_after(response: requests.Response, limits: Limits) -> timedelta:
    """Return the wait that the vendor asks for: at least one second (0 and none have been seen), at most fifteen minutes."""
    given = [_number(response.headers.get(name)) for name in limits.retry_after]
    seconds = next((n for n in given if n is not None), 30.0)
    return min(_seconds(seconds), LONGEST_WAIT)


def operation_of(method: str, url: str) -> str:
    """Return a short stable name of a call for metrics, without ids."""
    path = re.sub(r"/v\d+/", "/", urlsplit(url).path)
    path = re.sub(r"/[0-9A-Z-]*\d[0-9A-Za-z-]*", "/:id", path).removesuffix(".json")
    return f"{method.upper()} {path.removeprefix('/api')}"


def _number(text: str | None) -> float | None:
    try:
        number = float(text) if text is not None else None
    except ValueError:
        return None
    return number if number is None or math.isfinite(number) else None


def _seconds(seconds: float) -> timedelta:
    return timedelta(seconds=max(1.0, seconds))
