"""A portal with its properties set up, and connections to it: no network, a clock that moves only when told."""

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

import nps_connect_hubspot as plugin
from nps_connect import Connection, Contact, Response, ScoreUpdate, SimulatedPerson, WebhookRequest
from nps_connect.ledger.ledger import Ledger
from nps_connect.ledger.tables import DecisionRow
from nps_connect.settings.references import ReferencedText
from nps_connect.testing import FixedClock, VendorTransport, connect
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
    """The wire to the portal. `faults` are answered in its place, first come first served."""

    def __init__(self, vendor: Simulated) -> None:
        super().__init__(vendor)
        self.faults: list[httpx.Response | Exception | Callable[[httpx.Request], httpx.Response | None]] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if self.faults:
            fault = self.faults.pop(0)
            if isinstance(fault, Exception):
                raise fault
            answer = fault(request) if callable(fault) else fault
            if answer is not None:
                return answer
        return super().handle_request(request)

    def paths(self) -> list[str]:
        return [request.path for request in self.requests]


@pytest.fixture
def wire(vendor: Simulated) -> RecordingTransport:
    return RecordingTransport(vendor)


MakeConnection = Callable[..., Connection]


@pytest.fixture
def connecting(vendor: Simulated, wire: RecordingTransport) -> MakeConnection:
    """Connections with settings of one's own, all over the same wire."""

    def make(**settings: Any) -> Connection:
        table = {"access_token": TOKEN, "webhook_secrets": [SECRET], "portal_id": vendor.portal.portal_id, **settings}
        return connect(plugin, table, vendor, transport=wire)

    return make


@pytest.fixture
def bare(connecting: MakeConnection) -> Connection:
    """A connection to a portal in which nothing has been set up."""
    return connecting()


@pytest.fixture
def connection(bare: Connection, wire: RecordingTransport) -> Connection:
    """A connection to a portal that is set up."""
    plugin.nps_apply_setup(bare, plugin.nps_plan_setup(bare))
    wire.requests.clear()
    return bare


CreateContacts = Callable[..., list[Record]]


@pytest.fixture
def create_contacts(vendor: Simulated) -> CreateContacts:
    """So many contacts of the portal, in order."""

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
def updating(clock: FixedClock) -> BuildScoreUpdate:
    """A score update for a contact; the answer was given a minute ago unless told otherwise."""

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
def receiving(clock: FixedClock) -> BuildWebhookRequest:
    """A webhook as the product's door hands it on."""

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
    vendor: Simulated, wire: RecordingTransport, tmp_path: Path, empty_ledger: bytes
) -> Iterator[Callable[..., ApplicationHarness]]:
    """The whole product with this portal as its CRM, and the core's small vendors around it."""
    opened: list[Ledger] = []

    def make(change: dict[str, Any] | None = None, **settings: Any) -> ApplicationHarness:
        path = tmp_path / f"ledger-{len(opened)}.db"
        path.write_bytes(empty_ledger)
        ledger = Ledger(f"sqlite:///{path}")
        opened.append(ledger)
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
        made = ApplicationHarness(
            ledger,
            clock,
            merge_config({"connections": {"crm": crm}}, change or {}),
            transports={"crm": wire},
            hubspot=plugin,
        )
        account = made.ctx.connections["crm"]
        plugin.nps_apply_setup(account, plugin.nps_plan_setup(account))
        wire.requests.clear()
        return made

    yield make
    for ledger in opened:
        ledger.close()


class HubSpotScenario:
    """What happens at the portal, until it has come to rest in the product."""

    def __init__(self, application: ApplicationHarness, vendor: Simulated) -> None:
        self.application, self.vendor = application, vendor

    def knows(self, email: str, **properties: str) -> Record:
        """Somebody whom the portal knows."""
        self.vendor.populate([SimulatedPerson(email, "Zoé Müller", "fr")])
        record = self.vendor.portal.contact(email)
        assert record is not None
        record.set(properties, self.application.clock())
        return record

    def accept(self, facts: Sequence[str]) -> None:
        """Let the portal send its webhooks; nothing is worked off yet."""
        for webhook in self.vendor.webhooks(facts, URL):
            headers = {name.lower(): value for name, value in webhook.headers.items()}
            self.application.backend.accept_webhook(
                "crm",
                WebhookRequest(
                    method="POST", url=URL, headers=headers, body=webhook.body, received_at=self.application.clock()
                ),
            )

    def send(self, facts: Sequence[str]) -> None:
        """Let the portal send its webhooks, and work off what they lead to."""
        self.accept(facts)
        self.application.run()

    def won(self, email: str) -> None:
        """Let the person's deal be won."""
        self.send(self.vendor.simulate_event("deal.won", email))

    def surveyed(self, email: str) -> str:
        """Walk a person of the portal up to the survey mail; the survey's token."""
        self.won(email)
        self.application.clock.forward(timedelta(days=3, seconds=1))
        self.application.run()
        sent = [mail for mail in self.application.post.items if mail.kind == "survey" and mail.to.email == email]
        return sent[-1].text.split("/s/")[1].split()[0].partition("?")[0]

    def answers(self, email: str, score: int, comment: str | None = None) -> str:
        """Survey a person and let them answer; the survey's token."""
        token = self.surveyed(email)
        self.application.answer(token, score, comment)
        self.application.run()
        return token

    def unsubscribe(self, email: str) -> None:
        """Let a person follow the unsubscribe link of their newest mail."""
        self.application.backend.unsubscribe(self.application.token(email, "u"))
        self.application.run()

    def notes(self) -> list[str]:
        """The bodies of all notes of the portal."""
        return [note.properties["hs_note_body"] for note in self.vendor.portal.records[NOTE].values()]

    def reasons(self) -> list[str]:
        """Why each decision was taken, in order."""
        with self.application.ledger.read() as session:
            return [row.reason for row in session.execute(select(DecisionRow).order_by(DecisionRow.id)).scalars()]


@pytest.fixture
def play(application: Callable[..., ApplicationHarness], vendor: Simulated) -> Callable[..., HubSpotScenario]:
    """The product with this portal, ready to be played: ``play(notes=True)``."""
    return lambda change=None, **settings: HubSpotScenario(application(change, **settings), vendor)
