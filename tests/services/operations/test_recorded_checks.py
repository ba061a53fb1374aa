"""Checks of connections are recorded: `status` knows that a vendor is down before a delivery fails."""

from __future__ import annotations

import logging
from datetime import timedelta

import pytest
from support.application import ApplicationHarness
from support.fake_vendors import FakeCrm

from nps_connect import AuthFailed, Finding, NotAllowed, RateLimited, RetryLater, hookimpl
from nps_connect.ledger.observations import load_observations
from nps_connect.services.operations.connection_checks import check_connection
from nps_connect.services.operations.doctor import diagnose
from nps_connect.services.operations.ledger_findings import find_findings
from nps_connect.services.operations.metrics import render_metrics
from nps_connect.services.operations.status import load_status

DOWN = RetryLater("Acme cannot be reached")


class CheckedCrm(FakeCrm):
    """A CRM whose check gives `result`, and counts its checks."""

    def __init__(self) -> None:
        super().__init__()
        self.result: Exception | list[Finding] = []
        self.checks = 0

    @hookimpl
    def nps_check(self, connection):
        self.checks += 1
        if isinstance(self.result, Exception):
            raise self.result
        return self.result


@pytest.fixture
def crm() -> CheckedCrm:
    return CheckedCrm()


@pytest.fixture
def application(ledger, clock, crm) -> ApplicationHarness:
    application = ApplicationHarness(ledger, clock, acme=crm)
    application.crm = crm
    return application


def status_of(application: ApplicationHarness):
    with application.ledger.read() as session:
        return load_status(session, application.ctx.settings, application.clock())


def errors_of(application: ApplicationHarness) -> list[tuple[str, str, str]]:
    found = find_findings(status_of(application))
    return [(item.id, item.text, item.fix) for item in found if (item.subject, item.severity) == ("crm", "error")]


def test_a_check_that_fails_is_known_to_status_with_its_age_and_command(application, crm):
    crm.result = DOWN
    check_connection(application.ctx, "crm")
    application.clock.forward("3m")
    text = "Acme cannot be reached, checked 3 minutes ago"
    assert errors_of(application) == [("vendor-unreachable", text, "nps-connect connections check crm")]
    connection = status_of(application).connections["crm"]
    assert (connection.state, connection.last_error.reason) == ("failing", "Acme cannot be reached")
    assert 'nps_connect_connection_failing{connection="crm"} 1' in render_metrics(status_of(application))


def test_a_passing_check_ends_it(application, crm):
    crm.result = DOWN
    check_connection(application.ctx, "crm")
    crm.result = [Finding(severity="ok", text="account 7"), Finding(severity="warning", text="slow", fix="wait")]
    check_connection(application.ctx, "crm")
    assert errors_of(application) == []
    assert status_of(application).connections["crm"].state == "unused"
    assert 'nps_connect_connection_failing{connection="crm"} 0' in render_metrics(status_of(application))


def test_a_check_reports_its_own_result_once(application, crm):
    crm.result = DOWN
    check_connection(application.ctx, "crm")
    errors = [finding for finding in check_connection(application.ctx, "crm").findings if finding.severity == "error"]
    assert [finding.text for finding in errors] == ["Acme cannot be reached"]


def test_doctor_reports_a_recorded_check_only_if_it_does_not_ask_itself(application, crm):
    crm.result = DOWN
    check_connection(application.ctx, "crm")
    offline = [finding.text for finding in diagnose(application.ctx, None).findings if finding.subject == "crm"]
    assert "Acme cannot be reached, checked 0 seconds ago" in offline
    assert crm.checks == 1


@pytest.mark.parametrize(
    ("failure", "is_over"), [(DOWN, True), (AuthFailed("token revoked"), True), (NotAllowed("may not write"), False)]
)
def test_a_later_delivery_shows_that_the_vendor_is_there_but_not_that_a_permission_is(
    application, crm, failure, is_over
):
    token = application.surveyed()
    crm.result = failure
    check_connection(application.ctx, "crm")
    assert len(errors_of(application)) == 1
    application.clock.forward("1s")
    application.answer(token, 9)
    application.run(only="crm/write_score")
    assert application.states()["write_score"] == "succeeded"
    assert (errors_of(application) == []) is is_over


@pytest.mark.parametrize(("failure", "is_over"), [(DOWN, True), (AuthFailed("token revoked"), False)])
def test_a_later_webhook_shows_that_the_vendor_is_there_but_not_that_it_knows_us(application, crm, failure, is_over):
    crm.result = failure
    check_connection(application.ctx, "crm")
    application.clock.forward("1s")
    application.webhook(application.won("1"))
    application.run(only="crm/parse")
    assert (errors_of(application) == []) is is_over


def test_a_later_poll_ends_it_although_it_brings_no_event(ledger, clock, crm):
    application = ApplicationHarness(ledger, clock, {"connections": {"crm": {"events": "poll"}}}, acme=crm)
    crm.result = DOWN
    check_connection(application.ctx, "crm")
    application.clock.forward("1s")
    assert len(errors_of(application)) == 1
    application.run(only="crm/poll")
    assert errors_of(application) == []


def test_the_worker_checks_after_some_minutes_then_hourly_and_a_failed_check_is_repeated_soon(application, crm):
    application.run()
    assert crm.checks == 0
    application.clock.forward("5m")
    application.run()
    assert crm.checks == 1
    for _ in range(11):
        application.clock.forward("5m")
        application.run()
    assert crm.checks == 1
    crm.result = DOWN
    application.clock.forward("5m")
    application.run()
    assert (crm.checks, len(errors_of(application))) == (2, 1)
    crm.result = []
    application.clock.forward("5m")
    application.run()
    assert (crm.checks, errors_of(application)) == (3, [])


def test_a_check_of_the_operator_counts_as_the_last_one(application, crm):
    application.clock.forward("5m")
    check_connection(application.ctx, "crm")
    application.run()
    assert crm.checks == 1


def test_the_worker_checks_in_shadow_mode_too(ledger, clock, crm):
    application = ApplicationHarness(ledger, clock, {"core": {"mode": "shadow"}}, acme=crm)
    crm.result = DOWN
    application.clock.forward("5m")
    application.run()
    assert status_of(application).connections["crm"].state == "failing"


def test_a_check_that_the_quota_stops_is_no_failure(application, crm):
    crm.result = RateLimited("the quota is used up", until=application.clock() + timedelta(hours=1))
    assert check_connection(application.ctx, "crm").findings[0].id == "quota-low"
    assert errors_of(application) == []


def test_neither_record_nor_log_holds_a_secret_and_the_log_tells_a_failure_once(application, crm, caplog):
    secret = application.ctx.settings.core.signing_keys[0].get_secret_value()
    crm.result = [Finding(severity="error", text=f"the vendor refuses {secret}", fix="renew it")]
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            application.clock.forward("5m")
            application.run()
    assert crm.checks == 3
    with application.ledger.read() as session:
        [row] = load_observations(session, "connection_check").values()
    assert row.detail["text"].startswith("the vendor refuses ")
    assert secret not in str(row.detail) + caplog.text
    assert caplog.text.count("connection_check_failed connection=crm finding=connection-check") == 1
