"""Classifiers behind HTTP: any service that answers with intent and confidence, or an OpenAI-compatible chat endpoint.

Each call has a time-out and goes through a circuit breaker; what fails is `TryLater`, never a guess. `with_fallback` turns that
into the embedded classifier's answer, so an outage of somebody else's service never silences us.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pybreaker
import requests

from core.classify.chat import read_answer, request_body
from core.classify.masking import mask
from core.classify.trust import Trust
from core.errors import TryLater, said_of
from core.model import NO_INTENT, Guess, Prediction
from core.ports import Classifier, Guesser

log = logging.getLogger(__name__)

FAILURES, REST = 5, 60
ALTERNATIVES = 3
TEXT_LIMIT = 4_000
ANSWER_LIMIT = 256 * 1024
Price = tuple[float, float]  # per 1,000 tokens sent, received
FREE: Price = (0.0, 0.0)
FULL = Trust()  # the claim as it stands


@dataclass(frozen=True)
class Call:
    """One question to an outside service, for the counters: tokens are 0 where the service does not tell."""

    model: str
    seconds: float
    outcome: str  # ok, failed, or resting: not asked, because it failed too often just now
    tokens_in: int = 0
    tokens_out: int = 0
    cost: float = 0.0


@dataclass(frozen=True)
class Shape:
    """Where the text goes in the request and where the guess stands in the answer (dots lead into objects)."""

    text: str = "text"
    intent: str = "intent"
    confidence: str = "confidence"
    alternatives: str = "alternatives"
    extra: Mapping[str, object] = field(default_factory=dict)  # sent along unchanged


@dataclass(frozen=True)
class Transport:
    """How to reach the service: one try with a time-out behind a circuit breaker."""

    url: str
    timeout: float = 3.0
    headers: Mapping[str, str] = field(default_factory=dict)
    failures: int = FAILURES
    rest: float = REST
    on_call: Callable[[Call], None] | None = None

    def __post_init__(self) -> None:
        breaker = pybreaker.CircuitBreaker(
            fail_max=self.failures,
            reset_timeout=self.rest,
            name=self.url,
            throw_new_error_on_trip=False,  # the failure that trips it is told as it was
        )
        object.__setattr__(self, "breaker", breaker)

    @property
    def host(self) -> str:
        """Where it is asked, without what may be a key in its address."""
        return urlsplit(self.url).hostname or self.url

    def post(self, body: Mapping[str, object]) -> Any:
        """Return the answer's JSON. Raises TryLater for whatever goes wrong."""
        try:
            return self.breaker.call(self._once, body)  # type: ignore[attr-defined]
        except pybreaker.CircuitBreakerError as error:
            wait = timedelta(seconds=self.rest)
            raise TryLater(f"the classifier at {self.host} is paused after failures", wait=wait) from error
        except (requests.RequestException, ValueError) as error:
            raise TryLater(
                f"the classifier at {self.host} did not answer: {_said(error)}", status=_status(error)
            ) from error

    def _once(self, body: Mapping[str, object]) -> Any:
        with requests.post(
            self.url,
            json=body,
            headers=dict(self.headers),
            timeout=self.timeout,
            stream=True,
            allow_redirects=False,
        ) as answer:
            answer.raise_for_status()
            return json.loads(_bounded(answer, time.monotonic() + self.timeout))


def _bounded(answer: requests.Response, deadline: float) -> bytes:
    """Return the body, neither too large nor trickling for ever: the library's time-out counts per read."""
    body = b""
    for chunk in answer.iter_content(8192):
        body += chunk
        if len(body) > ANSWER_LIMIT or time.monotonic() > deadline:
            raise ValueError("the answer is too large or too slow")
    return body


def _said(error: Exception) -> str:
    status = _status(error)
    return f"HTTP {status}" if status else said_of(error)


def _status(error: Exception) -> int:
    response = getattr(error, "response", None)
    return int(response.status_code) if response is not None else 0


class HttpClassifier:
    """`POST {"text": …}` to a service that answers `{"intent", "confidence", "alternatives"?}`."""

    def __init__(
        self,
        transport: Transport,
        *,
        shape: Shape | None = None,
        trust: Trust = FULL,
        model: str = "http",
        price: Price = FREE,
    ) -> None:
        self.transport, self.shape, self.trust, self.model, self.price = (
            transport,
            shape or Shape(),
            trust,
            model,
            price,
        )

    def predict(self, text: str) -> Prediction:
        """Return the service's guess, calibrated. Raises TryLater when it does not answer sensibly."""
        body = _placed(self.shape.text, text[:TEXT_LIMIT], self.shape.extra)
        return asked(
            self.transport,
            self.model,
            body,
            lambda answer: understood(answer, self.shape, self.model, self.trust),
            self.price,
        )


def asked(
    transport: Transport,
    model: str,
    body: Mapping[str, object],
    read: Callable[[Any], Prediction],
    price: Price,
) -> Prediction:
    """Return what `read` makes of the answer; the counters hear of the call, and of an answer that makes no sense as
    a failure."""
    begin, answer, outcome = time.monotonic(), None, "failed"
    try:
        answer = transport.post(body)
        found = read(answer)
        outcome = "ok"
    except TryLater as error:
        if isinstance(error.__cause__, pybreaker.CircuitBreakerError):
            outcome = "resting"
        raise
    finally:
        if transport.on_call:
            sent, received = _usage(answer)  # an answer that makes no sense is paid for all the same
            cost = (sent * price[0] + received * price[1]) / 1000
            transport.on_call(Call(model, time.monotonic() - begin, outcome, sent, received, cost))
    return found


def _usage(answer: Any) -> tuple[int, int]:
    usage = answer.get("usage") if isinstance(answer, dict) else None
    usage = usage if isinstance(usage, dict) else {}
    found = [usage.get(key) for key in ("prompt_tokens", "completion_tokens")]
    sent, received = (value if isinstance(value, int) else 0 for value in found)
    return sent, received


def understood(answer: Any, shape: Shape, model: str, trust: Trust) -> Prediction:
    """Return a service's answer as a prediction; TryLater when it is no such answer."""
    intent, confidence = _at(answer, shape.intent), _number(_at(answer, shape.confidence))
    if confidence is None or not (intent is None or isinstance(intent, str)):
        raise TryLater(f"the classifier {model} answered without {shape.intent} and {shape.confidence}")
    sure = trust(confidence)
    others = _at(answer, shape.alternatives)
    rows = others if isinstance(others, list) else []
    guesses = tuple(g for g in (_guess(row, sure) for row in rows) if g and g.intent != intent)
    best_first = sorted(guesses, key=lambda guess: -guess.confidence)[:ALTERNATIVES]
    return Prediction(intent or NO_INTENT, sure, tuple(best_first), model)


def _guess(row: object, most: float) -> Guess | None:
    if not isinstance(row, dict):
        return None
    intent, confidence = row.get("intent"), _number(row.get("confidence"))
    return (
        Guess(intent, min(confidence, most)) if isinstance(intent, str) and confidence is not None else None
    )


def _number(value: object) -> float | None:
    """Return a probability; bool, NaN and numbers outside 0 to 1 are none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 <= value <= 1 else None


def _at(answer: Any, path: str) -> Any:
    for key in path.split("."):
        if isinstance(answer, list) and key.isdigit() and int(key) < len(answer):
            answer = answer[int(key)]
        elif isinstance(answer, dict):
            answer = answer.get(key)
        else:
            return None
    return answer


def _placed(path: str, text: str, extra: Mapping[str, object]) -> dict[str, object]:
    *outer, last = path.split(".")
    body: dict[str, object] = dict(extra)
    place = body
    for key in outer:
        inner = place.get(key)
        place[key] = place = dict(inner) if isinstance(inner, dict) else {}  # never write into the settings
    place[last] = text
    return body


class ChatClassifier:
    """An OpenAI-compatible chat endpoint held to a fixed list of intents by structured output."""

    def __init__(
        self,
        transport: Transport,
        model: str,
        intents: Mapping[str, str],
        *,
        trust: Trust = FULL,
        price: Price = FREE,
        names: Sequence[str] = (),
    ) -> None:
        self.transport, self.name, self.intents = transport, model, dict(intents)
        self.model, self.trust, self.price, self.names = f"openai:{model}", trust, price, tuple(names)

    def predict(self, text: str) -> Prediction:
        """Return the model's guess, calibrated. Raises TryLater when it does not keep to the form."""
        body = request_body(self.name, self.intents, mask(text[:TEXT_LIMIT], self.names))
        return asked(
            self.transport,
            self.model,
            body,
            lambda answer: understood(read_answer(answer, self.intents), Shape(), self.model, self.trust),
            self.price,
        )


class Fallback(Classifier):
    """Asks `primary`; answers with `embedded` whenever that cannot. Each prediction names the model that made it."""

    def __init__(self, primary: Guesser, embedded: Classifier) -> None:
        self.primary, self.embedded, self.model = primary, embedded, primary.model

    def predict(self, text: str) -> Prediction:
        """Return the primary's answer, or the embedded classifier's; never raises because of the primary."""
        try:
            return self.primary.predict(text)
        except Exception as error:  # whatever is wrong out there, the ticket must be read
            log.warning("outside classifier failed, the embedded one answers: %s", said_of(error))
            return self.embedded.predict(text)

    def suspects(self, text: str) -> tuple[Guess, ...]:
        """Return the embedded classifier's: an outside one is asked once for each message."""
        return self.embedded.suspects(text)


def with_fallback(primary: Guesser, embedded: Classifier) -> Classifier:
    """`primary`, with the embedded classifier behind it: never silence."""
    return Fallback(primary, embedded)
