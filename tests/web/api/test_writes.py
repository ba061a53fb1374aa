"""Contacts, invitations, responses taken elsewhere and suppressions: the services that commands use."""

import asyncio
import json
import threading
from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlmodel import col
from support.api_client import ApiClient
from support.application import ApplicationHarness
from support.fake_vendors import FakeCrm

from nps_connect import hookimpl
from nps_connect.builtin import webhook
from nps_connect.errors import RetryLater
from nps_connect.ledger.audit_log import AuditRow
from nps_connect.ledger.suppressions import SuppressionRow
from nps_connect.ledger.tables import ContactRow, DecisionRow, EventRow, InvitationRow, ResponseRow
from nps_connect.services.operations.explain import explain_person
from nps_connect.services.suppressions.erasure import erase_contacts

MARIE = {"id": "c-1", "email": "marie@example.com", "name": "Marie", "language": "fr"}
ASK = {"survey": "after-purchase", "connection": "shop", "contact": MARIE, "campaign": "order-1001"}
CALL = {"survey": "after-purchase", "connection": "shop", "contact": MARIE, "score": 2, "collected_by": "phone"}


def rows(application, table, *conditions):
    with application.ledger.read() as session:
        return session.execute(select(table).where(*conditions).order_by(table.id)).scalars().all()


def audited(application):
    return [
        (row.actor_kind, row.actor_name, row.command, row.object)
        for row in rows(application, AuditRow, col(AuditRow.actor_kind) == "api")
    ]


def erase(application):
    with application.ledger.write() as session:
        erase_contacts(application.ctx, session, session.execute(select(ContactRow)).scalars().all(), source="the test")


class TestContacts:
    def test_a_contact_is_created_then_updated_field_by_field(self, api, application):
        created = api.post("/contacts", {"connection": "shop", **MARIE, "timezone": "Europe/Paris", "opted_out": True})
        assert (created.status, created.body) == (201, {"contact": {"connection": "shop", "id": "c-1"}, "new": True})
        updated = api.post("/contacts", {"connection": "shop", "id": "c-1", "name": "Marie Martin", "email": None})
        assert (updated.status, updated.body["new"]) == (200, False)
        [row] = rows(application, ContactRow)
        assert (row.name, row.email, row.mailbox, row.opted_out) == ("Marie Martin", None, None, True)
        assert row.record["timezone"] == "Europe/Paris"
        assert audited(application) == [("api", "shop", "contacts write", f"c:{row.id}")] * 2

    def test_contacts_of_a_crm_are_changed_there(self, api):
        answer = api.post("/contacts", {"connection": "crm", "id": "7"})
        assert (answer.status, answer.body["errors"][0]["field"]) == (422, "connection")

    def test_nothing_of_an_erased_person_is_stored_again(self, api, application):
        api.post("/contacts", {"connection": "shop", **MARIE})
        erase(application)
        again = {**MARIE, "id": "c-2"}
        for answer in (
            api.post("/contacts", {"connection": "shop", **MARIE}),
            api.post("/contacts", {"connection": "shop", **again}),
            api.post("/responses", {**CALL, "contact": again}),
            api.post(
                "/invitations", {"survey": "after-purchase", "connection": "shop", "contact": again, "campaign": "x"}
            ),
        ):
            assert (answer.status, answer.body["type"]) == (409, "urn:nps-connect:problem:person-erased")
        assert [row.email for row in rows(application, ContactRow)] == [None]


class TestInvitations:
    def test_a_person_is_asked_once_per_campaign_by_the_usual_rules(self, api, application):
        first = api.post("/invitations", ASK)
        assert (first.status, first.body) == (202, {"campaign": "order-1001", "new": True})
        assert (api.post("/invitations", ASK).status, len(rows(application, EventRow))) == (200, 1)
        application.run()
        assert [mail.to.email for mail in application.post.items] == ["marie@example.com"]
        api.post("/invitations", {**ASK, "campaign": "order-1002"})
        application.run()
        assert [(row.verdict, row.reason) for row in rows(application, DecisionRow)] == [
            ("yes", "surveyed"),
            ("no", "cooldown"),
        ]
        assert audited(application)[0] == (
            "api",
            "shop",
            "surveys invite",
            "survey:after-purchase, campaign:order-1001",
        )

    def test_an_opt_out_that_the_source_reported_holds(self, api, application):
        api.post("/contacts", {"connection": "shop", **MARIE, "opted_out": True})
        api.post("/invitations", ASK)
        application.run()
        assert application.post.items == []

    def test_a_person_of_a_crm_is_looked_up(self, api, application):
        application.crm.knows("7", "paul@example.com")
        ask = {**ASK, "connection": None, "contact": {"email": "paul@example.com"}}
        assert api.post("/invitations", ask).status == 202
        application.run()
        assert [row.connection for row in rows(application, ContactRow)] == ["crm"]

    @pytest.mark.parametrize(
        ("change", "field"),
        [({"survey": "x"}, "survey"), ({"per_day": 201}, "per_day"), ({"campaign": "a b"}, "campaign")],
    )
    def test_what_is_wrong_is_named(self, api, change, field):
        answer = api.post("/invitations", {**ASK, **change})
        assert (answer.status, answer.body["errors"][0]["field"]) == (422, field)


class TestResponses:
    def test_a_response_by_phone_is_stored_and_routed_like_a_submitted_one(self, api, application, clock):
        application.crm.knows("7", "paul@example.com", name="Paul")
        call = {**CALL, "connection": "crm", "contact": {"email": "paul@example.com"}, "comment": " Trop lent\u0007 "}
        answer = api.post("/responses", {**call, "external_id": "call-9", "do_not_contact": True})
        assert (answer.status, answer.body["segment"]) == (201, "detractor")
        assert answer.body["contact"] == {"connection": "crm", "id": "7"}
        [row] = rows(application, ResponseRow)
        assert (row.collected_by, row.score, row.comment, row.do_not_contact) == ("phone", 2, "Trop lent", True)
        application.run()
        assert [score.response.score for score in application.crm.items] == [2]
        assert [ticket.response.id for ticket in application.desk.items] == [row.public_id]
        assert len(application.bell.items) == 1
        again = api.post("/responses", {**call, "external_id": "call-9"})
        assert (again.status, again.body["new"], len(rows(application, ResponseRow))) == (200, False, 1)
        other = api.post("/responses", {**call, "external_id": "call-9", "score": 10})
        assert (other.status, other.body["type"]) == (409, "urn:nps-connect:problem:external-id-used")
        assert row.public_id in other.body["detail"]
        assert len(rows(application, ResponseRow)) == 1
        assert audited(application) == [("api", "shop", "responses write", f"c:{row.contact_id}")]

    def test_an_answer_by_phone_ends_the_reminders_and_starts_the_cooldown(self, ledger, clock, runner):

        surveys = {"after-purchase": {"channel": "mail", "reminder_after": "5d"}}
        application = ApplicationHarness(ledger, clock, {"surveys": surveys})
        application.surveyed()
        api = ApiClient(application, runner)
        call = {**CALL, "connection": "crm", "contact": {"email": "marie@example.com"}}
        assert api.post("/responses", call).status == 201
        assert [row.state for row in application.deliveries("send_reminder")] == ["cancelled"]

    @pytest.mark.parametrize(
        ("survey", "reason"),
        [
            ("after-purchase", "answered meanwhile by phone"),
            ("support", "surveyed within the cooldown: answered support by phone"),
        ],
    )
    def test_waiting_mail_says_that_the_person_answered_elsewhere(self, ledger, clock, runner, survey, reason):
        order = {"connection": "shop", "kind": "order.delivered", "object_id": "1", "contact": MARIE}
        trigger = {"on": "order.delivered", "from": "shop", "survey": "after-purchase", "delay": "1d"}
        change = {"connections": {"shop": {"plugin": "webhook", "events": "api"}}, "triggers": [trigger]}
        surveys = {name: {"channel": "mail"} for name in ("after-purchase", "support")}
        application = ApplicationHarness(ledger, clock, {**change, "surveys": surveys}, webhook=webhook)
        api = ApiClient(application, runner)
        api.post("/events", {**order, "occurred_at": clock().isoformat()})
        application.run()
        assert api.post("/responses", {**CALL, "survey": survey}).status == 201
        clock.forward("2d")
        application.run()
        assert [row.last_error for row in application.deliveries("send_survey")] == [reason]
        [contact] = rows(application, ContactRow)
        with ledger.read() as session:
            texts = [entry.text for entry in explain_person(session, [contact], now=clock()).entries]
        invitations = [text for text in texts if text.startswith("survey ")]
        assert [text for text in invitations if "imported" in text] == []
        assert [text for text in invitations if f"survey {survey} in fr, answered by phone" in text]
        assert [text for text in invitations if "cancelled, due" in text and reason in text]

    def test_mail_to_an_address_that_answered_elsewhere_says_so(self, api, application, clock):
        order = {"connection": "shop", "kind": "order.delivered", "object_id": "1", "contact": MARIE}
        api.post("/events", {**order, "occurred_at": clock().isoformat()})
        application.run()
        other = {"id": "c-2", "email": "m.martin@example.com"}
        assert api.post("/responses", {**CALL, "contact": other, "collected_by": "paper"}).status == 201
        api.post("/contacts", {"connection": "shop", **MARIE, "email": "m.martin@example.com"})
        clock.forward("2d")
        application.run()
        reason = "surveyed within the cooldown: answered after-purchase on paper"
        assert [row.last_error for row in application.deliveries("send_survey")] == [reason]

    def test_an_older_response_that_is_recorded_late_leads_to_nothing(self, api, application, clock):
        api.post("/responses", {**CALL, "score": 9})
        application.run()
        before = len(application.desk.items)
        late = {**CALL, "answered_at": (clock() - timedelta(days=2)).isoformat(), "collected_by": "paper"}
        assert api.post("/responses", late).status == 201
        application.run()
        assert len(application.desk.items) == before
        assert [row.state for row in rows(application, InvitationRow)] == ["imported"] * 2

    def test_whom_the_vendor_does_not_know_or_cannot_be_asked_about(self, api, application):
        call = {**CALL, "connection": "crm"}
        unknown = api.post("/responses", {**call, "contact": {"id": "404"}})
        assert (unknown.status, unknown.body["type"]) == (404, "urn:nps-connect:problem:contact-unknown")
        application.crm.knows("7", "paul@example.com")
        application.crm.knows("8", "paul@example.com")
        ambiguous = api.post("/responses", {**call, "contact": {"email": "paul@example.com"}})
        assert (ambiguous.status, ambiguous.body["type"]) == (409, "urn:nps-connect:problem:contact-ambiguous")
        application.crm.looking = [RetryLater("busy: token=secret-1")]
        busy = api.post("/responses", {**call, "contact": {"id": "7"}})
        assert (busy.status, busy.headers["retry-after"], "secret-1" in str(busy.body)) == (503, "60", False)
        assert rows(application, ResponseRow) == []

    @pytest.mark.parametrize(
        ("change", "field"),
        [
            ({"score": 11}, "score"),
            ({"score": 9.0}, "score"),
            ({"score": "9"}, "score"),
            ({"score": True}, "score"),
            ({"collected_by": "web"}, "collected_by"),
            ({"answered_at": "2027-01-01T00:00:00Z"}, "answered_at"),
            ({"comment": "x" * 5001}, "comment"),
        ],
    )
    def test_what_is_wrong_is_named(self, api, application, change, field):
        answer = api.post("/responses", {**CALL, **change})
        assert (answer.status, answer.body["errors"][0]["field"]) == (422, field)
        assert rows(application, ResponseRow) == []


class TestSuppressions:
    def test_an_opt_out_by_phone_is_one_as_by_the_unsubscribe_link(self, api, application):
        application.crm.knows("7", "paul@example.com")
        api.post("/responses", {**CALL, "connection": "crm", "contact": {"id": "7"}})
        added = api.post("/suppressions", {"contact": "paul@example.com", "reason": "called"})
        assert (added.status, added.body) == (200, {"mailboxes": 1, "contacts": 1})
        application.run()
        assert len(application.crm.opt_outs) == 1
        unknown = api.post("/suppressions", {"contact": "crm:404", "reason": "called"})
        assert (unknown.status, unknown.body["type"]) == (404, "urn:nps-connect:problem:contact-unknown")

    def test_an_opt_out_ends_only_with_consent(self, api, application):
        api.post("/suppressions", {"contact": "eve@example.com", "reason": "called"})
        removal = {"contact": "eve@example.com", "reason": "called again"}
        refused = api.post("/suppressions/removals", removal)
        assert (refused.status, refused.body["type"]) == (409, "urn:nps-connect:problem:consent-missing")
        removed = api.post("/suppressions/removals", {**removal, "has_consent": True})
        assert (removed.status, removed.body) == (200, {"removed": ["opted_out"], "opted_out_in_crm": 0})
        again = api.post("/suppressions/removals", {**removal, "has_consent": True})
        assert (again.status, again.body["detail"]) == (409, "this person is not suppressed")
        assert rows(application, SuppressionRow) == []
        assert [command for _, _, command, _ in audited(application)] == ["suppressions add", "suppressions remove"]


class WaitingCrm(FakeCrm):
    """A CRM whose look-ups wait until the test lets them."""

    def __init__(self):
        super().__init__()
        self.is_asked, self.may_answer = threading.Event(), threading.Event()

    @hookimpl
    def nps_find_contacts(self, connection, keys):
        self.is_asked.set()
        assert self.may_answer.wait(10)
        return super().nps_find_contacts(connection, keys)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_nobody_waits_for_a_vendor_that_another_request_asks(ledger, clock, runner):
    crm = WaitingCrm()
    crm.knows("7", "paul@example.com")
    change = {"connections": {"shop": {"plugin": "webhook", "events": "api"}}}
    api = ApiClient(ApplicationHarness(ledger, clock, change, acme=crm, webhook=webhook), runner)

    async def send(path, body):
        return await api.request("POST", path, json.dumps(body).encode(), {"content_type": "application/json"})

    async def send_both():
        asking = asyncio.create_task(send("/responses", {**CALL, "connection": "crm", "contact": {"id": "7"}}))
        await asyncio.to_thread(crm.is_asked.wait, 10)
        other = await send("/contacts", {"connection": "shop", **MARIE})
        crm.may_answer.set()
        return other.status, (await asking).status

    assert runner.run(send_both()) == (201, 201)
