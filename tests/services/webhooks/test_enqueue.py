"""Facts become webhooks in their own transaction, for the connections that subscribe to them and for no others."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from contextlib import contextmanager, suppress

import pytest
from sqlalchemy import select
from sqlalchemy.event import listen, remove
from sqlmodel import Session, col
from support.api_client import ApiClient
from support.database_dump import find_texts
from support.recovery_scenarios import create_detractor_case, send_recovery_survey, send_ticket_event

from nps_connect import Bounce, RetryLater
from nps_connect.ledger.subjects import mailbox_hash
from nps_connect.ledger.tables import ContactRow, DeliveryRow, ResponseRow
from nps_connect.records.webhooks import WEBHOOK_DATA
from nps_connect.rules.imports.row_errors import RowErrors
from nps_connect.services.imports.contact_rows import ImportedSuppression
from nps_connect.services.imports.match_contacts import ImportTarget
from nps_connect.services.imports.people import ImportedPerson
from nps_connect.services.imports.response_rows import ImportedResponse
from nps_connect.services.imports.store_responses import store_responses
from nps_connect.services.imports.store_suppressions import store_suppressions
from nps_connect.services.operations.data_requests import erase_person, find_person, preview_erasure
from nps_connect.services.suppressions.opt_out import apply_opt_outs

EMAIL = "marie@example.com"


def sent(application, webhook_type=None):
    """Return the webhooks that the receiver got, after comparing each with the published shape of its type."""
    application.run()
    for webhook in application.receiver.items:
        WEBHOOK_DATA[webhook.type].model_validate(webhook.data)
    return [webhook for webhook in application.receiver.items if webhook_type in (None, webhook.type)]


def test_a_first_response_and_its_changes_are_told_with_every_revision(build):
    application = build()
    token = application.surveyed("1", EMAIL)
    application.answer(token, 9, "Very good", sent=False)
    application.clock.forward("1m")
    application.answer(token, 8, "Good")
    application.answer(token, 8, "Good")  # the same once more is no change
    recorded, changed = sent(application, "response.recorded") + sent(application, "response.changed")
    assert recorded.data["contact"] == {"connection": "crm", "id": "1"}
    assert {name: recorded.data["response"][name] for name in ("revision", "score", "segment", "comment")} == {
        "revision": 1,
        "score": 9,
        "segment": "promoter",
        "comment": "Very good",
    }
    assert (changed.data["response"]["revision"], changed.data["response"]["score"]) == (2, 8)
    assert recorded.data["response"]["id"] == changed.data["response"]["id"]
    assert changed.timestamp == application.clock()
    assert EMAIL not in json.dumps([webhook.data for webhook in sent(application)]), "ids only, no address"


def test_a_provisional_score_is_not_told(build):
    application = build()
    application.show(application.surveyed(), application.visit(score=9))
    assert sent(application, "response.recorded") == []


def test_the_second_of_two_conflicting_scores_is_told_once_it_is_confirmed(build):
    application = build(types=["response.recorded", "response.changed"])
    token = application.surveyed()
    application.answer(token, 9)
    application.clock.forward("3s")
    application.answer(token, 2)
    assert [webhook.data["response"]["score"] for webhook in sent(application)] == []
    application.clock.forward("1m")
    application.answer(token, 2)
    assert [(webhook.type, webhook.data["response"]["score"]) for webhook in sent(application)] == [
        ("response.recorded", 9),
        ("response.changed", 2),
    ]


def test_a_case_is_told_when_it_is_opened_solved_reopened_and_recovered(build):
    application = build(types=["case.opened", "case.solved", "case.recovered"])
    case = create_detractor_case(application)
    [opened] = sent(application)
    response_id = application.desk.items[0].response.id
    assert opened.data["contact"] == {"connection": "crm", "id": "1"}
    assert opened.data["case"] == {
        "response_id": response_id,
        "state": "open",
        "connection": "helpdesk",
        "ticket_id": case.ticket_id,
        "opened_at": opened.data["case"]["opened_at"],
        "deadline": opened.data["case"]["deadline"],
        "reopened": 0,
        "solved_at": None,
        "recovered_at": None,
        "recovered_score": None,
    }
    assert opened.timestamp == case.opened_at
    application.clock.forward("5h")
    send_ticket_event(application, "ticket.solved")
    send_ticket_event(application, "ticket.closed")  # what was solved before is told once
    application.clock.forward("1h")
    send_ticket_event(application, "ticket.reopened")
    application.answer(send_recovery_survey(application), 9)
    states = [
        (webhook.type, webhook.data["case"]["state"], webhook.data["case"]["reopened"]) for webhook in sent(application)
    ]
    assert states == [
        ("case.opened", "open", 0),
        ("case.solved", "solved", 0),
        ("case.opened", "open", 1),
        ("case.solved", "solved", 1),
        ("case.recovered", "solved", 1),
    ]
    assert sent(application)[-1].data["case"]["recovered_score"] == 9


def test_approved_and_deferred_surveys_are_told_and_refused_ones_only_on_request(build):
    application = build(types=["decision.made"])
    application.surveyed("1", EMAIL)
    application.webhook(application.won("1", deal="deal-2"))  # within the cooldown
    [webhook] = sent(application)
    assert webhook.data["decision"]["verdict"] == "yes"
    assert webhook.data["event"]["object_id"] == "deal-1"
    assert webhook.data["contact"] == {"connection": "crm", "id": "1"}


def test_all_decisions_are_told_on_request(build):
    application = build(types=["decision.made"], all_decisions=True)
    application.surveyed("1", EMAIL)
    application.webhook(application.won("1", deal="deal-2"))
    assert [
        (webhook.data["decision"]["verdict"], webhook.data["decision"]["reason"]) for webhook in sent(application)
    ] == [
        ("yes", "surveyed"),
        ("no", "cooldown"),
    ]


def test_a_deferred_decision_is_told_with_its_moment_and_once_more_when_it_is_made(build):
    application = build(types=["decision.made"], limits={"when_blocked": "defer", "defer_at_most": "200d"})
    application.surveyed("1", EMAIL)
    application.webhook(application.won("1", deal="deal-2"))
    _, deferred = sent(application)
    assert deferred.data["decision"]["verdict"] == "deferred"
    assert deferred.data["decision"]["eligible_at"] is not None
    application.clock.forward("100d")
    assert [webhook.data["decision"]["verdict"] for webhook in sent(application)] == ["yes", "deferred", "yes"]
    assert len({webhook.idempotency_key for webhook in application.receiver.items}) == 3


def test_an_opt_out_a_complaint_and_a_bounce_are_told_with_their_reason(build):
    application = build(types=["contact.suppressed"])
    for number, kind in enumerate(("complaint", "hard")):
        application.surveyed(f"b{number}", f"b{number}@example.com")
        message_id = application.deliveries("send_survey")[-1].receipt_id
        application.post.bounces = [Bounce(kind=kind, message_id=message_id)]
        application.backend.report_bounces(application.ctx.links.bounces("mail"), b"a report")
    application.surveyed("1", EMAIL)
    application.backend.unsubscribe(application.token(EMAIL, "u"))
    application.backend.unsubscribe(application.token(EMAIL, "u"))
    assert [(webhook.data["contact"]["id"], webhook.data["reason"]) for webhook in sent(application)] == [
        ("b0", "objected"),
        ("b1", "bounced"),
        ("1", "opted_out"),
    ]


def erase(application, carry_out=erase_person):
    with application.ledger.write() as session:
        carry_out(application.ctx, session, find_person(session, EMAIL, list(application.ctx.connections)))


def test_an_erasure_is_told_with_the_id_alone_and_what_was_to_be_told_before_is_not_sent(build):
    application = build()
    token = application.surveyed("1", EMAIL)
    application.run()
    application.answer(token, 2, "A comment about the delivery")
    before = len(application.receiver.items)
    erase(application, preview_erasure)
    assert [row for row in application.deliveries("send_webhook") if row.options["webhook"] == "contact.erased"] == []
    erase(application)
    erase(application)
    [webhook] = sent(application)[before:]
    assert (webhook.type, webhook.data) == ("contact.erased", {"contact": {"connection": "crm", "id": "1"}})
    recorded = [row for row in application.deliveries("send_webhook") if row.options["webhook"] == "response.recorded"]
    assert [(row.state, row.payload) for row in recorded] == [("cancelled", None)]
    assert find_texts(application.ledger, "A comment about the delivery") == []


def test_a_transaction_that_is_rolled_back_leaves_no_webhook(build):
    application = build()
    application.surveyed("1", EMAIL)
    before = len(application.deliveries())

    def opt_out(session):
        apply_opt_outs(application.ctx, session, [mailbox_hash(EMAIL)], reason="opted_out", source="the test")
        raise ZeroDivisionError

    def erase_and_fail(session):
        erase_person(application.ctx, session, find_person(session, EMAIL, ["crm"]))
        raise ZeroDivisionError

    for change in (opt_out, erase_and_fail):
        with pytest.raises(ZeroDivisionError), application.ledger.write() as session:
            change(session)
    assert len(application.deliveries()) == before


@contextmanager
def failing_commits_of_webhooks():
    """Let every transaction fail at its end that has written a webhook."""

    def refuse(session):
        written = select(col(DeliveryRow.id)).where(col(DeliveryRow.action) == "send_webhook")
        if session.execute(written).first() is not None:
            raise ZeroDivisionError

    listen(Session, "before_commit", refuse)
    yield
    remove(Session, "before_commit", refuse)


def test_a_fact_and_its_webhook_are_one_transaction(build):
    application = build(types=["response.recorded", "case.opened"])
    token = application.surveyed("1", EMAIL)
    with failing_commits_of_webhooks(), suppress(ZeroDivisionError):
        application.answer(token, 2)
    with application.ledger.read() as session:
        assert [row.revision for row in session.execute(select(ResponseRow)).scalars() if row.revision] == []
    assert application.deliveries("send_webhook") == []
    application.answer(token, 2)
    assert [row.options["webhook"] for row in application.deliveries("send_webhook")] == ["response.recorded"]


def test_a_response_that_the_api_records_is_told(build):
    application = build(types=["response.recorded"])
    application.crm.knows("1", EMAIL)
    call = {"survey": "after-purchase", "connection": "crm", "contact": {"email": EMAIL}, "score": 9}
    with asyncio.Runner() as runner:
        answer = ApiClient(application, runner).post("/responses", {**call, "collected_by": "phone"})
    assert answer.status == 201, answer.body
    [webhook] = sent(application)
    assert (webhook.data["response"]["id"], webhook.data["contact"]["id"]) == (answer.body["id"], "1")


def test_without_a_subscriber_there_is_no_row(build):
    application = build(types=[])
    create_detractor_case(application)
    send_ticket_event(application, "ticket.solved")
    application.backend.unsubscribe(application.token(EMAIL, "u"))
    erase(application)
    application.run()
    assert application.deliveries("send_webhook") == []


def test_a_subscriber_gets_only_the_types_that_it_asks_for(build):
    application = build(types=["case.solved"])
    create_detractor_case(application)
    application.clock.forward("1h")
    send_ticket_event(application, "ticket.solved")
    application.backend.unsubscribe(application.token(EMAIL, "u"))
    assert [webhook.type for webhook in sent(application)] == ["case.solved"]


def test_in_shadow_nothing_is_sent_and_what_becomes_of_people_is_sent_when_the_mode_is_live(build):
    application = build(core={"mode": "shadow"})
    application.crm.knows("1", EMAIL)
    application.webhook(application.won("1"))
    application.run()
    erase(application)
    application.run()
    assert application.receiver.items == []
    rows = [(row.options["webhook"], row.state, row.cancel_code) for row in application.deliveries("send_webhook")]
    assert rows == [("decision.made", "cancelled", "shadow"), ("contact.erased", "pending", None)]


def test_a_retry_has_the_id_of_the_first_try_and_the_body_of_the_moment_of_the_fact(build):
    application = build(types=["response.recorded"])
    application.receiver.raising = [RetryLater("not now")]
    token = application.surveyed("1", EMAIL)
    application.answer(token, 9, "First")
    application.run()
    with application.ledger.write() as session:
        session.execute(select(ResponseRow)).scalars().one().comment = "changed meanwhile"
        session.execute(select(ContactRow)).scalars().one().name = "Another name"
    application.clock.forward("1m")
    first, second = sent(application)
    assert first == second
    assert first.data["response"]["comment"] == "First"


def test_what_an_import_stores_is_told_to_nobody(build):
    application = build()
    application.surveyed("1", EMAIL)
    before = len(application.deliveries())
    stopped = [
        ImportedSuppression(1, mailbox_hash(EMAIL), None, "opted_out"),
        ImportedSuppression(2, "0" * 64, None, "bounced"),
    ]
    store_suppressions(application.ctx, stopped, Counter(), RowErrors(), source="import:plain")
    person = ImportedPerson(1, EMAIL, None, None, None)
    response = ImportedResponse("i-1", person, 2, None, application.clock(), False, None)
    target = ImportTarget("after-purchase", "crm", lookup_enabled=True)
    store_responses(application.ctx, target, [response], Counter(), RowErrors())
    application.run()
    assert len(application.deliveries()) == before
