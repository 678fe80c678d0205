"""What a vendor's folder offers to the rest of the program. mypy holds every vendor to it, see `connectors/__init__.py`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, Protocol

from connectors.kit.http import DeskSession, OnCall
from connectors.kit.provision import Keep, Manifest, Step
from connectors.kit.settings import DeskSettings
from core.model import Finding, SidebarRequest, WebhookRequest
from core.ports import HelpDesk, Token, TokenStore

Clock = Callable[[], datetime]


class Connector(Protocol):
    """`connector.py`."""

    @property
    def Settings(self) -> type[DeskSettings]:  # noqa: N802 - a class of the module
        """The class of one `[desks.<name>]` table."""

    def make(
        self, name: str, settings: Any, *, tokens: TokenStore, clock: Clock, on_call: OnCall
    ) -> HelpDesk:
        """Return the desk `name`."""

    def make_session(
        self,
        settings: Any,
        tokens: TokenStore,
        clock: Clock,
        on_call: OnCall | None = None,
        *,
        desk: str = "",
        admin: bool = False,
    ) -> DeskSession:
        """Return a session at the desk; `admin`: with the installer's credential where a vendor keeps them apart."""


class Provision(Protocol):
    """`install/provision.py`: what Backstop needs in an account is planned, made, removed and checked."""

    def plan(
        self,
        settings: Any,
        session: DeskSession,
        *,
        public_url: str,
        desk: str,
        manifest: Manifest,
        intents: Iterable[str],
    ) -> list[Step]:
        """Return one step per object, and change nothing."""

    def install(
        self,
        settings: Any,
        session: DeskSession,
        *,
        public_url: str,
        desk: str,
        manifest: Manifest,
        intents: Iterable[str],
        keep: Keep,
    ) -> tuple[Manifest, list[Step]]:
        """Make what is missing; call `keep` with the manifest after each object."""

    def uninstall(
        self, settings: Any, session: DeskSession, *, manifest: Manifest, dry: bool = False
    ) -> list[Step]:
        """Remove what the manifest names."""

    def doctor(
        self, settings: Any, session: DeskSession, *, public_url: str, desk: str, manifest: Manifest
    ) -> list[Finding]:
        """Return what is wrong with what `install` made."""


class RepairsWebhook(Protocol):
    """`install/provision.py` where the vendor lets us switch a webhook on again."""

    def ensure_hook(
        self, session: DeskSession, settings: Any, public_url: str, desk: str, manifest: Manifest
    ) -> Step | None:
        """Switch the webhook on when it is off."""


class Events(Protocol):
    """`events.py`."""

    def probe(self, secret: str, now: datetime, /) -> WebhookRequest:
        """Return a genuine request that reports nothing: `doctor` sends it to our own receiver."""


class Connect(Protocol):
    """`install/connect.py`, where a connection is made in the browser."""

    def authorize_url(self, settings: Any, *, redirect_uri: str, state: str, verifier: str) -> str:
        """Return the vendor's page that asks for consent."""

    def exchange(self, settings: Any, *, code: str, redirect_uri: str, verifier: str, now: datetime) -> Token:
        """Exchange the code that came back. Raises NotAllowed."""


class Sidebar(Protocol):
    """`sidebar.py`, where a vendor's sidebar asks our server with a signed request."""

    def asked(self, settings: Any, request: WebhookRequest, query: str, /) -> SidebarRequest:
        """Return who looks at which ticket. Raises BadSignature, BadPayload."""

    @property
    def FRAMES(self) -> str:  # noqa: N802 - a constant of the module
        """The origins that may frame our page, for its Content-Security-Policy."""

    def answer(self, html: str) -> dict[str, str]:
        """Return what the vendor's older kind of app expects around the page."""

    def people(self, settings: Any, session: DeskSession) -> dict[str, str]:
        """Return the agents' addresses by id."""

    def probe(self, secret: str) -> tuple[WebhookRequest, str]:
        """Return a genuine question without a ticket, and its query."""
