"""`connections check`: the plugin's findings and the ledger's, and what goes on when a refusal has been mended."""

from __future__ import annotations

from datetime import timedelta

import pytest
from support.application import ApplicationHarness
from support.fake_vendors import FakeCrm

from nps_connect import AuthFailed, Finding, NotAllowed, RateLimited, Rejected, SetupChange, TargetGone, hookimpl
from nps_connect.ledger import pauses
from nps_connect.services.operations.connection_checks import check_connection
from nps_connect.services.operations.connection_findings import describe_age
from nps_connect.services.operations.connection_setup import apply_all_setups, apply_setup, plan_setup

MISSING = SetupChange(id="field:score", change="create", text="create the field score")
LOCKED = SetupChange(id="field:comment", change="blocked", text="the field comment is locked")


class Checkable(FakeCrm):
    """A CRM that can be checked and set up."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[Finding] | Exception = [Finding(severity="ok", text="account 7")]
        self.missing = [MISSING, LOCKED]
        self.given: list[SetupChange] = []

    @hookimpl
    def nps_check(self, connection):
        if isinstance(self.found, Exception):
            raise self.found
        return self.found

    @hookimpl
    def nps_plan_setup(self, connection):
        return self.missing

    @hookimpl
    def nps_apply_setup(self, connection, changes):
        self.given += changes
        self.missing = [change for change in self.missing if change not in changes]
        return changes


@pytest.fixture
def crm() -> Checkable:
    return Checkable()


@pytest.fixture
def application(ledger, clock, crm) -> ApplicationHarness:
    made = ApplicationHarness(ledger, clock, acme=crm)
    made.crm = crm
    return made


def told(application: ApplicationHarness, severity: str, connection: str = "crm") -> list[str]:
    return [
        finding.text
        for finding in check_connection(application.ctx, connection).findings
        if finding.severity == severity
    ]


def scored(application: ApplicationHarness, person: str = "1", score: int = 9) -> None:
    """A confirmed answer whose score is due to be written."""
    application.answer(application.surveyed(person, f"{person}@example.com"), score)
    application.run()


def test_a_healthy_connection(application):
    scored(application)
    checkup = check_connection(application.ctx, "crm")
    assert checkup.ok
    assert told(application, "ok") == ["account 7", "last event: deal.won, 3 days ago, by webhook"]
    assert told(application, "warning") == []


def test_what_the_plugin_raises_is_a_finding(application, crm):
    crm.found = AuthFailed("the token is wrong")
    checkup = check_connection(application.ctx, "crm")
    assert not checkup.ok
    assert (checkup.findings[0].severity, checkup.findings[0].text) == ("error", "the token is wrong")
    assert "connections.crm" in checkup.findings[0].fix


@pytest.mark.parametrize("broken", [KeyError("x"), ZeroDivisionError()])
def test_a_plugin_that_breaks_off_is_told_without_its_details(application, crm, broken):
    crm.found = broken
    [text] = told(application, "error")
    assert text == f"the check of plugin acme broke off ({type(broken).__name__})"


def test_a_plugin_without_a_check(application):
    assert told(application, "ok", "helpdesk") == ["plugin desk has no check of its own"]


def test_silence_is_told(application):
    assert told(application, "warning") == ["no event has come in yet"]
    scored(application)
    application.clock.forward("10d")
    assert told(application, "warning") == ["last event: deal.won, 13 days ago, by webhook"]


def test_refused_and_unread_webhooks_are_counted(application):
    from nps_connect.errors import WebhookRejected

    with pytest.raises(WebhookRejected):
        application.webhook(application.won("1"), signature="forged")
    application.webhook(body=b'{"no": "list"}')
    application.run()
    texts = told(application, "warning")
    assert "webhooks refused in the last 30 days: 1 for signature" in texts
    assert any(text.startswith("webhooks taken but not understood: 1; the last, because ") for text in texts)


def test_a_connection_stopped_by_a_401_goes_on_after_a_passing_check(application, crm):
    crm.raising = [AuthFailed("the token was revoked")]
    scored(application)
    assert [row.state for row in application.deliveries("write_score")] == ["pending"]
    crm.found = AuthFailed("the token was revoked")
    checkup = check_connection(application.ctx, "crm")
    assert checkup.resumed == ()
    assert any("connection:crm is stopped" in text for text in told(application, "error"))
    crm.found = [Finding(severity="ok", text="account 7")]
    checkup = check_connection(application.ctx, "crm")
    assert checkup.ok
    assert checkup.resumed == ("connection:crm",)
    assert any("connection:crm goes on" in finding.text for finding in checkup.findings)
    application.run()
    assert [row.state for row in application.deliveries("write_score")] == ["succeeded"]


def test_an_action_stopped_by_a_403_goes_on_after_a_passing_check(application, crm):
    crm.raising = [NotAllowed("may not write", scope="contacts.write")]
    scored(application)
    crm.found = [Finding(severity="error", text="not allowed to write scores")]
    assert check_connection(application.ctx, "crm").resumed == ()
    crm.found = []
    assert check_connection(application.ctx, "crm").resumed == ("queue:crm/write_score",)
    application.run()
    assert [row.state for row in application.deliveries("write_score")] == ["succeeded"]


def test_what_an_operator_paused_stays_paused(application):
    with application.ledger.write() as session:
        pauses.pause(session, "connection:crm", cause="operator", reason="moving application", now=application.clock())
    checkup = check_connection(application.ctx, "crm")
    assert checkup.resumed == ()
    assert checkup.ok
    assert any("moving application" in text for text in told(application, "warning"))


def test_all_customer_mail_being_paused_is_told_of_its_channel_only(application):
    with application.ledger.write() as session:
        pauses.pause(session, "mail", cause="operator", reason="wrong template", now=application.clock())
    assert any("wrong template" in text for text in told(application, "warning", "mail"))
    assert not any("wrong template" in text for text in told(application, "warning", "helpdesk"))


def test_a_used_up_quota_is_told_with_its_end(application, crm):
    crm.raising = [RateLimited("slow down", until=application.clock() + timedelta(days=4), quota="general")]
    scored(application)
    assert any(
        "quota general is used up, calls wait until 2026-11-21 09:00:00 UTC" in t for t in told(application, "warning")
    )


def test_dead_held_and_waiting_deliveries_are_counted(application, crm):
    crm.raising = [Rejected("no such property")]
    scored(application)
    assert any(text == "deliveries dead (given up): 1" for text in told(application, "warning"))
    application.answer(application.surveyed("2", "2@example.com"), 9, sent=False)
    assert any(text == "deliveries that wait for their time: 1" for text in told(application, "ok"))


def test_absent_contacts_are_skipped_and_counted(application, crm):
    for person in ("1", "2"):
        crm.raising = [TargetGone("the contact is not there")]
        scored(application, person)
    assert [row.state for row in application.deliveries("write_score")] == ["skipped", "skipped"]
    assert any(text.startswith("write_score skipped") and text.endswith(": 2") for text in told(application, "ok"))
    application.clock.forward("40d")
    assert not any(text.startswith("write_score skipped") for text in told(application, "ok"))


def test_the_review_policy_of_the_configuration(application):
    [text] = [text for text in told(application, "ok", "stars") if text.startswith("policy ")]
    assert "everybody is asked alike" in text


def test_a_selective_configuration_is_repeated_with_its_reason(ledger, clock):
    route = {"on": "promoter", "do": "invite_review", "via": "stars"}
    application = ApplicationHarness(
        ledger, clock, {"routes": [{**route, "accept_selective_invitation": "our counsel agreed"}]}
    )
    [text] = [text for text in told(application, "warning", "stars") if text.startswith("policy ")]
    assert text.endswith("our counsel agreed")


def test_set_up_does_what_is_open_to_it(application, crm):
    changes = plan_setup(application.ctx, "crm")
    assert changes == [MISSING, LOCKED]
    assert apply_setup(application.ctx, "crm", changes) == [MISSING]
    assert crm.given == [MISSING]
    assert plan_setup(application.ctx, "crm") == [LOCKED]
    assert apply_setup(application.ctx, "crm", [LOCKED]) == []


def test_a_plugin_without_set_up_needs_nothing(application):
    assert plan_setup(application.ctx, "mail") == []
    assert apply_setup(application.ctx, "mail", [MISSING]) == []


def test_everything_can_be_set_up_at_once(application):
    assert apply_all_setups(application.ctx) == {"crm": [MISSING], "mail": [], "helpdesk": [], "team": [], "stars": []}


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-3, "0 seconds"), (0, "0 seconds"), (1, "1 second"), (61, "1 minute"), (7200, "2 hours"), (86_400 * 3, "3 days")],
)
def test_ages_are_told_in_their_largest_unit(seconds, text):
    assert describe_age(timedelta(seconds=seconds)) == text
