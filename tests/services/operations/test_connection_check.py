"""`connections check`: findings of the plugin and the ledger, and resuming after a fixed refusal."""

from __future__ import annotations

from datetime import timedelta

import pytest
from support.application import ApplicationHarness
from support.fake_vendors import FakeCrm

from nps_connect import AuthFailed, Finding, NotAllowed, RateLimited, Rejected, SetupChange, TargetGone, hookimpl
from nps_connect.ledger import pauses
from nps_connect.ledger.workers import WorkerRow, record_heartbeat
from nps_connect.services.operations.connection_checks import check_connection
from nps_connect.services.operations.connection_setup import apply_all_setups, apply_setup, plan_setup
from nps_connect.services.operations.ledger_findings import describe_age

MISSING = SetupChange(id="field:score", change="create", text="create the field score")
LOCKED = SetupChange(id="field:comment", change="blocked", text="the field comment is locked")


class CheckedCrm(FakeCrm):
    """A CRM that can be checked and set up."""

    def __init__(self) -> None:
        super().__init__()
        self.findings: list[Finding] | Exception = [Finding(severity="ok", text="account 7")]
        self.missing = [MISSING, LOCKED]
        self.applied: list[SetupChange] = []

    @hookimpl
    def nps_check(self, connection):
        if isinstance(self.findings, Exception):
            raise self.findings
        return self.findings

    @hookimpl
    def nps_plan_setup(self, connection):
        return self.missing

    @hookimpl
    def nps_apply_setup(self, connection, changes):
        self.applied += changes
        self.missing = [change for change in self.missing if change not in changes]
        return changes


@pytest.fixture
def crm() -> CheckedCrm:
    return CheckedCrm()


@pytest.fixture
def application(ledger, clock, crm) -> ApplicationHarness:
    application = ApplicationHarness(ledger, clock, acme=crm)
    application.crm = crm
    return application


def finding_texts(application: ApplicationHarness, severity: str, connection: str = "crm") -> list[str]:
    return [
        finding.text
        for finding in check_connection(application.ctx, connection).findings
        if finding.severity == severity
    ]


def record_response(application: ApplicationHarness, person: str = "1", score: int = 9) -> None:
    """Submit a score, which is due to be written."""
    application.answer(application.surveyed(person, f"{person}@example.com"), score)
    application.run()


def test_a_healthy_connection_has_no_warning(application):
    record_response(application)
    check = check_connection(application.ctx, "crm")
    assert check.ok
    assert finding_texts(application, "ok") == ["account 7", "last event 3 days ago: deal.won, by webhook"]
    assert finding_texts(application, "warning") == []


def test_an_error_of_the_vendor_is_a_finding_with_a_fix(application, crm):
    crm.findings = AuthFailed("the token is wrong")
    check = check_connection(application.ctx, "crm")
    assert not check.ok
    assert (check.findings[0].severity, check.findings[0].text) == ("error", "the token is wrong")
    assert "connections.crm" in check.findings[0].fix


@pytest.mark.parametrize("crash", [KeyError("x"), ZeroDivisionError()])
def test_a_crash_of_the_check_is_reported_without_details(application, crm, crash):
    crm.findings = crash
    [text] = finding_texts(application, "error")
    assert text == f"the check of plugin acme crashed ({type(crash).__name__})"


def test_a_plugin_may_have_no_check(application):
    assert finding_texts(application, "ok", "helpdesk") == ["plugin desk has no connection check"]


def test_missing_events_are_a_warning(application):
    assert finding_texts(application, "warning") == ["no event received yet"]
    record_response(application)
    application.clock.forward("10d")
    assert finding_texts(application, "warning") == ["no event for 13 days"]


def test_refused_and_unreadable_webhooks_are_counted(application):
    from nps_connect.errors import WebhookRejected

    with pytest.raises(WebhookRejected):
        application.webhook(application.won("1"), signature="forged")
    application.webhook(body=b'{"no": "list"}')
    application.run()
    texts = finding_texts(application, "warning")
    assert "webhooks refused since yesterday: 1 for signature" in texts
    assert any(text.startswith("unreadable webhooks: 1; the last because ") for text in texts)
    assert "no event received yet" not in texts


def test_a_connection_paused_by_a_401_resumes_after_a_passing_check(application, crm):
    crm.raising = [AuthFailed("the token was revoked")]
    record_response(application)
    assert [row.state for row in application.deliveries("write_score")] == ["pending"]
    crm.findings = AuthFailed("the token was revoked")
    check = check_connection(application.ctx, "crm")
    assert check.resumed == ()
    assert any("connection:crm is paused" in text for text in finding_texts(application, "error"))
    crm.findings = [Finding(severity="ok", text="account 7")]
    check = check_connection(application.ctx, "crm")
    assert check.ok
    assert check.resumed == ("connection:crm",)
    assert any("connection:crm resumed" in finding.text for finding in check.findings)
    application.run()
    assert [row.state for row in application.deliveries("write_score")] == ["succeeded"]


def test_a_process_that_still_has_the_refused_credentials_is_named(application, crm, clock):
    def beat(name, started_at, pid):
        with application.ledger.write() as session:
            record_heartbeat(
                session, name, role="run", started_at=started_at, queues=[], config_fingerprint="a", now=clock()
            )
            session.get_one(WorkerRow, name).pid = pid

    old_start = clock()
    clock.forward("1s")
    crm.raising = [AuthFailed("the token was revoked")]
    record_response(application)
    clock.forward("1s")
    beat("old", old_start, 11)
    beat("reloaded", clock(), 22)
    [finding] = [finding for finding in check_connection(application.ctx, "crm").findings if "process" in finding.text]
    assert (finding.id, finding.severity) == ("worker-outdated", "warning")
    assert finding.text.startswith("process 11 (run) on ")
    assert finding.fix is not None
    assert "kill -HUP 11" in finding.fix


def test_an_action_paused_by_a_403_resumes_after_a_passing_check(application, crm):
    crm.raising = [NotAllowed("may not write", scope="contacts.write")]
    record_response(application)
    crm.findings = [Finding(severity="error", text="not allowed to write scores")]
    assert check_connection(application.ctx, "crm").resumed == ()
    crm.findings = []
    assert check_connection(application.ctx, "crm").resumed == ("queue:crm/write_score",)
    application.run()
    assert [row.state for row in application.deliveries("write_score")] == ["succeeded"]


def test_a_pause_of_an_operator_is_not_resumed(application):
    with application.ledger.write() as session:
        pauses.pause(
            session, "connection:crm", cause="operator", reason="database maintenance", now=application.clock()
        )
    check = check_connection(application.ctx, "crm")
    assert check.resumed == ()
    assert check.ok
    assert any("database maintenance" in text for text in finding_texts(application, "warning"))


def test_a_pause_of_all_customer_mail_is_a_finding_of_channels_only(application):
    with application.ledger.write() as session:
        pauses.pause(session, "mail", cause="operator", reason="wrong template", now=application.clock())
    assert any("wrong template" in text for text in finding_texts(application, "warning", "mail"))
    assert not any("wrong template" in text for text in finding_texts(application, "warning", "helpdesk"))


def test_a_used_up_quota_is_reported_with_its_end(application, crm):
    crm.raising = [RateLimited("slow down", until=application.clock() + timedelta(days=4), quota="general")]
    record_response(application)
    assert any(
        text.startswith("vendor quota general used up; calls wait for ")
        for text in finding_texts(application, "warning")
    )


def test_dead_and_pending_deliveries_are_counted(application, crm):
    crm.raising = [Rejected("no such property")]
    record_response(application)
    assert any(text == "dead deliveries (not retried): 1" for text in finding_texts(application, "warning"))
    application.answer(application.surveyed("2", "2@example.com"), 9, sent=False)
    assert any(text == "deliveries pending: 1, of which due: 0" for text in finding_texts(application, "ok"))


def test_skipped_deliveries_of_missing_contacts_are_counted(application, crm):
    for person in ("1", "2"):
        crm.raising = [TargetGone("the contact is not there")]
        record_response(application, person)
    assert [row.state for row in application.deliveries("write_score")] == ["skipped", "skipped"]
    assert any(
        text.startswith("write_score skipped") and text.endswith(": 2") for text in finding_texts(application, "ok")
    )
    application.clock.forward("40d")
    assert not any(text.startswith("write_score skipped") for text in finding_texts(application, "ok"))


def test_the_review_policy_is_a_finding(application):
    [text] = [text for text in finding_texts(application, "ok", "stars") if text.startswith("policy ")]
    assert "everybody is asked alike" in text


def test_a_selective_review_configuration_is_a_warning_with_its_reason(ledger, clock):
    route = {"on": "promoter", "do": "invite_review", "via": "stars"}
    application = ApplicationHarness(
        ledger, clock, {"routes": [{**route, "accept_selective_invitation": "our counsel agreed"}]}
    )
    [text] = [text for text in finding_texts(application, "warning", "stars") if text.startswith("policy ")]
    assert text.endswith("our counsel agreed")


def test_set_up_applies_changes_that_are_not_blocked(application, crm):
    changes = plan_setup(application.ctx, "crm")
    assert changes == [MISSING, LOCKED]
    assert apply_setup(application.ctx, "crm", changes) == [MISSING]
    assert crm.applied == [MISSING]
    assert plan_setup(application.ctx, "crm") == [LOCKED]
    assert apply_setup(application.ctx, "crm", [LOCKED]) == []


def test_a_plugin_without_set_up_needs_nothing(application):
    assert plan_setup(application.ctx, "mail") == []
    assert apply_setup(application.ctx, "mail", [MISSING]) == []


def test_all_connections_can_be_set_up_together(application):
    assert apply_all_setups(application.ctx) == {"crm": [MISSING], "mail": [], "helpdesk": [], "team": [], "stars": []}


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-3, "0 seconds"), (0, "0 seconds"), (1, "1 second"), (61, "1 minute"), (7200, "2 hours"), (86_400 * 3, "3 days")],
)
def test_ages_use_their_largest_unit(seconds, text):
    assert describe_age(timedelta(seconds=seconds)) == text
