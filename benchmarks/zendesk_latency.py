"""Time from the due time of a detractor's ticket until it exists, in an idle product of one process.

Time is wall-clock time. The simulated vendor takes 50 ms for each of the two calls of a ticket (the requester is looked
up first).
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from statistics import median

import nps_connect_zendesk as plugin
from nps_connect import Contact, SimulatedPerson, VendorReply, VendorRequest
from nps_connect.app.application import Application, build_application
from nps_connect.app.validation import validate
from nps_connect.app.web_backend import ApplicationWebBackend
from nps_connect.builtin import email
from nps_connect.connection import system_clock
from nps_connect.ledger.ledger import Ledger
from nps_connect.ledger.schema import create
from nps_connect.ledger.tables import DeliveryRow, InvitationRow
from nps_connect.plugins import Plugins
from nps_connect.records.pages import PageView, Submission, SurveyPageRequest
from nps_connect.services.contacts.store import upsert_contact
from nps_connect.settings.model import Settings
from nps_connect.settings.origins import ReferencedText
from nps_connect.testing import VendorTransport
from nps_connect_zendesk.simulated import Simulated
from nps_connect_zendesk.simulated.access_control import TOKEN

ANSWERS = 15
VENDOR_TAKES = 0.05
TIMEOUT_SECONDS = 10.0

SETTINGS = {
    "core": {
        "public_url": "https://nps.example.com",
        "company": "Exemple SA",
        "signing_keys": ["a-signing-key-for-measuring"],
        "fallback_email": "care@example.com",
        "privacy_notice_url": "https://www.example.com/privacy",
        "mode": "live",
    },
    "connections": {
        "mail": {
            "plugin": "email",
            "smtp_url": ReferencedText("smtp://127.0.0.1:9", "environment"),
            "sender": "Exemple SA <care@example.com>",
            "reply_to": "care@example.com",
        },
        "helpdesk": {"plugin": "zendesk", "subdomain": "exemple", "access_token": ReferencedText(TOKEN, "environment")},
    },
    "surveys": {"after-purchase": {"channel": "mail"}},
}


class SlowTransport(VendorTransport):
    """A vendor with a delay."""

    def handle_request(self, request):
        time.sleep(VENDOR_TAKES)
        return super().handle_request(request)


class UnlimitedZendesk(Simulated):
    """A vendor without quota."""

    def handle(self, request: VendorRequest) -> VendorReply:
        self.limits.windows.clear()
        return super().handle(request)


def measure() -> Iterator[tuple[str, int, float]]:
    """Return the seconds from due to done: after a final submission (due at once) and after a delay."""
    for what, delay in (("Send pressed", "0s"), ("due one second later", "1s")):
        waits = _measure_waits(delay)
        details = f"{what}: a ticket in {median(waits) * 1000:.0f} ms (median), {max(waits) * 1000:.0f} ms at worst"
        yield f"{details}, {2 * VENDOR_TAKES * 1000:.0f} ms of it the vendor's", len(waits), sum(waits)


def _measure_waits(delay: str) -> list[float]:
    vendor = UnlimitedZendesk(system_clock)
    vendor.populate([SimulatedPerson(f"p{number}@example.com", "P", "en") for number in range(ANSWERS)])
    with tempfile.TemporaryDirectory() as folder:
        ledger = Ledger(f"sqlite:///{Path(folder) / 'bench.db'}", create=True)
        create(ledger)
        app = _application(ledger, vendor, delay)
        engine = app.create_engine()
        engine.start()
        time.sleep(1.5)
        waits = [_measure_ticket(app, number) for number in range(ANSWERS)]
        engine.stop()
        app.close()
    return waits


def _application(ledger: Ledger, vendor: Simulated, delay: str) -> Application:
    plugins = Plugins()
    plugins.register(plugin, "zendesk")
    plugins.register(email, "email")
    routes = [{"on": "detractor", "do": "open_ticket", "via": "helpdesk", "delay": delay}]
    settings = Settings.model_validate({**SETTINGS, "routes": routes})
    parsed = validate(settings, plugins)
    return build_application(settings, plugins, parsed, ledger, transports={"helpdesk": SlowTransport(vendor)})


def _measure_ticket(app: Application, number: int) -> float:
    ctx, now = app.ctx, system_clock()
    with ctx.ledger.write() as session:
        person = Contact(connection="crm", id=str(number), email=f"p{number}@example.com", name="P")
        invitation = InvitationRow(
            public_id=ctx.new_public_id(),
            survey="after-purchase",
            touchpoint="purchase",
            trigger="benchmark",
            contact_id=upsert_contact(session, person, now).id or 0,
            language="en",
            state="sent",
            created_at=now,
            due_at=now,
            expires_at=now + timedelta(days=1),
        )
        session.add(invitation)
        token = ctx.links.survey(invitation.public_id)
    visit = PageView(method="POST", at=system_clock())
    press = Submission(score=1, comment="Late.", is_final=True, language="en")
    ApplicationWebBackend(ctx).record_visits([SurveyPageRequest(token, visit, press)])
    until = time.monotonic() + TIMEOUT_SECONDS
    while time.monotonic() < until:
        time.sleep(0.02)
        with ctx.ledger.read() as session:
            row = session.get(DeliveryRow, number + 1)
            if row is not None and row.finished_at is not None:
                return (row.finished_at - row.due_at).total_seconds()
    raise RuntimeError("the ticket never came")
