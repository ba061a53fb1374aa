"""Dead and held deliveries go on by the operator's word, without doing anything twice."""

from __future__ import annotations

from datetime import timedelta

import pytest

from nps_connect.errors import OutcomeUnknown, Rejected
from nps_connect.services.deliveries.retry import RETRYABLE_STATES, load_deliveries_by_id, retry
from nps_connect.services.deliveries.selection import DeliverySelection, select_deliveries

COOLDOWN = timedelta(days=90)
ONLY = "only dead and held deliveries are tried again"


@pytest.fixture
def again(application):
    """Retry by action; gives why each was refused, or none."""

    def run(action, **more):
        with application.ledger.write() as session:
            rows = load_deliveries_by_id(session, [row.id for row in application.deliveries(action)])
            refused = [retry(session, row, cooldown=COOLDOWN, now=application.clock(), **more).refused for row in rows]
        application.run()
        return refused

    return run


def test_a_dead_ticket_goes_on_with_the_same_bytes_and_fresh_tries(application, again):
    application.desk.raising = [Rejected("the form is closed")]
    application.answer(application.surveyed(), 2)
    application.run()
    assert application.deliveries("open_ticket")[0].state == "dead"
    assert again("open_ticket") == [None]
    [row] = application.deliveries("open_ticket")
    assert (row.state, row.attempts, row.error_kind) == ("succeeded", 0, None)
    first, second = application.desk.items
    assert first == second


def test_mail_that_may_have_been_sent_goes_out_again_by_this_command_only(application, again):
    application.post.raising = [OutcomeUnknown("the line broke after the last dot")]
    application.crm.knows("1", "marie@example.com")
    application.webhook(application.won("1"))
    application.run()
    application.clock.forward("3d")
    application.run()
    assert application.states() == {"send_survey": "held"}
    application.clock.forward("1d")
    application.run()
    assert len(application.post.calls) == 1
    assert again("send_survey") == ["it may have been sent already; to send it again: --even-if-sent"]
    assert len(application.post.calls) == 1
    assert again("send_survey", even_if_sent=True) == [None]
    assert application.states() == {"send_survey": "succeeded"}
    assert len(application.post.calls) == 2


def test_a_refused_survey_gets_its_invitation_and_its_cooldown_back(application, again):
    application.post.raising = [Rejected("unknown mailbox")]
    application.crm.knows("1", "marie@example.com")
    application.webhook(application.won("1"))
    application.run()
    application.clock.forward("3d")
    application.run()
    assert application.states() == {"send_survey": "dead"}
    assert again("send_survey") == [None]
    assert application.answer(application.token("marie@example.com"), 9).state == "answered"
    application.webhook(application.won("1", deal="another"))
    application.run()
    assert len(application.deliveries("send_survey")) == 1


def test_a_refused_survey_stays_so_if_the_person_was_invited_since(application, again):
    application.post.raising = [Rejected("unknown mailbox")]
    application.crm.knows("1", "marie@example.com")
    application.webhook(application.won("1"))
    application.run()
    application.clock.forward("3d")
    application.run()
    application.webhook(application.won("1", deal="another"))
    application.run()
    assert again("send_survey") == ["the person was invited to another survey since", f"it is pending; {ONLY}"]


def test_an_expired_survey_stays_so(application, again):
    application.post.raising = [Rejected("unknown mailbox")]
    application.crm.knows("1", "marie@example.com")
    application.webhook(application.won("1"))
    application.run()
    application.clock.forward("3d")
    application.run()
    application.clock.forward("61d")
    assert again("send_survey") == ["its survey has expired"]


def test_an_update_waits_for_its_ticket(application, again):
    application.desk.raising = [Rejected("the form is closed")]
    token = application.surveyed()
    application.answer(token, 2)
    application.run()
    application.answer(token, 2, "Now with a comment")
    application.run()
    [ticket] = application.deliveries("open_ticket")
    assert again("update_ticket") == [f"it waits for delivery {ticket.id}; retry that one"]
    assert again("open_ticket") == [None]
    assert [row.state for row in application.deliveries("update_ticket")] == ["succeeded"]


def test_what_succeeded_is_not_tried_again(application, again):
    application.surveyed()
    assert again("send_survey") == [f"it is succeeded; {ONLY}"]
    assert len(application.post.calls) == 1


def test_finding_what_is_stopped(application):
    application.desk.raising = [Rejected("closed")]
    application.bell.raising = [Rejected("closed")]
    application.answer(application.surveyed(), 2)
    application.run()
    with application.ledger.write() as session:
        assert {row.action for row in select_deliveries(session, DeliverySelection(), RETRYABLE_STATES)} == {
            "open_ticket",
            "send_alert",
        }
        assert [
            row.action for row in select_deliveries(session, DeliverySelection(connection="team"), RETRYABLE_STATES)
        ] == ["send_alert"]
        assert [
            row.action for row in select_deliveries(session, DeliverySelection(action="open_ticket"), RETRYABLE_STATES)
        ] == ["open_ticket"]
        assert (
            select_deliveries(session, DeliverySelection(connection="team", action="open_ticket"), RETRYABLE_STATES)
            == []
        )
