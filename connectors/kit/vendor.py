"""What a vendor's folder offers to the rest of the program: one `Vendor` in its `vendor.py`, whose parts mypy checks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, Protocol, TypeVar

from connectors.kit.http import DeskSession, OnCall
from connectors.kit.provision import Keep, Manifest, Site, Step
from connectors.kit.settings import DeskSettings
from core.model import Action, Finding, SidebarRequest, WebhookRequest
from core.ports import HelpDesk, Token, TokenStore

Clock = Callable[[], datetime]
S = TypeVar("S", bound=DeskSettings)
In_contra = TypeVar("In_contra", bound=DeskSettings, contravariant=True)


class MakesSession(Protocol[In_contra]):
    """`connector.py: make_session`."""

    def __call__(
        self,
        settings: In_contra,
        tokens: TokenStore,
        clock: Clock,
        on_call: OnCall | None = None,
        *,
        desk: str = "",
        admin: bool = False,
    ) -> DeskSession:
        """Return a session at the desk; `admin`: with the installer's credential where a vendor keeps them apart."""


class Install(Protocol[S]):
    """`install/provision.py`: what Backstop needs in an account is planned, made, removed and checked."""

    def plan(self, site: Site[S]) -> list[Step]:
        """Return one step per object, and change nothing."""

    def install(self, site: Site[S], keep: Keep) -> tuple[Manifest, list[Step]]:
        """Make what is missing; call `keep` with the manifest after each object."""

    def uninstall(self, site: Site[S], *, dry: bool = False) -> list[Step]:
        """Remove what the manifest names."""

    def doctor(self, site: Site[S]) -> list[Finding]:
        """Return what is wrong with what `install` made."""


class Connect(Protocol[In_contra]):
    """`install/connect.py`, where a connection is made in the browser."""

    def authorize_url(self, settings: In_contra, *, redirect_uri: str, state: str, verifier: str) -> str:
        """Return the vendor's page that asks for consent."""

    def exchange(
        self, settings: In_contra, *, code: str, redirect_uri: str, verifier: str, now: datetime
    ) -> Token:
        """Exchange the code that came back for a token. Raises NotAllowed."""


class Sidebar(Protocol[In_contra]):
    """`sidebar.py`, where a vendor's sidebar asks our server with a signed request."""

    def asked(self, settings: In_contra, request: WebhookRequest, query: str) -> SidebarRequest:
        """Return who looks at which ticket. Raises BadSignature, BadPayload."""

    @property
    def FRAMES(self) -> str:  # noqa: N802 - a constant of the module
        """The origins that may frame our page, for its Content-Security-Policy."""

    def answer(self, html: str) -> dict[str, str]:
        """Return what the vendor's older kind of app expects around the page."""

    def people(self, settings: In_contra, session: DeskSession) -> dict[str, str]:
        """Return the agents' addresses by id."""

    def probe(self, secret: str) -> tuple[WebhookRequest, str]:
        """Return a genuine question without a ticket, and its query."""


@dataclass(frozen=True)
class Vendor(Generic[S]):
    """The parts of one vendor's folder."""

    settings: type[S]  # the class of one `[desks.<name>]` table
    desk: Callable[[str, S, DeskSession, Clock], HelpDesk]  # (name, settings, session, clock) → the desk
    supports: frozenset[type[Action]]  # what it can carry out
    session: MakesSession[S]
    install: Install[S]
    probe: Callable[[str, datetime], WebhookRequest]  # (secret, now) → a genuine request that reports nothing
    # a webhook that is off; None: the vendor has no call for it
    switch_on: Callable[[Site[S]], Step] | None = None
    connect: Connect[S] | None = None  # None: there are only keys
    sidebar: Sidebar[S] | None = None  # None: the vendor's sidebar asks nothing of our server

    def make(self, name: str, settings: S, *, tokens: TokenStore, clock: Clock, on_call: OnCall) -> HelpDesk:
        """Return the desk `name`, with a session of its own."""
        return self.desk(name, settings, self.session(settings, tokens, clock, on_call, desk=name), clock)

    def site(
        self,
        settings: S,
        session: DeskSession,
        *,
        desk: str,
        public_url: str,
        manifest: Manifest,
        intents: tuple[str, ...] = (),
    ) -> Site[S]:
        """Return what the functions of `install` and `switch_on` are called with."""
        return Site(settings, session, desk, public_url, manifest, intents)
