"""An operator sends now what waits; nobody is reached who must not be."""

from __future__ import annotations

import pytest
from sqlalchemy import select
from support.application import ApplicationHarness

from nps_connect.app.actions import ACTIONS
from nps_connect.errors import RetryLater
from nps_connect.ledger import pauses
from nps_connect.ledger.audit_log import Actor, AuditRow
from nps_connect.ledger.tables import ContactRow, DeliveryRow
from nps_connect.records.actions import HoldCode
from nps_connect.services.deliveries.expedite import expedite_by_operator
from nps_connect.services.suppressions.opt_out import apply_opt_outs

NIGHT = {"quiet_hours": "00:00-23:59", "quiet_days": ["saturday", "sunday"]}
OPERATOR = Actor("cli", "op")


def plan_survey(application: ApplicationHarness, person: str = "1", email: str = "marie@example.com") -> None:
    application.crm.knows(person, email)
    application.webhook(application.won(person, deal=f"deal-{person}"))
    application.run()


def expedite(application: ApplicationHarness, row: DeliveryRow) -> str | None:
    """Expedite a delivery; return why it was refused."""
    with application.ledger.write() as session:
        current = session.get(DeliveryRow, row.id)
        settings, now = application.ctx.settings, application.clock()
        return expedite_by_operator(OPERATOR, session, current, actions=ACTIONS, settings=settings, now=now).refused


def sent_to(application: ApplicationHarness) -> list[str]:
    return [mail.to.email for mail in application.post.items]


@pytest.fixture
def in_quiet_hours(ledger, clock):
    """An application with one survey mail that waits for the end of quiet hours."""
    application = ApplicationHarness(ledger, clock, {"limits": NIGHT})
    plan_survey(application)
    clock.forward("3d")
    application.run()
    [row] = application.deliveries("send_survey")
    assert (row.state, row.hold_code) == ("pending", HoldCode.QUIET_HOURS)
    return application


def test_mail_in_quiet_hours_is_sent_and_recorded(in_quiet_hours):
    [row] = in_quiet_hours.deliveries("send_survey")
    assert expedite(in_quiet_hours, row) is None
    in_quiet_hours.run()
    assert sent_to(in_quiet_hours) == ["marie@example.com"]
    with in_quiet_hours.ledger.read() as session:
        audit = session.execute(select(AuditRow)).scalars().one()
    assert (audit.command, audit.object) == ("deliveries expedite", f"delivery:{row.id}")
    assert audit.reason.startswith("deferred: quiet hours")


def test_mail_beyond_the_daily_cap_is_sent_and_counted(ledger, clock):
    planned = ApplicationHarness(ledger, clock)
    application = ApplicationHarness(ledger, clock, {"limits": {"surveys_per_day": 1}})
    for person in ("1", "2", "3"):
        plan_survey(planned, person, f"p{person}@example.com")
        application.crm.knows(person, f"p{person}@example.com")
    with ledger.write() as session:
        for row in session.execute(select(DeliveryRow).where(DeliveryRow.action == "send_survey")).scalars():
            row.due_at = clock()
    application.run()
    [_, capped, later] = application.deliveries("send_survey")
    assert capped.hold_code == HoldCode.DAILY_CAP
    assert expedite(application, capped) is None
    application.run()
    assert [address for address in sent_to(application) if address != "care@example.com"] == [
        "p1@example.com",
        "p2@example.com",
    ], "besides the notice to staff"
    assert application.deliveries("send_survey")[2].due_at == later.due_at, "the others keep their days"


def test_a_retry_does_not_wait(ledger, clock):
    application = ApplicationHarness(ledger, clock)
    application.desk.raising = [RetryLater("the desk is closed")]
    application.answer(application.surveyed(), 2)
    application.run(only="open_ticket")
    [row] = application.deliveries("open_ticket")
    assert row.due_at > clock()
    assert expedite(application, row) is None
    application.run(only="open_ticket")
    assert application.deliveries("open_ticket")[0].state == "succeeded"
    assert expedite(application, row) == "it is succeeded; only pending deliveries wait for a later time"


def test_nobody_is_reached_who_opted_out(in_quiet_hours):
    [row] = in_quiet_hours.deliveries("send_survey")
    with in_quiet_hours.ledger.write() as session:
        mailbox = session.get(ContactRow, row.contact_id).mailbox
        apply_opt_outs(in_quiet_hours.ctx, session, [mailbox], reason="opted_out", source="test")
    assert expedite(in_quiet_hours, row) is not None
    in_quiet_hours.run()
    assert sent_to(in_quiet_hours) == []


@pytest.mark.parametrize(
    "scope", [pauses.MAIL_SCOPE, "connection:mail", "queue:mail/send_survey", "survey:after-purchase"]
)
def test_a_pause_is_not_bypassed(in_quiet_hours, scope):
    with in_quiet_hours.ledger.write() as session:
        pauses.pause(session, scope, cause="operator", reason="checking", now=in_quiet_hours.clock())
    [row] = in_quiet_hours.deliveries("send_survey")
    refused = expedite(in_quiet_hours, row)
    assert refused == f"{scope} is paused: checking; to resume: nps-connect resume {scope}"


def test_what_is_due_is_left_alone(ledger, clock):
    application = ApplicationHarness(ledger, clock)
    application.answer(application.surveyed(), 2)
    clock.forward("1h")
    [row] = application.deliveries("open_ticket")
    assert expedite(application, row) == "it is due already"
