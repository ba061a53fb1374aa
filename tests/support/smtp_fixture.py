"""An application that sends mail by SMTP and serves its pages on loopback; requests are counted."""

from __future__ import annotations

import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import uvicorn
from sqlalchemy import func, select
from starlette.responses import HTMLResponse
from support.application import ApplicationHarness
from support.clock import ManualClock

from nps_connect.builtin import email
from nps_connect.ledger.ledger import Ledger
from nps_connect.ledger.tables import PageViewRow
from nps_connect.records.pages import SurveyPage, SurveyPageRequest
from nps_connect.sandbox.mail import ReceivedMail
from nps_connect.sandbox.mailbox import SandboxMailbox
from nps_connect.settings.origins import ReferencedText
from nps_connect.web.app import create_app

EVENTS_PER_WEBHOOK = 100
SETTLE_TIMEOUT_SECONDS = 30.0
FOLLOW_UPS = [
    {
        "name": "reason",
        "on": "detractor",
        "question": {"fr": "Quelle en est la raison ?", "en": "What is the reason?"},
        "choices": {"fr": ["Le délai", "Le prix"], "en": ["The delay", "The price"]},
    },
    {"name": "better", "on": ["passive", "detractor"], "question": {"fr": "Quoi d’autre ?", "en": "What else?"}},
]


class RecordingMailbox(SandboxMailbox):
    """A mailbox whose scanner sees each mail before the SMTP server accepts it."""

    def __init__(self) -> None:
        super().__init__()
        self.scan: Callable[[ReceivedMail], None] = lambda _mail: None

    def accept(self, sender: str, to: tuple[str, ...], content: bytes, *, authenticated: bool) -> None:
        """Store one mail and pass it to the scanner."""
        super().accept(sender, to, content, authenticated=authenticated)
        self.scan(self.mails()[-1])


class CountingMiddleware:
    """Counts requests; also serves a page that stands for an external privacy notice."""

    def __init__(self, app) -> None:
        self._app = app
        self.calls: Counter[tuple[str, str]] = Counter()
        self.prefetched = 0

    async def __call__(self, scope, receive, send) -> None:
        if scope["type"] == "http":
            self.calls[scope["method"], scope["path"][:3]] += 1
            self.prefetched += any(b"prefetch" in value for name, value in scope["headers"] if b"purpose" in name)
            if scope["path"] == "/privacy":
                await HTMLResponse("<h1>How others handle your data</h1>")(scope, receive, send)
                return
        await self._app(scope, receive, send)

    def count(self, *methods: str, path: str = "/") -> int:
        """Return the number of requests with these methods below the path."""
        return sum(
            number for (method, start), number in self.calls.items() if method in methods and start.startswith(path)
        )


class SmtpApplicationHarness(ApplicationHarness):
    """An application with a real SMTP channel; see `smtp_application`."""

    rounds = 10_000  # a queue sends a few mails in each round, and there are a thousand
    gateway: RecordingMailbox
    watched: CountingMiddleware

    def invite(self, numbers: range) -> list[ReceivedMail]:
        """Send surveys to these people, starting from the webhook; returns the received mails."""
        for number in numbers:
            self.crm.knows(str(number), f"p{number}@example.com", language=("fr", "en")[number % 2])
        before = len(self.gateway.mails())
        for start in range(0, len(numbers), EVENTS_PER_WEBHOOK):
            self.webhook(*(self.won(str(number)) for number in numbers[start : start + EVENTS_PER_WEBHOOK]))
        self.run()
        self.clock.forward("3d")
        self.run()
        return self.gateway.mails()[before:]

    def token_of(self, number: int) -> str:
        """Return a person's survey token."""
        mail = self.gateway.mails(f"p{number}@example.com")[0]
        return urlsplit(mail.links[0]).path.rpartition("/")[2]

    def page_of(self, number: int) -> SurveyPage:
        """Return a person's survey page without recording a page view."""
        return self.backend.build_survey_pages([SurveyPageRequest(self.token_of(number), self.visit())])[0]

    def advance_days(self, number: int) -> None:
        """Advance the clock day by day and process due work."""
        for _ in range(number):
            self.clock.forward("1d")
            self.run()

    def wait_for_page_views(self) -> int:
        """Wait until every request for a survey page is recorded; returns their number."""
        deadline = time.monotonic() + SETTLE_TIMEOUT_SECONDS
        while (recorded := self._count_page_views()) != (
            requested := self.watched.count("GET", "HEAD", "POST", path="/s/")
        ):
            assert time.monotonic() < deadline, f"{requested} requests, {recorded} page views recorded"
            time.sleep(0.05)
        return recorded

    def _count_page_views(self) -> int:
        with self.ledger.read() as session:
            query = select(func.count()).where(PageViewRow.purpose == "survey", PageViewRow.address.is_not(None))
            return session.execute(query).scalar_one()


@contextmanager
def smtp_application(ledger: Ledger, clock: ManualClock) -> Iterator[SmtpApplicationHarness]:
    """Start the application, its mailbox and its web server; stop them afterwards."""
    gateway = RecordingMailbox()
    gateway.start()
    listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
    base_url, external_url = (f"http://127.0.0.1:{listener.getsockname()[1]}" for listener in listeners)
    application = SmtpApplicationHarness(
        ledger,
        clock,
        {
            "core": {"public_url": base_url, "privacy_notice_url": f"{external_url}/privacy"},
            "connections": {
                "mail": {
                    "plugin": "email",
                    "smtp_url": ReferencedText(gateway.smtp_url, "the test"),
                    "sender": "Exemple SA <care@example.com>",
                    "reply_to": "care@example.com",
                }
            },
            "surveys": {"after-purchase": {"reminder_after": "4d", "reminders": 1, "follow_ups": FOLLOW_UPS}},
            "limits": {"surveys_per_day": 100_000, "unusual": 100_000},
        },
        email=email,
    )
    application.gateway, application.watched = gateway, CountingMiddleware(create_app(application.backend, clock=clock))
    config = uvicorn.Config(
        application.watched, access_log=False, log_level="warning", ws="none", timeout_keep_alive=600
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": listeners}, daemon=True)
    thread.start()
    try:
        yield application
    finally:
        server.should_exit = True
        thread.join(10)
        for listener in listeners:
            listener.close()
        gateway.stop()
