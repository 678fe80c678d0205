"""Webhooks of a fake: posted at once, or held back so that a test may drop, double and reorder them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import requests


@dataclass(frozen=True)
class Delivery:
    """One request that the vendor would make."""

    body: bytes
    headers: dict[str, str]
    label: str = ""  # the vendor's name of the event, for tests


def _direct() -> requests.Session:
    """Return a session that asks no proxy: who listens is on this machine."""
    session = requests.Session()
    session.trust_env = False
    return session


@dataclass
class Hooks:
    """`url` "" = no webhook installed. `hold`: keep deliveries in `held` until `release`."""

    url: str = ""
    hold: bool = False
    retry: bool = True  # try again once on a refusal that asks for it (409, 429, 503)
    held: list[Delivery] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)  # 0 = nobody answered
    enabled: bool = True

    def post(self, delivery: Delivery) -> int | None:
        """Deliver now, or hold; return the status, 0 without an answer, None when not sent."""
        if not self.url or not self.enabled:
            return None
        if self.hold:
            self.held.append(delivery)
            return None
        status = self._once(delivery)
        if self.retry and status in {0, 409, 429, 503}:
            status = self._once(delivery)
        self.answers.append(status)
        return status

    def release(self, order: Callable[[list[Delivery]], list[Delivery]] = lambda held: held) -> None:
        """Deliver what was held, as `order` puts it (it may drop, double and shuffle)."""
        waiting, self.held, self.hold = self.held, [], False
        for delivery in order(waiting):
            self.post(delivery)

    def _once(self, delivery: Delivery) -> int:
        try:
            with _direct() as session:
                return session.post(
                    self.url, data=delivery.body, headers=delivery.headers, timeout=10, allow_redirects=False
                ).status_code
        except requests.RequestException:
            return 0
