"""The play: events happen to people, mails arrive, people respond; time moves from one due moment to the next."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

import httpx

from nps_connect.app.web_backend import ApplicationWebBackend
from nps_connect.proof.asgi_transport import AsgiTransport
from nps_connect.proof.cast import Player
from nps_connect.proof.twin import Twin
from nps_connect.proof.work_loop import WorkLoop
from nps_connect.records.contacts import Contact
from nps_connect.records.events import Event, fact_key
from nps_connect.records.messages import Message
from nps_connect.sandbox.customers import Browser, PersonalLinks, respond_to_mail
from nps_connect.sandbox.mail import ReceivedMail, find_links
from nps_connect.sandbox.pages import UnexpectedPage
from nps_connect.services.intake.store_events import store_events
from nps_connect.web.app import create_app

TICK = timedelta(hours=1)
"""Smallest step of the time: what is due within it is done together."""

IDLE_TICKS = 2
"""Ticks after the last work in which deliveries in doubt are looked up."""

MAX_FIRST_POLLS = 6
"""Tries of the first poll of each connection: a quota may allow none at first."""

POLLS_PER_CHANGE = 8
"""Polls after a change at a vendor in which it is reported, although some fail and vendors report late."""

MAX_IDLE_HOPS = 50
"""Moments without work after which a play ends: something is due that cannot be done."""

EVENT_WAIT, OPT_OUT_WAIT = timedelta(minutes=1), timedelta(minutes=31)
UNSUBSCRIBE_WAIT = timedelta(hours=1)
HORIZON = timedelta(days=400)
"""End of the play: longer than every delay of a sound configuration."""

ONE_CLICK = {"List-Unsubscribe": "One-Click"}
"""What mail programs post to unsubscribe (RFC 8058, 3.2)."""


@dataclass
class PlayLog:
    """What happened on the way, besides what the ledger and the vendors hold.

    Attributes:
        no_event: numbers of people to whom the vendor could not let the event happen.
        refused_webhooks: status of the answer to a webhook, by connection.
        page_problems: what was wrong with a page, by number of the person.
        opted_out_at: when a person opted out or unsubscribed, by number.
    """

    no_event: set[int] = field(default_factory=set)
    refused_webhooks: dict[str, int] = field(default_factory=dict)
    page_problems: dict[int, str] = field(default_factory=dict)
    opted_out_at: dict[int, datetime] = field(default_factory=dict)


def play(twin: Twin, players: list[Player]) -> PlayLog:
    """Play people through a twin until nothing is left to do; return what happened."""
    app = create_app(ApplicationWebBackend(twin.application.ctx), clock=twin.clock)
    with AsgiTransport(app) as transport, httpx.Client(transport=transport) as client:
        log = _Play(twin, players, client).run()
        transport.run(app.site.close)
    return log


class _Play:
    def __init__(self, twin: Twin, players: list[Player], client: httpx.Client) -> None:
        self._twin, self._ctx, self._players, self._client = twin, twin.application.ctx, players, client
        self._log = PlayLog()
        self._browser = Browser(client)
        self._by_email = {player.email: player for player in players}
        self._loop = WorkLoop(twin.application)
        self._steps: list[tuple[datetime, int, Callable[[], None]]] = []
        self._step_count = 0
        self._seen_items = 0
        self._polled_until = twin.clock()

    def run(self) -> PlayLog:
        self._populate()
        self._poll_first()
        self._twin.inject_faults()
        start = self._twin.clock()
        for player in self._players:
            if player.role == "opted_out":
                self._log.opted_out_at[player.number] = start
            self._schedule(EVENT_WAIT, partial(self._start_event, player))
            if player.role == "opts_out_before_mail":
                self._schedule(OPT_OUT_WAIT, partial(self._opt_out, player))
        idle_ticks = 0
        while True:
            idle_ticks = 0 if self._run_due() else idle_ticks + 1
            if self._twin.clock() < self._polled_until:
                self._twin.clock.advance_to(self._twin.clock() + self._loop.poll_interval)
                continue
            tick, next_at = self._twin.clock() + TICK, self._next_moment()
            if idle_ticks < IDLE_TICKS and self._loop.has_in_doubt():
                next_at = tick
            if next_at is None or next_at > start + HORIZON or idle_ticks > MAX_IDLE_HOPS:
                return self._log
            self._twin.clock.advance_to(max(next_at, tick))

    def _poll_first(self) -> None:
        """Let each polled connection begin: it reports only what happens after its first poll."""
        for _ in range(MAX_FIRST_POLLS):
            self._loop.run_due(with_polls=True)
            if self._loop.has_first_polls():
                return
            self._twin.clock.advance_to(self._twin.clock() + self._loop.poll_interval)

    def _next_moment(self) -> datetime | None:
        moments = [self._loop.next_due(), self._steps[0][0] if self._steps else None]
        return min((moment for moment in moments if moment is not None), default=None)

    def _run_due(self) -> bool:
        """Do everything that is due now; return whether there was anything."""
        has_worked = False
        while True:
            steps = 0
            while self._steps and self._steps[0][0] <= self._twin.clock():
                heapq.heappop(self._steps)[2]()
                steps += 1
            done = self._loop.run_due(with_polls=self._twin.clock() <= self._polled_until)
            self._read_mail()
            if not steps and not done:
                return has_worked
            has_worked = True

    def _schedule(self, wait: timedelta, step: Callable[[], None]) -> None:
        self._step_count += 1
        heapq.heappush(self._steps, (self._twin.clock() + wait, self._step_count, step))

    def _populate(self) -> None:
        """Add each person to the account of their trigger and to those of other vendors.

        Another account of the same vendor does not know them.
        """
        connections = self._ctx.connections

        def knows(name: str, source: str) -> bool:
            return name == source or connections[name].settings.plugin != connections[source].settings.plugin

        for name, vendor in self._twin.vendors.items():
            vendor.populate([player.customer.person for player in self._players if knows(name, player.trigger.source)])

    def _start_event(self, player: Player) -> None:
        source, kind = player.trigger.source, player.trigger.on
        vendor = self._twin.vendors.get(source)
        if vendor is None:
            self._store_event(player)
            return
        self._polled_until = self._twin.clock() + POLLS_PER_CHANGE * self._loop.poll_interval
        facts = vendor.simulate_event(kind, player.email, player.fields)
        if not facts:
            self._log.no_event.add(player.number)
        if self._ctx.connections[source].settings.events != "webhook":
            return
        url = f"{self._ctx.settings.core.url}/hooks/{source}"
        for webhook in vendor.webhooks(facts, url):
            status = self._client.post(url, content=webhook.body, headers=dict(webhook.headers)).status_code
            if status >= 300:
                self._log.refused_webhooks[source] = status

    def _store_event(self, player: Player) -> None:
        """Store the event of a connection without a simulated vendor, completed with its contact."""
        person, now, source = player.customer.person, self._twin.clock(), player.trigger.source
        contact = Contact(
            connection=source,
            id=f"person-{player.number}",
            email=person.email,
            name=person.name,
            language=person.language,
            opted_out=person.opted_out,
        )
        event = Event(
            key=fact_key(player.trigger.on, contact.id, now),
            kind=player.trigger.on,
            object_id=contact.id,
            occurred_at=now,
            contacts=(contact,),
            fields=dict(player.fields),
        )
        with self._ctx.ledger.write() as session:
            store_events(self._ctx, session, source, [event], source="manual")

    def _opt_out(self, player: Player) -> None:
        vendor = self._twin.vendors.get(player.trigger.source)
        if vendor is not None:
            vendor.opt_out(player.email)
            self._polled_until = self._twin.clock() + POLLS_PER_CHANGE * self._loop.poll_interval
            self._log.opted_out_at[player.number] = self._twin.clock()

    def _read_mail(self) -> None:
        """Let people notice the mails that have arrived since the last look."""
        new, self._seen_items = self._twin.outbox.sent[self._seen_items :], len(self._twin.outbox.sent)
        for sent in new:
            message = sent.item
            player = self._by_email.get(message.to.email) if isinstance(message, Message) else None
            if player is None or not isinstance(message, Message):
                continue
            mail = _received(message, sent.at)
            if message.kind == "review_invitation":
                self._visit(player, partial(self._open_review, mail))
            elif message.kind == "survey" and player.role == "respondent":
                self._schedule(player.response_wait, partial(self._visit, player, partial(self._respond, player, mail)))
            elif message.kind == "survey" and player.role == "unsubscribes":
                self._schedule(
                    UNSUBSCRIBE_WAIT, partial(self._visit, player, partial(self._unsubscribe, player, message))
                )

    def _visit(self, player: Player, act: Callable[[], None]) -> None:
        """Let a person use a page, and record what is wrong with it."""
        try:
            act()
        except (UnexpectedPage, httpx.HTTPError) as error:
            self._log.page_problems.setdefault(player.number, str(error))

    def _respond(self, player: Player, mail: ReceivedMail) -> None:
        respond_to_mail(player.customer, mail, PersonalLinks(self._ctx.settings.core.url), self._browser)

    def _unsubscribe(self, player: Player, message: Message) -> None:
        response = self._client.post(message.unsubscribe_url or "", data=ONE_CLICK)
        if not response.is_success:
            raise UnexpectedPage(f"the unsubscribe link returned {response.status_code}")
        self._log.opted_out_at[player.number] = self._twin.clock()

    def _open_review(self, mail: ReceivedMail) -> None:
        link = PersonalLinks(self._ctx.settings.core.url).review(mail)
        if link is None:
            raise UnexpectedPage("the review mail has no review link")
        response = self._client.get(link)
        if not response.is_redirect:
            raise UnexpectedPage(f"the review link returned {response.status_code}")


def _received(message: Message, at: datetime) -> ReceivedMail:
    """Return a message as the sandbox's customers read mail."""
    return ReceivedMail(
        number=0,
        received_at=at,
        sender="",
        to=(message.to.email,),
        subject=message.subject,
        headers=(),
        text=message.text,
        html=message.html or "",
        links=find_links(message.html or "", message.text),
    )
