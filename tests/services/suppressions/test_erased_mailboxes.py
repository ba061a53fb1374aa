"""Of an erased address only a keyed hash stays, and nobody who comes back with the address is contacted."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import select
from support.application import ApplicationHarness
from support.database_dump import find_texts

from nps_connect import Bounce
from nps_connect.errors import NpsConnectError
from nps_connect.ledger.audit_log import Actor
from nps_connect.ledger.subjects import mailbox_hash, mailbox_subject
from nps_connect.ledger.suppressions import SuppressionRow
from nps_connect.ledger.tables import DecisionRow, DeliveryRow
from nps_connect.services.operations.data_requests import erase_person, find_person
from nps_connect.services.suppressions.operator_suppressions import remove_by_operator, suppress_by_operator
from nps_connect.services.suppressions.store import erasure_subjects

EMAIL = "marie@example.com"
ACTOR = Actor("cli", "ops")


@pytest.fixture
def application(ledger, clock) -> ApplicationHarness:
    return ApplicationHarness(ledger, clock)


def erase(application):
    ctx = application.ctx
    with ctx.ledger.write() as session:
        erase_person(ctx, session, find_person(session, EMAIL, list(ctx.connections)))


def reasons(application) -> list[str]:
    with application.ledger.read() as session:
        return [row.reason for row in session.execute(select(DecisionRow).order_by(DecisionRow.id)).scalars()]


def test_the_plain_hash_of_an_erased_address_is_nowhere(application):
    application.answer(application.surveyed("1", EMAIL), 9)
    application.run()
    application.clock.forward("3h")
    application.run()
    application.post.bounces = [Bounce(kind="hard", address=EMAIL, detail="550 unknown")]
    application.backend.report_bounces(application.ctx.links.bounces("mail"), b"a report")
    with application.ledger.write() as session:
        suppress_by_operator(application.ctx, session, [mailbox_hash(EMAIL)], ACTOR, reason="by phone")
    assert find_texts(application.ledger, mailbox_hash(EMAIL)) == [mailbox_hash(EMAIL)]
    erase(application)
    assert find_texts(application.ledger, mailbox_hash(EMAIL)) == []


def test_a_person_who_comes_back_under_another_id_is_not_surveyed(application):
    application.surveyed("1", EMAIL)
    erase(application)
    application.crm.knows("7", EMAIL.upper())
    application.webhook(application.won("7"))
    application.run()
    assert reasons(application)[-1] == "suppressed"
    application.clock.forward("100d")
    application.run()
    assert len(application.post.sent("survey")) == 1


def test_a_mail_that_waits_when_another_contact_with_the_address_is_erased_is_not_sent(application):
    application.crm.knows("7", EMAIL)
    application.webhook(application.won("7"))
    application.run()
    with application.ledger.write() as session:
        [row] = session.execute(select(DeliveryRow).where(DeliveryRow.action == "send_survey")).scalars()
        assert row.state == "pending"
        subject = erasure_subjects(application.ctx, mailbox_hash(EMAIL))[1]
        now = application.clock()
        session.add(SuppressionRow(subject=subject, reason="erased", source="the test", created_at=now))
    application.clock.forward("3d")
    application.run()
    [row] = application.deliveries("send_survey")
    assert (row.state, row.last_error) == ("cancelled", "suppressed: erased")


def test_a_new_signing_key_in_front_of_the_old_one_changes_nothing(application):
    application.surveyed("1", EMAIL)
    erase(application)
    old = application.ctx.erasure_keys
    with application.ledger.read() as session:
        stored = set(session.execute(select(SuppressionRow.subject)).scalars())
    rotated = replace(application.ctx, erasure_keys=(b"0" * 32, *old))
    assert not stored.isdisjoint(erasure_subjects(rotated, mailbox_hash(EMAIL)))
    without = replace(application.ctx, erasure_keys=(b"0" * 32,))
    assert stored.isdisjoint(erasure_subjects(without, mailbox_hash(EMAIL)))


def test_an_erasure_cannot_be_removed_as_a_suppression(application):
    application.surveyed("1", EMAIL)
    erase(application)
    subjects = {mailbox_subject(mailbox_hash(EMAIL))}
    with application.ledger.write() as session, pytest.raises(NpsConnectError, match="was erased"):
        remove_by_operator(application.ctx, session, subjects, ACTOR, reason="a mistake", has_consent=True)
