"""Mail in doubt, settled by what the log of the mail server says."""

from __future__ import annotations

import pytest
from support.application import ApplicationHarness

from nps_connect.app.actions import ACTIONS
from nps_connect.errors import OutcomeUnknown
from nps_connect.ledger.audit_log import Actor
from nps_connect.ledger.subjects import mailbox_subject
from nps_connect.ledger.tables import DeliveryRow
from nps_connect.services.deliveries.settle_in_doubt import in_doubt_message_id, settle_by_operator
from nps_connect.services.suppressions.store import suppress


@pytest.fixture
def application(ledger, clock):
    harness = ApplicationHarness(
        ledger, clock, {"surveys": {"after-purchase": {"channel": "mail", "reminder_after": "4d"}}}
    )
    harness.post.raising = [OutcomeUnknown("the line broke after the last dot")]
    harness.crm.knows("1", "marie@example.com")
    harness.webhook(harness.won("1"))
    harness.run()
    harness.clock.forward("3d")
    harness.run()
    return harness


def settle(application, *, sent: bool) -> str | None:
    with application.ledger.write() as session:
        row = session.get_one(DeliveryRow, application.deliveries("send_survey")[0].id)
        arguments = {"actions": ACTIONS, "settings": application.ctx.settings, "now": application.clock()}
        return settle_by_operator(application.ctx, Actor("cli", "ops"), session, row, sent=sent, **arguments).refused


def test_the_message_id_in_doubt_is_that_of_the_mail_also_in_a_backup_from_before_it(application):
    [row] = application.deliveries("send_survey")
    assert (row.state, row.in_doubt) == ("held", True)
    expected = application.post.items[0].message_id
    assert in_doubt_message_id(row, ACTIONS, application.ctx.links) == expected
    row.options = {}
    assert in_doubt_message_id(row, ACTIONS, application.ctx.links) == expected


def test_sent_mail_has_a_reminder(application):
    assert settle(application, sent=True) is None
    application.clock.forward("5d")
    application.run()
    assert [message.kind for message in application.post.items] == ["survey", "reminder"]


def test_mail_that_was_not_sent_is_checked_again(application):
    mailbox = application.deliveries("send_survey")[0].options["mailbox"]
    with application.ledger.write() as session:
        suppress(application.ctx, session, [mailbox_subject(mailbox)], "opted_out", source="test")
    assert settle(application, sent=False) == "suppressed: opted_out; see: nps-connect suppressions list"
    assert application.deliveries("send_survey")[0].in_doubt
