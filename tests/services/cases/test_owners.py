"""The contact's owner in the CRM is named in ticket and alert, and alerts by mail are addressed to them."""

from __future__ import annotations

import pytest
from sqlalchemy import select
from support.application import ApplicationHarness
from support.fake_vendors import FakeMailChannel
from support.recovery_scenarios import RECOVERY_CONFIG, EventfulHelpdesk, case_of

from nps_connect import ActionInfo, Bounce, hookimpl
from nps_connect.ledger.suppressions import SuppressionRow
from nps_connect.services.suppressions.bounces import process_bounce_report

CASES = {"owner_field": "hubspot_owner_id", "owners": {"77001": "anna@example.com"}}
ROUTES = [
    {"on": "any", "do": "write_score", "via": "crm"},
    {"on": "detractor", "do": "open_ticket", "via": "helpdesk"},
    {"on": "detractor", "do": "send_alert", "via": "mail"},
]


class AlertingMailChannel(FakeMailChannel):
    """A mail channel that sends alerts too."""

    def __init__(self) -> None:
        super().__init__()
        self.alerts: list[object] = []

    @hookimpl
    def nps_connector(self):
        info = super().nps_connector()
        return info.model_copy(update={"actions": (*info.actions, ActionInfo(action="send_alert"))})

    @hookimpl
    def nps_send_alerts(self, connection, alerts):
        self.alerts += alerts
        return [self._receipt(alert) for alert in alerts]

    def _receipt(self, alert):
        return self._record_call([alert])[0].model_copy(update={"id": f"<{len(self.alerts)}@example.com>"})

    def sent(self, kind: str) -> list:
        return [message for message in self.items if getattr(message, "kind", None) == kind]


@pytest.fixture
def build(ledger, clock):
    def build_application(**cases):
        post, desk = AlertingMailChannel(), EventfulHelpdesk()
        change = {**RECOVERY_CONFIG, "cases": {**CASES, **cases}, "routes": ROUTES}
        application = ApplicationHarness(ledger, clock, change, post=post, desk=desk)
        application.post, application.desk = post, desk
        return application

    return build_application


def respond(application, **fields):
    application.crm.knows("1", "marie@example.com", name="Marie", fields=fields)
    application.webhook(application.won("1"))
    application.run()
    application.clock.forward("3d")
    application.run()
    mail = application.post.sent("survey")[-1]
    application.answer(mail.text.split("/s/")[1].split()[0].partition("?")[0], 2, "Personne ne répond")
    application.run()


def test_the_owner_gets_the_alert_and_is_named_in_ticket_and_alert(build):
    application = build()
    respond(application, hubspot_owner_id="77001")
    [alert] = application.post.alerts
    [draft] = application.desk.tickets.values()
    assert (alert.recipient, draft.owner) == ("anna@example.com", "anna@example.com")
    assert "du compte\u00a0: anna@example.com" in alert.body
    assert "du compte\u00a0: anna@example.com" in draft.body
    assert case_of(application).owner == "77001"


def test_a_field_that_holds_an_address_needs_no_map(build):
    application = build(owners={})
    respond(application, hubspot_owner_id="paul@example.com")
    assert application.post.alerts[0].recipient == "paul@example.com"


@pytest.mark.parametrize(
    ("team_email", "expected"), [(None, "care@example.com"), ("team@example.com", "team@example.com")]
)
@pytest.mark.parametrize("fields", [{}, {"hubspot_owner_id": "90210"}], ids=["no owner", "owner without address"])
def test_the_team_gets_the_alert_of_everybody_else(build, fields, team_email, expected):
    application = build(team_email=team_email)
    respond(application, **fields)
    [alert] = application.post.alerts
    [draft] = application.desk.tickets.values()
    assert (alert.recipient, draft.owner) == (expected, None)
    assert "du compte" not in alert.body + draft.body


def test_an_overdue_case_is_reported_to_the_owner(build):
    application = build()
    respond(application, hubspot_owner_id="77001")
    application.clock.forward("4d")
    application.run()
    overdue = application.post.alerts[-1]
    assert len(application.post.alerts) == 2
    assert (overdue.recipient, overdue.severity) == ("anna@example.com", "failure")
    assert "Attribué à\u00a0: anna@example.com" in overdue.body


def test_an_alert_that_bounces_does_not_suppress_the_customer(build):
    application = build()
    respond(application, hubspot_owner_id="77001")
    [delivery] = application.deliveries("send_alert")
    application.post.bounces = [Bounce(message_id=delivery.receipt_id, kind="hard")]
    process_bounce_report(application.ctx, "mail", b"report", source="mailbox")
    with application.ledger.read() as session:
        assert session.execute(select(SuppressionRow)).all() == []
