"""Retry of dead and held deliveries by an operator."""

from __future__ import annotations

from support.application import ApplicationHarness

from nps_connect.errors import OutcomeUnknown, Rejected
from nps_connect.records.actions import HoldCode
from nps_connect.services.deliveries.operator_actions import (
    RETRYABLE_STATES,
    DeliverySelection,
    load_deliveries_by_id,
    retry_by_operator,
    select_deliveries,
)

ONLY = "only dead and held deliveries are tried again"


def retry_all(application, action, **options) -> list[str | None]:
    """Retry every delivery of an action; returns why each was refused, or None."""
    ctx = application.ctx
    with application.ledger.write() as session:
        rows = load_deliveries_by_id(session, [row.id for row in application.deliveries(action)])
        results = [
            retry_by_operator(
                session, row, actions=ctx.actions, settings=ctx.settings, now=application.clock(), **options
            )
            for row in rows
        ]
    application.run()
    return [result.refused for result in results]


def test_a_dead_ticket_is_retried_with_the_same_payload_and_new_attempts(application):
    application.desk.raising = [Rejected("the form is closed")]
    application.answer(application.surveyed(), 2)
    application.run()
    assert application.deliveries("open_ticket")[0].state == "dead"
    assert retry_all(application, "open_ticket") == [None]
    [row] = application.deliveries("open_ticket")
    assert (row.state, row.attempts, row.error_kind) == ("succeeded", 0, None)
    first, second = application.desk.items
    assert first == second


def test_a_survey_in_doubt_is_sent_again_only_with_even_if_sent(application):
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
    assert retry_all(application, "send_survey") == ["it may have been sent already; to send it again: --even-if-sent"]
    assert len(application.post.calls) == 1
    assert retry_all(application, "send_survey", even_if_sent=True) == [None]
    assert application.states() == {"send_survey": "succeeded"}
    assert len(application.post.calls) == 2


def test_a_reminder_in_doubt_is_sent_again_only_with_even_if_sent(ledger, clock):
    survey = {"channel": "mail", "reminder_after": "4d", "reminders": 1}
    application = ApplicationHarness(ledger, clock, {"surveys": {"after-purchase": survey}})
    application.surveyed()
    application.post.raising = [OutcomeUnknown("the line broke after the last dot")]
    application.clock.forward("4d")
    application.run()
    [reminder] = application.deliveries("send_reminder")
    assert (reminder.state, reminder.hold_code, reminder.in_doubt) == ("held", HoldCode.IN_DOUBT, True)
    calls = len(application.post.calls)
    assert retry_all(application, "send_reminder") == [
        "it may have been sent already; to send it again: --even-if-sent"
    ]
    assert len(application.post.calls) == calls
    assert retry_all(application, "send_reminder", even_if_sent=True) == [None]
    assert len(application.post.calls) == calls + 1
    assert [row.state for row in application.deliveries("send_reminder")] == ["succeeded"]


def test_a_retried_survey_reserves_its_invitation_and_cooldown_again(application):
    application.post.raising = [Rejected("unknown mailbox")]
    application.crm.knows("1", "marie@example.com")
    application.webhook(application.won("1"))
    application.run()
    application.clock.forward("3d")
    application.run()
    assert application.states() == {"send_survey": "dead"}
    assert retry_all(application, "send_survey") == [None]
    assert application.answer(application.token("marie@example.com"), 9).state == "answered"
    application.webhook(application.won("1", deal="another"))
    application.run()
    assert len(application.deliveries("send_survey")) == 1


def test_a_survey_is_not_retried_if_the_contact_was_invited_since(application):
    application.post.raising = [Rejected("unknown mailbox")]
    application.crm.knows("1", "marie@example.com")
    application.webhook(application.won("1"))
    application.run()
    application.clock.forward("3d")
    application.run()
    application.webhook(application.won("1", deal="another"))
    application.run()
    assert retry_all(application, "send_survey") == [
        "the person was invited to another survey since",
        f"it is pending; {ONLY}",
    ]


def test_an_expired_survey_is_not_retried(application):
    application.post.raising = [Rejected("unknown mailbox")]
    application.crm.knows("1", "marie@example.com")
    application.webhook(application.won("1"))
    application.run()
    application.clock.forward("3d")
    application.run()
    application.clock.forward("61d")
    assert retry_all(application, "send_survey") == ["its survey has expired"]


def test_an_update_is_not_retried_before_its_ticket(application):
    application.desk.raising = [Rejected("the form is closed")]
    token = application.surveyed()
    application.answer(token, 2)
    application.run()
    application.answer(token, 2, "Now with a comment")
    application.run()
    [ticket] = application.deliveries("open_ticket")
    assert retry_all(application, "update_ticket") == [f"it waits for delivery {ticket.id}; retry that one"]
    assert retry_all(application, "open_ticket") == [None]
    assert [row.state for row in application.deliveries("update_ticket")] == ["succeeded"]


def test_a_succeeded_delivery_is_not_retried(application):
    application.surveyed()
    assert retry_all(application, "send_survey") == [f"it is succeeded; {ONLY}"]
    assert len(application.post.calls) == 1


def test_deliveries_are_selected_by_connection_and_action(application):
    application.desk.raising = [Rejected("closed")]
    application.bell.raising = [Rejected("closed")]
    application.answer(application.surveyed(), 2)
    application.run()
    with application.ledger.write() as session:
        assert {row.action for row in select_deliveries(session, DeliverySelection(states=RETRYABLE_STATES))} == {
            "open_ticket",
            "send_alert",
        }
        assert [
            row.action
            for row in select_deliveries(session, DeliverySelection(states=RETRYABLE_STATES, connection="team"))
        ] == ["send_alert"]
        assert [
            row.action
            for row in select_deliveries(session, DeliverySelection(states=RETRYABLE_STATES, action="open_ticket"))
        ] == ["open_ticket"]
        assert (
            select_deliveries(
                session, DeliverySelection(states=RETRYABLE_STATES, connection="team", action="open_ticket")
            )
            == []
        )
