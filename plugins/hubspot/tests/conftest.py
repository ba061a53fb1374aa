"""Fixtures: a portal with its properties set up, and connections to it; no network, a manual clock."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import select
from support.application import ApplicationHarness, merge_config
from support.clock import ManualClock
from support.sqlite_files import create_empty_database
from support.webhooks import accept_webhook

import nps_connect_hubspot as plugin
from nps_connect import Connection, Contact, Response, ScoreUpdate, SimulatedPerson, WebhookRequest
from nps_connect.ledger.ledger import Ledger
from nps_connect.ledger.tables import DecisionRow
from nps_connect.settings.origins import ReferencedText
from nps_connect.testing import FixedClock, VendorTransport, connect
from nps_connect_hubspot.engagements import RESPONSE_PREFIX
from nps_connect_hubspot.simulated import Simulated
from nps_connect_hubspot.simulated.portal import CONTACT, NOTE, Portal, Record
from nps_connect_hubspot.simulated.vendor import SECRET, TOKEN

URL = "https://nps.example.com/hooks/crm"


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture
def vendor(clock: FixedClock) -> Simulated:
    return Simulated(clock)


@pytest.fixture
def portal(vendor: Simulated) -> Portal:
    return vendor.portal


class RecordingTransport(VendorTransport):
    """The transport to the portal. `faults` replace its responses, in order."""

    def __init__(self, vendor: Simulated) -> None:
        super().__init__(vendor)
        self.faults: list[httpx.Response | Exception | Callable[[httpx.Request], httpx.Response | None]] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if self.faults:
            fault = self.faults.pop(0)
            if isinstance(fault, Exception):
                raise fault
            response = fault(request) if callable(fault) else fault
            if response is not None:
                return response
        return super().handle_request(request)

    def paths(self) -> list[str]:
        return [request.path for request in self.requests]


@pytest.fixture
def transport(vendor: Simulated) -> RecordingTransport:
    return RecordingTransport(vendor)


MakeConnection = Callable[..., Connection]


@pytest.fixture
def make_connection(vendor: Simulated, transport: RecordingTransport) -> MakeConnection:
    """Return a function that makes connections with other settings over the same transport."""

    def make(**settings: Any) -> Connection:
        table = {"access_token": TOKEN, "webhook_secrets": [SECRET], "portal_id": vendor.portal.portal_id, **settings}
        return connect(plugin, table, vendor, transport=transport)

    return make


@pytest.fixture
def unprepared_connection(make_connection: MakeConnection) -> Connection:
    """A connection to a portal before its setup."""
    return make_connection()


@pytest.fixture
def connection(unprepared_connection: Connection, transport: RecordingTransport) -> Connection:
    """A connection to a portal after its setup."""
    plugin.nps_apply_setup(unprepared_connection, plugin.nps_plan_setup(unprepared_connection))
    transport.requests.clear()
    return unprepared_connection


CreateContacts = Callable[..., list[Record]]


@pytest.fixture
def create_contacts(vendor: Simulated) -> CreateContacts:
    """Return a function that adds contacts to the portal and returns their records, in order."""

    def make(count: int, **properties: str) -> list[Record]:
        emails = [f"person{number}@example.com" for number in range(count)]
        vendor.populate([SimulatedPerson(email, f"Person {email}", "fr") for email in emails])
        records = list(vendor.portal.records[CONTACT].values())[-count:]
        for record in records:
            record.properties.update(properties)
        return records

    return make


BuildScoreUpdate = Callable[..., ScoreUpdate]


@pytest.fixture
def build_score_update(clock: FixedClock) -> BuildScoreUpdate:
    """Return a function that builds a score update; the response is one minute old by default."""

    def make(contact_id: str, score: int = 9, *, ago: timedelta = timedelta(minutes=1), **more: Any) -> ScoreUpdate:
        response = {
            "id": f"r-{contact_id}",
            "revision": 1,
            "survey": "after-purchase",
            "touchpoint": "purchase",
            "language": "fr",
            "answered_at": clock() - ago,
            **{name: more.pop(name) for name in list(more) if name in Response.model_fields},
        }
        contact = more.pop("contact", None) or Contact(connection="crm", id=contact_id, email="somebody@example.com")
        return ScoreUpdate(
            idempotency_key=f"key-{contact_id}", contact=contact, response=Response(score=score, **response), **more
        )

    return make


BuildWebhookRequest = Callable[..., WebhookRequest]


@pytest.fixture
def build_webhook_request(clock: FixedClock) -> BuildWebhookRequest:
    """Return a function that builds a webhook request as the web layer passes it on."""

    def make(
        body: bytes, headers: dict[str, str] | None = None, url: str = URL, method: str = "POST"
    ) -> WebhookRequest:
        return WebhookRequest(method=method, url=url, headers=headers or {}, body=body, received_at=clock())

    return make


@pytest.fixture(scope="session")
def empty_ledger(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A database file with the newest schema, to be copied."""
    return create_empty_database(tmp_path_factory.mktemp("template") / "ledger.db").read_bytes()


@pytest.fixture
def application(
    vendor: Simulated, transport: RecordingTransport, tmp_path: Path, empty_ledger: bytes
) -> Iterator[Callable[..., ApplicationHarness]]:
    """Return a function that builds the product with this portal as its CRM and the core's fake vendors."""
    ledgers: list[Ledger] = []

    def make(change: dict[str, Any] | None = None, **settings: Any) -> ApplicationHarness:
        path = tmp_path / f"ledger-{len(ledgers)}.db"
        path.write_bytes(empty_ledger)
        ledger = Ledger(f"sqlite:///{path}")
        ledgers.append(ledger)
        crm = {
            "plugin": "hubspot",
            "events": "webhook",
            "access_token": ReferencedText(TOKEN, "environment"),
            "portal_id": vendor.portal.portal_id,
            **settings,
            "webhook_secrets": [
                ReferencedText(value, "environment") for value in settings.get("webhook_secrets", [SECRET])
            ],
        }
        clock = ManualClock(vendor.clock())
        vendor.clock = clock
        harness = ApplicationHarness(
            ledger,
            clock,
            merge_config({"connections": {"crm": crm}}, change or {}),
            transports={"crm": transport},
            hubspot=plugin,
        )
        connection = harness.ctx.connections["crm"]
        plugin.nps_apply_setup(connection, plugin.nps_plan_setup(connection))
        transport.requests.clear()
        return harness

    yield make
    for ledger in ledgers:
        ledger.close()


class HubSpotScenario:
    """Steps at the portal and in the product, each run until the product is idle."""

    def __init__(self, application: ApplicationHarness, vendor: Simulated) -> None:
        self.application, self.vendor = application, vendor

    def add_contact(self, email: str, **properties: str) -> Record:
        """Add a contact to the portal."""
        self.vendor.populate([SimulatedPerson(email, "Zoé Müller", "fr")])
        record = self.vendor.portal.contact(email)
        assert record is not None
        record.set(properties, self.application.clock())
        return record

    def deliver_webhooks(self, facts: Sequence[str]) -> None:
        """Deliver the portal's webhooks; the product does not process them yet."""
        for webhook in self.vendor.webhooks(facts, URL):
            headers = {name.lower(): value for name, value in webhook.headers.items()}
            accept_webhook(
                self.application.backend,
                "crm",
                WebhookRequest(
                    method="POST", url=URL, headers=headers, body=webhook.body, received_at=self.application.clock()
                ),
            )

    def send(self, facts: Sequence[str]) -> None:
        """Deliver the portal's webhooks and process them."""
        self.deliver_webhooks(facts)
        self.application.run()

    def win_deal(self, email: str) -> None:
        """Win a deal of the person."""
        self.send(self.vendor.simulate_event("deal.won", email))

    def survey(self, email: str) -> str:
        """Run the product until the person has a survey mail; returns the survey's token."""
        self.win_deal(email)
        self.application.clock.forward(timedelta(days=3, seconds=1))
        self.application.run()
        sent = [mail for mail in self.application.post.items if mail.kind == "survey" and mail.to.email == email]
        return sent[-1].text.split("/s/")[1].split()[0].partition("?")[0]

    def respond(self, email: str, score: int, comment: str | None = None) -> str:
        """Survey a person and submit their response; returns the survey's token."""
        token = self.survey(email)
        self.application.answer(token, score, comment)
        self.application.run()
        return token

    def unsubscribe(self, email: str) -> None:
        """Follow the unsubscribe link in a person's newest mail."""
        self.application.backend.unsubscribe(self.application.token(email, "u"))
        self.application.run()

    def notes(self) -> list[str]:
        """Return the bodies of all notes about responses."""
        bodies = (note.properties["hs_note_body"] for note in self.vendor.portal.records[NOTE].values())
        return [body for body in bodies if RESPONSE_PREFIX in body]

    def reasons(self) -> list[str]:
        """Return the reason of each decision, in order."""
        with self.application.ledger.read() as session:
            return [row.reason for row in session.execute(select(DecisionRow).order_by(DecisionRow.id)).scalars()]


@pytest.fixture
def make_scenario(application: Callable[..., ApplicationHarness], vendor: Simulated) -> Callable[..., HubSpotScenario]:
    """Return a function that builds a scenario with settings: ``make_scenario(notes=True)``."""
    return lambda change=None, **settings: HubSpotScenario(application(change, **settings), vendor)
