"""Events of a webhook are decided when it is parsed, unless they have to wait in the queue."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select
from support.application import ApplicationHarness
from support.clock import START

from nps_connect import RetryLater
from nps_connect.ledger import pauses
from nps_connect.ledger.tables import DecisionRow, EventRow, InvitationRow, RawRequest
from nps_connect.services.intake import parse as parse_module


def rows(application: ApplicationHarness, table) -> list:
    with application.ledger.read() as session:
        return list(session.execute(select(table).order_by(table.id)).scalars())


def parse(application: ApplicationHarness) -> None:
    application.run(only="crm/parse")


def states(application: ApplicationHarness) -> list[tuple[str, int]]:
    return [(row.state, row.attempts) for row in rows(application, EventRow)]


def test_event_contact_and_decision_are_stored_together(application):
    application.crm.knows("1", "marie@example.com")
    application.webhook(application.won("1", amount=120))
    parse(application)
    (event,) = rows(application, EventRow)
    assert (event.state, event.record["contacts"][0]["email"]) == ("succeeded", "marie@example.com")
    assert [(row.verdict, row.contact_id) for row in rows(application, DecisionRow)] == [("yes", event.contact_id)]
    assert application.states() == {"send_survey": "pending"}
    assert application.woken.count("mail/send_survey") == 1


def test_event_without_listener_is_stored_without_lookup(application):
    application.webhook(application.won("1") | {"kind": "deal.lost"})
    parse(application)
    assert (states(application), rows(application, DecisionRow), application.crm.looked) == ([("succeeded", 0)], [], 0)


def test_duplicate_events_are_not_looked_up_again(application):
    application.crm.knows("1", "marie@example.com")
    for _ in range(2):
        application.webhook(application.won("1"))
        parse(application)
    assert application.crm.looked == 1
    assert [(row.events_new, row.events_duplicate) for row in rows(application, RawRequest)] == [(1, 0), (0, 1)]


def test_new_events_wait_behind_pending_ones(application):
    application.crm.knows("1", "marie@example.com")
    application.webhook(application.won("1", deal="older"))
    application.store()
    application.webhook(application.won("1", deal="newer"))
    parse(application)
    assert states(application) == [("pending", 0), ("pending", 0)]
    application.run()
    assert [row.reason for row in rows(application, DecisionRow)] == ["surveyed", "cooldown"]


def test_paused_decisions_leave_events_pending(application):
    application.crm.knows("1", "marie@example.com")
    with application.ledger.write() as session:
        pauses.pause(session, pauses.queue_scope("crm", "decide"), cause="operator", reason="x", now=START)
    application.webhook(application.won("1"))
    parse(application)
    assert (states(application), application.crm.looked) == ([("pending", 0)], 0)


def test_failed_lookup_uses_one_attempt(application):
    application.crm.knows("1", "marie@example.com")
    application.crm.looking = [RetryLater("down")]
    application.webhook(application.won("1"), application.won("2") | {"kind": "deal.lost"})
    parse(application)
    assert sorted(states(application)) == [("pending", 1), ("succeeded", 0)]
    waiting = next(row for row in rows(application, EventRow) if row.state == "pending")
    assert (waiting.last_error, waiting.due_at > START) == ("down", True)
    application.clock.forward("1m")
    application.run()
    assert application.states() == {"send_survey": "pending"}


def test_deferred_event_is_pending_until_eligible(ledger, clock):
    application = ApplicationHarness(ledger, clock, {"limits": {"when_blocked": "defer", "defer_at_most": "365d"}})
    application.crm.knows("1", "marie@example.com")
    application.webhook(
        application.won("1", deal="first", at=START - timedelta(hours=1)), application.won("1", deal="second")
    )
    parse(application)
    assert states(application) == [("succeeded", 0), ("pending", 0)]
    (deferred,) = [row for row in rows(application, DecisionRow) if row.verdict == "deferred"]
    assert rows(application, EventRow)[1].due_at == deferred.eligible_at


def test_contact_events_are_applied_in_order(application):
    application.crm.knows("1", "marie@example.com")
    gone = application.won("1", at=START - timedelta(hours=1)) | {"kind": "contact.privacy_deleted", "id": "1"}
    application.webhook(gone, application.won("1"))
    parse(application)
    assert states(application) == [("pending", 0), ("pending", 0)]
    application.run()
    assert rows(application, InvitationRow) == []


def test_decision_error_leaves_events_pending(application, monkeypatch):
    application.crm.knows("1", "marie@example.com")

    def broken(*_arguments, **_more):
        raise RuntimeError("a bug")

    with monkeypatch.context() as patch:
        patch.setattr(parse_module, "decide_batch", broken)
        application.webhook(application.won("1"))
        parse(application)
    assert states(application) == [("pending", 0)]
    assert [row.state for row in rows(application, RawRequest)] == ["succeeded"]
    application.run()
    assert application.states() == {"send_survey": "pending"}


@pytest.mark.parametrize("webhooks", [1, 3])
def test_events_of_several_webhooks_are_decided_in_order_of_occurrence(application, webhooks):
    application.crm.knows("1", "marie@example.com")
    for number in range(webhooks):
        application.webhook(application.won("1", deal=str(number), at=START - timedelta(hours=number)))
    parse(application)
    first = rows(application, InvitationRow)[0].event_id
    assert rows(application, EventRow)[0].id == first
    assert rows(application, EventRow)[0].object_id == str(webhooks - 1)
