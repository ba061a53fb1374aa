"""What deliveries have written about a person at vendors is removed by deliveries that outlive the erasure here."""

from __future__ import annotations

import pytest
from sqlalchemy import select
from support.application import ApplicationHarness
from support.database_dump import find_texts

from nps_connect import ConnectionSettings, ContactErasure, Receipt, Rejected, TargetGone, hookimpl
from nps_connect.ledger.tables import AttemptRow
from nps_connect.records.contacts import Contact
from nps_connect.services.contacts.contact_batch import upsert_contacts
from nps_connect.services.operations.data_requests import erase_person, find_person

EMAIL = "marie@example.com"


@pytest.fixture
def application(ledger, clock) -> ApplicationHarness:
    return ApplicationHarness(ledger, clock)


def erase(application, reference: str = EMAIL):
    ctx = application.ctx
    with ctx.ledger.write() as session:
        return erase_person(ctx, session, find_person(session, reference, list(ctx.connections)))


def erasures(application):
    return application.deliveries("erase_contact")


def test_the_vendor_is_told_once_and_whom_it_concerned_is_forgotten(application):
    application.answer(application.surveyed("1", EMAIL), 2)
    application.run()
    receipt = erase(application)
    [delivery] = erasures(application)
    assert [(item.connection, item.delivery, item.state) for item in receipt.at_vendors] == [
        ("crm", delivery.id, "pending")
    ]
    application.run()
    [erased] = application.crm.erasures
    assert erased == ContactErasure(idempotency_key=delivery.key, contact_ids=("1", *written_ids(application)))
    [delivery] = erasures(application)
    assert (delivery.state, delivery.receipt_note, delivery.options) == ("succeeded", "fields emptied", {})
    assert [item.state for item in erase(application, "crm:1").at_vendors] == ["succeeded"]
    application.run()
    assert len(application.crm.erasures) == 1


def written_ids(application):
    return [row.receipt_id for row in application.deliveries("write_score")]


def test_an_erasure_at_the_vendor_survives_a_second_one_here_and_an_opt_out(application):
    application.surveyed("1", EMAIL)
    application.crm.refusing_erasures = [Rejected("not now"), Rejected("not now")]
    erase(application)
    assert [item.state for item in erase(application, "crm:1").at_vendors] == ["pending"]
    application.run()
    [delivery] = erasures(application)
    assert (delivery.state, delivery.options["contact_ids"]) == ("dead", ["1"]), "a dead one can be retried"
    assert [item.state for item in erase(application, "crm:1").at_vendors] == ["pending"], "or enqueued anew"


def test_a_person_whom_the_vendor_does_not_know_is_skipped_and_nothing_of_them_stays(ledger, clock):
    """Where no id is known, the address goes with the delivery; it is removed with its end, also from the attempts."""
    desk = ErasingDesk()
    application = ApplicationHarness(ledger, clock, desk=desk)
    application.surveyed("1", EMAIL)
    desk.failure = TargetGone(f"nobody has {EMAIL}", exchange={"query": EMAIL})
    erase(application)
    assert find_texts(application.ledger, EMAIL) == [EMAIL]
    application.run()
    assert desk.erasures == [ContactErasure(idempotency_key=erasures(application)[1].key, emails=(EMAIL,))]
    assert [(row.connection, row.state, row.options) for row in erasures(application)] == [
        ("crm", "succeeded", {}),
        ("helpdesk", "skipped", {}),
    ]
    with application.ledger.read() as session:
        assert {row.message for row in session.execute(select(AttemptRow)).scalars()} == {None}


class ErasingDesk:
    """A helpdesk that can erase."""

    def __init__(self) -> None:
        self.failure: Exception | None = None
        self.erasures: list[ContactErasure] = []

    @hookimpl
    def nps_connector(self):
        from support.fake_vendors import EXAMPLE_CONFIGURATION

        from nps_connect import ActionInfo, ConnectorInfo

        actions = tuple(ActionInfo(action=name) for name in ("open_ticket", "update_ticket", "erase_contact"))
        return ConnectorInfo(
            name="desk", title="Desk", settings=ConnectionSettings, actions=actions, example=EXAMPLE_CONFIGURATION
        )

    @hookimpl
    def nps_open_tickets(self, connection, drafts):
        return [Receipt(id="t-1") for _ in drafts]

    @hookimpl
    def nps_update_tickets(self, connection, updates):
        return [Receipt(id="t-1") for _ in updates]

    @hookimpl
    def nps_erase_contacts(self, connection, erasures):
        self.erasures += erasures
        if self.failure is not None:
            raise self.failure
        return [Receipt(id="55") for _ in erasures]


def test_a_vendor_that_reports_an_erasure_is_not_asked_for_it_and_others_are(ledger, clock):
    desk = ErasingDesk()
    application = ApplicationHarness(ledger, clock, desk=desk)
    application.surveyed("1", EMAIL)
    application.webhook({"id": "1", "kind": "contact.privacy_deleted", "at": application.clock().isoformat()})
    application.run()
    assert application.crm.erasures == []
    assert [erasure.emails for erasure in desk.erasures] == [(EMAIL,)]


def test_an_erasure_is_due_after_a_call_that_is_under_way(application):
    application.answer(application.surveyed("1", EMAIL), 9)
    with application.ledger.write() as session:
        session.connection().exec_driver_sql("UPDATE deliveries SET state = 'running' WHERE action = 'write_score'")
    erase(application)
    [delivery] = erasures(application)
    assert delivery.due_at == application.clock() + application.ctx.settings.delivery.deadline


def test_a_person_is_everybody_with_the_address_and_their_contacts_on_other_connections(application):
    contacts = [
        Contact(connection="crm", id="1", email=EMAIL, other_emails=("m@example.org",), merged_ids=("0",)),
        Contact(connection="crm", id="2", email="m@example.org", name="Her colleague"),
        Contact(connection="helpdesk", id="55", email="m@example.org"),
        Contact(connection="helpdesk", id="56", email="other@example.org"),
    ]
    with application.ledger.write() as session:
        upsert_contacts(session, [Contact(connection="crm", id="0", email="old@example.org")], application.clock())
        upsert_contacts(session, contacts, application.clock())
    for reference, expected in (
        ("crm:1", {"crm:0", "crm:1", "helpdesk:55"}),
        ("crm:0", {"crm:0", "crm:1", "helpdesk:55"}),
        (EMAIL.upper(), {"crm:0", "crm:1", "helpdesk:55"}),
        ("m@example.org", {"crm:2", "helpdesk:55"}),
        ("other@example.org", {"helpdesk:56"}),
        ("unknown@example.org", set()),
    ):
        with application.ledger.read() as session:
            person = find_person(session, reference, ["crm", "helpdesk"])
        assert {f"{row.connection}:{row.vendor_id}" for row in person.contacts} == expected, reference


def test_a_further_address_finds_its_person(application):
    contact = Contact(connection="crm", id="1", email=EMAIL, other_emails=("M_1@example.org",))
    with application.ledger.write() as session:
        upsert_contacts(session, [contact], application.clock())
        assert [row.vendor_id for row in find_person(session, "m_1@example.org", ["crm"]).contacts] == ["1"]
        assert find_person(session, "mx1@example.org", ["crm"]).contacts == []
