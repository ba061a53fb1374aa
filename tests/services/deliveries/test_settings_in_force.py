"""Waiting mail follows the configuration that is in force when it goes out, not the one when it was planned."""

from __future__ import annotations

import pytest
from support.application import ApplicationHarness

from nps_connect.ledger import pauses
from nps_connect.records.actions import HoldCode
from nps_connect.services.deliveries.quiet_hours import recheck_quiet_hours

WHOLE_DAY = {"quiet_hours": "00:00-23:59", "quiet_days": ["saturday", "sunday"]}


@pytest.fixture
def waiting(ledger, clock):
    """An application with one survey mail that waits for the end of quiet hours."""
    application = ApplicationHarness(ledger, clock, {"limits": WHOLE_DAY})
    application.crm.knows("1", "marie@example.com")
    application.webhook(application.won("1"))
    application.run()
    clock.forward("3d")
    application.run()
    [row] = application.deliveries("send_survey")
    assert row.hold_code == HoldCode.QUIET_HOURS
    return application


def restart(application: ApplicationHarness, **change: object) -> ApplicationHarness:
    """Return the application after a restart of its worker with another configuration."""
    restarted = ApplicationHarness(application.ledger, application.clock, change)
    restarted.crm.knows("1", "marie@example.com")
    with application.ledger.write() as session:
        recheck_quiet_hours(session, application.clock())
    restarted.run()
    return restarted


def test_shorter_quiet_hours_let_waiting_mail_go(waiting):
    assert len(restart(waiting, limits={"quiet_hours": "off"}).post.items) == 1


def test_mail_that_is_still_in_quiet_hours_waits_as_before(waiting):
    [before] = waiting.deliveries("send_survey")
    restarted = restart(waiting, limits=WHOLE_DAY)
    [row] = restarted.deliveries("send_survey")
    assert (row.state, row.due_at, row.hold_code) == ("pending", before.due_at, HoldCode.QUIET_HOURS)
    assert restarted.post.items == []


def test_a_pause_holds_mail_that_waits(waiting):
    with waiting.ledger.write() as session:
        pauses.pause(
            session, pauses.survey_scope("after-purchase"), cause="operator", reason="checking", now=waiting.clock()
        )
    restarted = restart(waiting, limits={"quiet_hours": "off"})
    assert restarted.post.items == []
    assert restarted.deliveries("send_survey")[0].hold_code == HoldCode.SURVEY_PAUSED


def test_mail_that_waits_has_the_new_texts(waiting):
    restarted = restart(waiting, limits={"quiet_hours": "off"}, core={"company": "Nouvelle Maison"})
    assert "Nouvelle Maison" in restarted.post.items[0].text
