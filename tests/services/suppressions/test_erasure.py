"""An erased person is found nowhere in the database, and nothing that ends later writes them back."""

from __future__ import annotations

import json
import threading
from collections import Counter
from datetime import timedelta

import pytest
from sqlalchemy import select, text, update
from support.application import ApplicationHarness
from support.database_dump import find_texts
from support.fake_vendors import FakeHelpdesk

from nps_connect import Bounce, Receipt, Rejected, hookimpl
from nps_connect.ledger import pauses
from nps_connect.ledger.api_keys import ApiKeyRow, IdempotencyKeyRow
from nps_connect.ledger.approvals import ApprovalRow
from nps_connect.ledger.audit_log import Actor, record_audit
from nps_connect.ledger.cases import CaseEntryRow, CaseRow
from nps_connect.ledger.comment_themes import CommentThemeRow
from nps_connect.ledger.digests import DigestOptOutRow
from nps_connect.ledger.problems import ProblemRow
from nps_connect.ledger.response_dimensions import ResponseDimensionRow
from nps_connect.ledger.review_requests import ReviewRequestRow
from nps_connect.ledger.subjects import person_subject
from nps_connect.ledger.tables import ContactRow, DeliveryRow, EventRow, RawRequest, ResponseRow
from nps_connect.records.contacts import Contact, ContactKey
from nps_connect.records.pages import PageView, Submission, SurveyPageRequest
from nps_connect.rules.imports.row_errors import RowErrors
from nps_connect.services.contacts.contact_batch import upsert_contacts
from nps_connect.services.imports.match_contacts import ImportTarget
from nps_connect.services.imports.people import ImportedPerson
from nps_connect.services.imports.response_rows import ImportedResponse
from nps_connect.services.imports.store_responses import store_responses
from nps_connect.services.intake.manual_events import create_manual_event
from nps_connect.services.suppressions.erasure import erase_contacts, export_contacts
from nps_connect.services.suppressions.opt_out import apply_opt_outs
from nps_connect.services.suppressions.personal_data import PERSONAL_TABLES
from nps_connect.services.suppressions.store import suppress

EMAIL, NAME, COMPANY = "marie.martin@example.com", "Marie Martin", "Toitures Quentin"
COMMENT, ANSWER, NETWORK, BROWSER = "Trop lent, au son du xylophone", "Le carreleur", "192.0.2.64", "Lynx of hers"
WORD_OF_INDEX = "xylophone"
PERSONAL_TEXTS = (EMAIL, NAME, COMPANY, COMMENT, WORD_OF_INDEX, ANSWER, NETWORK, BROWSER)
OWNER = "Zoe of sales"

CONFIGURATION = {
    "cases": {"owner_field": "owner"},
    "surveys": {
        "after-purchase": {
            "follow_ups": [{"name": "why", "on": "any", "question": {"fr": "Pourquoi ?", "en": "Why?"}}],
        }
    },
}


@pytest.fixture
def application(ledger, clock) -> ApplicationHarness:
    return ApplicationHarness(ledger, clock, CONFIGURATION)


def surveyed(application, person: str = "1", email: str = EMAIL, name: str = NAME, company: str = COMPANY) -> str:
    """Run a person's deal up to the survey mail; its webhook names the company."""
    application.crm.knows(person, email, name=name, fields={"company": company, "owner": OWNER})
    application.webhook(application.won(person, city=company))
    application.run()
    application.clock.forward("3d")
    application.run()
    return application.token(email)


def respond(application, token: str, score: int = 2, comment: str = COMMENT) -> None:
    view = PageView(method="POST", at=application.clock(), address=NETWORK, agent=BROWSER)
    submission = Submission(score=score, comment=comment, is_final=True, language="fr", follow_up={"why": ANSWER})
    application._browse(SurveyPageRequest(token, view, submission))


def change(application, statement: str, **parameters: object) -> None:
    with application.ledger.write() as session:
        session.connection().execute(text(statement), parameters)


def fill_every_table(application) -> None:
    """Leave traces of one person in every table that can hold any."""
    token = surveyed(application)
    refused = Rejected(f"no channel for {EMAIL}", exchange={"request": NAME})
    application.bell.raising = [refused]
    respond(application, token)
    application.run()
    application.clock.forward("10m")
    respond(application, token, 1, f"{COMMENT} !")
    application.run()
    mail = application.deliveries("send_survey")[0]
    application.post.bounces = [
        Bounce(kind="soft", message_id=mail.receipt_id, detail=f"450 {EMAIL} is busy"),
        Bounce(kind="hard", address=EMAIL, detail=f"550 {EMAIL} unknown"),
    ]
    application.backend.report_bounces(application.ctx.links.bounces("mail"), b"a report")
    person = ContactKey(kind="email", value=EMAIL)
    create_manual_event(application.ctx, "crm", "deal.won", contact=person, object_id="d-9", fields={"city": COMPANY})
    application.webhook({"id": "u-1", "kind": "deal.lost", "person": "1", "city": COMPANY, "at": "2026-01-01T00:00Z"})
    application.run(only="crm/parse")
    for statement, content in (
        ("UPDATE decisions SET detail = :text", f"city is {COMPANY}"),
        ("UPDATE survey_invitations SET reason = :text", f"550 {EMAIL}"),
        ("UPDATE deliveries SET receipt_note = :text", NAME),
        ("UPDATE events SET last_error = :text", f"no deal of {NAME}"),
    ):
        change(application, f"{statement} WHERE contact_id = :id", text=content, id=contact_id(application))
    with application.ledger.write() as session:
        now, actor = application.clock(), Actor("cli", "ops")
        record_audit(session, actor, "suppressions add", "m:0", now=now, reason=f"{NAME} called")
        pauses.pause(session, "queue:mail/x", cause="not_allowed", reason=f"relaying denied: {EMAIL}", now=now)
        session.add(pauses.BreakerRow(scope="queue:mail/y", reason=f"refused {EMAIL}"))
        marie = session.execute(select(ContactRow).where(ContactRow.vendor_id == "1")).scalar_one()
        response = session.execute(select(ResponseRow).where(ResponseRow.contact_id == marie.id)).scalar_one()
        subject = person_subject(marie.id)
        case = session.execute(select(CaseRow).where(CaseRow.response_id == response.id)).scalar_one()
        entry = {"kind": "note", "actor_kind": "console", "actor_name": "ops", "text": f"{NAME} waits for a call"}
        session.add(CaseEntryRow(case_id=case.id, at=now, **entry))
        session.add(ResponseDimensionRow(response_id=response.id, name="location", value="Lyon"))
        session.add(DigestOptOutRow(scope="company", mailbox=marie.mailbox, at=now))
        session.add(CommentThemeRow(response_id=response.id, theme="website"))
        session.add(ReviewRequestRow(subject=subject, platform="stars", response_id=response.id, sent=True))
        suppress(application.ctx, session, [subject], "bounced", source="the test")
        key = {"name": "shop", "prefix": "p", "secret_hash": "h", "scopes": [], "created_by": "ops", "created_at": now}
        session.add(ApiKeyRow(id=1, **key))
        session.flush()
        answer = {"contact": {"connection": "crm", "id": "1"}, "name": NAME}
        repeated = {"api_key_id": 1, "key": "k", "request_hash": "h", "created_at": now}
        plan = {"arguments": {"contacts": [marie.id]}, "contacts": [marie.id]}
        numbers = {"people": 1, "items": 1, "created_at": now, "expires_at": now}
        names = {"public_id": "p", "plan_hash": "h", "planned_by": "shop", "state": "open"}
        staff = {"owner": "Paul", "opened_by": "ops", "opened_at": now, "deadline": now.date()}
        days = {"evidence_first": now.date(), "evidence_last": now.date()}
        session.add(ProblemRow(title=f"{NAME} waits", note=f"call {EMAIL}", cause_kind="group", **staff, **days))
        session.add(ApprovalRow(kind="ask_people", plan=plan, **numbers, **names))
        session.add(IdempotencyKeyRow(status=200, response=answer, **repeated))
    application.run(only="jobs")
    change(
        application,
        "UPDATE jobs SET last_error = :text, memo = :memo WHERE name = 'pause_notices'",
        text=f"refused {EMAIL}",
        memo=json.dumps({"cursor": "7", "failure": {"reason": f"refused {EMAIL}"}}),
    )


def erase_at_the_vendor(application, person: str = "1") -> None:
    application.webhook({"id": person, "kind": "contact.privacy_deleted", "at": application.clock().isoformat()})
    application.run(only="crm/")


def export_person(ctx, contact_id):
    with ctx.ledger.read() as session:
        return export_contacts(ctx, session, [session.get_one(ContactRow, contact_id)])


def erase_person(ctx, contact_id, *, source):
    with ctx.ledger.write() as session:
        erase_contacts(ctx, session, [session.get_one(ContactRow, contact_id)], source=source)


def contact_id(application, person: str = "1") -> int:
    with application.ledger.read() as session:
        return session.execute(select(ContactRow.id).where(ContactRow.vendor_id == person)).scalar_one()


def test_an_erased_person_is_nowhere_in_the_database_and_others_are_untouched(application):
    paul = surveyed(application, "2", "paul@example.com", "Paul Petit", "Caves Petit")
    application.answer(paul, 3, "Un peu lent")
    application.run()
    fill_every_table(application)
    others = export_person(application.ctx, contact_id(application, "2"))
    held = export_person(application.ctx, contact_id(application))
    assert {table for table, rows in held.items() if not rows} == set(), "each registered table has a row of hers"
    assert sorted(find_texts(application.ledger, *PERSONAL_TEXTS)) == sorted(PERSONAL_TEXTS)
    erase_at_the_vendor(application)
    assert find_texts(application.ledger, *PERSONAL_TEXTS) == []
    left = export_person(application.ctx, contact_id(application))
    assert not [text for text in PERSONAL_TEXTS if text in str(left)]
    assert {table: len(rows) for table, rows in left.items() if table in ("responses", "deliveries", "attempts")} == {
        table: len(held[table]) for table in ("responses", "deliveries", "attempts")
    }
    assert [row["score"] for row in left["responses"]] == [1]
    assert export_person(application.ctx, contact_id(application, "2")) == others
    with application.ledger.read() as session:
        memos = session.execute(text("SELECT memo FROM jobs WHERE name = 'pause_notices'")).scalars().all()
    assert "cursor" in str(memos)


@pytest.mark.parametrize("state", ["pending", "held", "dead", "running"])
def test_unfinished_deliveries_of_an_erased_person_are_cancelled_and_emptied(application, state):
    respond(application, surveyed(application))
    change(
        application,
        "UPDATE deliveries SET state = :state, payload = :payload, lease_token = 't', lease_until = :now,"
        " started_at = :now WHERE action != 'send_survey'",
        state=state,
        payload=f'"{EMAIL}"',
        now=application.clock().replace(tzinfo=None) if application.ledger.is_sqlite else application.clock(),
    )
    erase_person(application.ctx, contact_id(application), source="the test")
    rows = [row for row in application.deliveries() if row.action != "send_survey"]
    assert {row.action for row in rows} == {"write_score", "invite_review", "open_ticket", "send_alert"}
    assert {(row.state, row.cancel_code, row.payload, row.lease_token) for row in rows} == {
        ("cancelled", "contact_blocked", None, None)
    }
    assert {row.in_doubt for row in rows} == {state == "running"}
    application.clock.forward("30d")
    application.run()
    assert (application.crm.items, application.desk.items, application.bell.items) == ([], [], [])


def test_erasure_comes_first_in_every_preparation(application):
    """Also of a ticket in doubt whose payload is stored, and of mail to staff about the response."""
    respond(application, surveyed(application))
    with application.ledger.write() as session:
        apply_opt_outs(
            application.ctx,
            session,
            [session.execute(select(ContactRow.mailbox)).scalar_one()],
            reason="opted_out",
            source="the test",
        )
    application.desk.raising = [Rejected("the group is gone")]
    application.run(only="open_ticket")
    application.clock.forward("6m")
    application.run(only="jobs")
    change(
        application,
        "UPDATE deliveries SET state = 'pending', in_doubt = true, cancel_code = NULL WHERE action != 'send_survey'",
    )
    with application.ledger.write() as session:
        session.execute(update(ContactRow).values(erased_at=application.clock()))
    calls = len(application.desk.calls)
    application.clock.forward("30d")
    application.run(only="/")
    states = {row.action: (row.state, row.cancel_code) for row in application.deliveries()}
    assert states.pop("send_survey") == ("succeeded", None)
    assert states == dict.fromkeys(
        ("write_score", "invite_review", "open_ticket", "send_alert", "write_opt_out", "send_fallback"),
        ("cancelled", "contact_blocked"),
    )
    assert (len(application.desk.calls), application.desk.looked_for) == (calls, 0)


class ErasingHelpdesk(FakeHelpdesk):
    """A helpdesk during whose call the person is erased."""

    def __init__(self, outcome: object) -> None:
        super().__init__()
        self.outcome = outcome
        self.erase = lambda: None

    @hookimpl
    def nps_open_tickets(self, connection, drafts):
        self.erase()
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return [self.outcome for _ in drafts]


@pytest.mark.parametrize(
    "outcome",
    [
        Receipt(id="t-1", note=f"for {NAME}"),
        Rejected(f"{EMAIL} is blocked", exchange={"request": COMMENT}),
        ValueError(f"a bug with {NAME}"),
    ],
    ids=["receipt", "rejected", "bug"],
)
def test_a_delivery_that_ends_after_the_erasure_writes_nothing_back(ledger, clock, outcome):
    desk = ErasingHelpdesk(outcome)
    application = ApplicationHarness(ledger, clock, CONFIGURATION, desk=desk)
    respond(application, surveyed(application))
    desk.erase = lambda: erase_person(application.ctx, contact_id(application), source="the test")
    application.run()
    application.clock.forward("30d")
    application.run()
    assert {row.state for row in application.deliveries("open_ticket")} == {"cancelled"}
    assert find_texts(ledger, *PERSONAL_TEXTS) == []


def test_what_arrives_after_the_erasure_is_not_stored(application):
    token = surveyed(application)
    mail = application.deliveries("send_survey")[0]
    erase_at_the_vendor(application)
    respond(application, token)
    application.backend.record_visits(
        [SurveyPageRequest(token, PageView(method="GET", at=application.clock(), address=NETWORK, agent=BROWSER))]
    )
    application.post.bounces = [
        Bounce(kind="hard", message_id=mail.receipt_id, detail=f"550 {EMAIL}"),
        Bounce(kind="hard", address=EMAIL, detail=f"550 {EMAIL} unknown"),
    ]
    application.backend.report_bounces(application.ctx.links.bounces("mail"), b"a report")
    application.webhook(application.won("1", deal="late", city=COMPANY))
    application.webhook({"id": "u-1", "kind": "deal.lost", "person": "1", "city": NAME, "at": "2026-01-01T00:00Z"})
    application.run()
    person = ContactKey(kind="email", value=EMAIL.upper())
    create_manual_event(application.ctx, "crm", "deal.won", contact=person, object_id="d-9", fields={"city": COMPANY})
    application.run()
    imported = ImportedResponse(
        "i-1",
        ImportedPerson(2, None, "1", NAME, None),
        9,
        COMMENT,
        application.clock() - timedelta(days=1),
        False,
        None,
    )
    totals, errors = Counter(), RowErrors()
    store_responses(application.ctx, ImportTarget("after-purchase", "crm", True), [imported], totals, errors)
    assert dict(errors.counts) == {"erased": 1}
    assert find_texts(application.ledger, *PERSONAL_TEXTS) == []


def test_an_event_whose_person_is_found_later_keeps_ids_only_and_its_webhook_is_emptied(application):
    """The deal does not name the person: only its decision finds out, after the erasure."""
    surveyed(application)
    application.webhook(application.won("1", deal="late", city=COMPANY))
    application.store()
    erase_at_the_vendor(application)
    application.run()
    with application.ledger.read() as session:
        events = {row.object_id: row for row in session.execute(select(EventRow)).scalars()}
        bodies = session.execute(select(RawRequest.body).order_by(RawRequest.id)).scalars().all()
    assert (events["late"].contact_id, events["late"].record["fields"]) == (contact_id(application), {})
    assert [bool(body) for body in bodies] == [False, False, False]
    assert find_texts(application.ledger, *PERSONAL_TEXTS) == []


def test_a_webhook_that_holds_the_same_number_for_something_else_is_left_alone(application):
    """A short id of one person is an amount, a counter or another object's id in the webhooks of others."""
    surveyed(application, "5")
    surveyed(application, "77", "paul@example.com", "Paul Petit", "Caves Petit")
    facts = [
        application.won("77", deal="d-2", amount=5),
        {"id": "5", "kind": "deal.lost", "person": "77", "at": "2026-01-01T00:00Z"},
    ]
    for fact in facts:
        application.webhook(fact)
    application.run()
    erase_person(application.ctx, contact_id(application, "5"), source="the test")
    with application.ledger.read() as session:
        bodies = session.execute(select(RawRequest.body).order_by(RawRequest.id)).scalars().all()
    assert [bool(body) for body in bodies] == [False, True, True, True]


def test_contacts_that_were_merged_into_an_erased_one_are_erased_too(application):
    respond(application, surveyed(application))
    survivor = Contact(connection="crm", id="7", email="m@example.com", merged_ids=("1",))
    with application.ledger.write() as session:
        upsert_contacts(session, [survivor], application.clock())
    erase_person(application.ctx, contact_id(application, "7"), source="the test")
    assert find_texts(application.ledger, *PERSONAL_TEXTS, "m@example.com") == []


def test_an_erasure_waits_for_the_event_that_is_being_stored(application):
    """Else what a worker stores after it has read the contact would outlive the erasure."""
    surveyed(application)
    erased_id = contact_id(application)
    eraser = threading.Thread(target=erase_person, args=(application.ctx, erased_id), kwargs={"source": "the test"})
    with application.ledger.write() as session:
        [stored] = upsert_contacts(session, [application.crm.people["1"]], application.clock()).values()
        eraser.start()
        while eraser.is_alive() and not _has_waiter(application):
            pass
        assert not stored.erased
        session.connection().execute(
            text("UPDATE events SET record = :record WHERE contact_id = :id"),
            {
                "record": f'{{"key":"k","kind":"deal.won","object_id":"1","occurred_at":"x","fields":{{"a":"{NAME}"}}}}',
                "id": erased_id,
            },
        )
    eraser.join()
    assert find_texts(application.ledger, *PERSONAL_TEXTS) == []


def _has_waiter(application) -> bool:
    """Whether a transaction waits for another one."""
    if application.ledger.is_sqlite:
        return bool(application.ledger._write_lock._waiters)
    with application.ledger.engine.connect() as connection:
        return connection.execute(text("SELECT count(*) FROM pg_locks WHERE NOT granted")).scalar_one() > 0


def test_the_log_of_sqlite_is_emptied_and_a_busy_one_at_the_next_heartbeat(application):
    if not application.ledger.is_sqlite:
        return
    surveyed(application)
    log = application.ledger.file.with_name(f"{application.ledger.file.name}-wal")
    with application.ledger.read() as reader:
        reader.execute(select(DeliveryRow.id)).all()
        erase_person(application.ctx, contact_id(application), source="the test")
        assert (application.ledger.holds_erased_log, log.stat().st_size > 0) == (True, True)
    application.ledger.checkpoint()
    assert (application.ledger.holds_erased_log, log.stat().st_size) == (False, 0)


def test_every_registered_table_is_exported(application):
    surveyed(application)
    exported = export_person(application.ctx, contact_id(application))
    assert exported.keys() == {entry.table.__tablename__ for entry in PERSONAL_TABLES}
    assert exported["contacts"][0]["email"] == EMAIL
    assert "lease_token" not in exported["deliveries"][0]
