"""An alert names its severity and carries the link to the ticket, without waiting for a helpdesk that is down."""

from __future__ import annotations

import pytest

from nps_connect import RetryLater
from nps_connect.services.cases.actions import alert_severity


def test_the_severity_follows_the_priority_of_the_ticket():
    assert [alert_severity(score) for score in range(11)] == ["failure"] * 4 + ["warning"] * 3 + ["info"] * 4
    assert [alert_severity(score, urgent_up_to=1) for score in (1, 2)] == ["failure", "warning"]
    assert alert_severity(6, is_overdue=True) == "failure"


def respond(application, *, is_final: bool, score: int = 2) -> None:
    token = application.surveyed()
    application.answer(token, score, sent=is_final)
    if not is_final:
        application.clock.forward("20s")


def ticket_link(application) -> str:
    [ticket] = application.deliveries("open_ticket")
    return ticket.receipt_link


@pytest.mark.parametrize("is_final", [True, False])
def test_an_alert_waits_for_the_ticket_that_is_being_opened_and_goes_right_after_it(application, is_final):
    respond(application, is_final=is_final)
    application.run(only="send_alert")
    [alert] = application.deliveries("send_alert")
    assert (alert.state, alert.hold_code, application.bell.items) == ("pending", "waits_for_ticket", [])
    application.run()
    [sent] = application.bell.items
    assert (sent.link, sent.severity) == (ticket_link(application), "failure")
    assert f"Ticket\u00a0: {sent.link}\n" in sent.body


def test_an_alert_goes_without_the_link_when_the_first_try_to_open_the_ticket_has_failed(application):
    respond(application, is_final=True)
    application.desk.raising = [RetryLater("down")]
    application.run()
    [sent] = application.bell.items
    assert (ticket_link(application), sent.link) == (None, None)


def test_an_alert_that_failed_does_not_wait_for_its_ticket_any_more(application):
    respond(application, is_final=True)
    application.run(only="send_alert")
    application.bell.raising = [RetryLater("down")]
    application.run()
    [alert] = application.deliveries("send_alert")
    assert (alert.state, alert.attempts, alert.hold_code) == ("pending", 1, None)


def test_an_alert_waits_for_a_paused_helpdesk_half_a_minute_at_most(application):
    respond(application, is_final=True)
    for _ in range(14):
        application.run(only="send_alert")
        application.clock.forward("2s")
    assert application.bell.items == []
    application.clock.forward("2s")
    application.run(only="send_alert")
    assert len(application.bell.items) == 1


def test_an_alert_does_not_wait_for_a_ticket_that_its_route_delays(build):
    routes = [
        {"on": "detractor", "do": "open_ticket", "via": "helpdesk", "delay": "1h"},
        {"on": "detractor", "do": "send_alert", "via": "team"},
    ]
    application = build(routes=routes)
    respond(application, is_final=True)
    application.run()
    assert len(application.bell.items) == 1
