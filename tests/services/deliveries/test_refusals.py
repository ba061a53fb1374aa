"""What a vendor refuses for good: the pauses after a 401, a 403 or a missing field, and how they end."""

from __future__ import annotations

from support.application import ApplicationHarness
from support.fake_vendors import FakeCrm

from nps_connect import AuthFailed, Finding, NotAllowed, SetupMissing, hookimpl
from nps_connect.ledger import pauses
from nps_connect.services.operations.ledger_findings import load_findings


class CheckedCrm(FakeCrm):
    well = False

    @hookimpl
    def nps_check(self, connection):
        return [Finding(severity="ok" if self.well else "error", text="the token", fix="renew it")]


def stopped(application) -> dict[str, str]:
    with application.ledger.read() as session:
        return {scope: row.cause for scope, row in pauses.load_pauses(session).items()}


def test_a_refused_lookup_of_mail_pauses_the_connection_of_the_contacts(application):
    """It has no queue for mail; the mail itself is tried again later."""
    application.crm.knows("1", "marie@example.com")
    application.webhook(application.won("1"))
    application.run()
    application.clock.forward("3d")
    application.crm.looking = [NotAllowed("no contacts for you", connection="crm")]
    application.run(only="send_survey")
    assert stopped(application) == {"connection:crm": "not_allowed"}
    assert application.deliveries("send_survey")[0].state == "pending"


def test_a_missing_field_pauses_the_queue_and_is_named_as_such(application, caplog):
    application.answer(application.surveyed(), 9)
    application.crm.raising = [SetupMissing("the property nps_score does not exist")]
    application.run(only="write_score")
    assert stopped(application) == {"queue:crm/write_score": "setup"}
    assert "finding=property-missing" in caplog.text
    with application.ledger.read() as session:
        found = load_findings(session, application.ctx.settings, application.clock())
    [paused] = [finding for finding in found if finding.id == "property-missing"]
    assert (paused.subject, paused.severity) == ("crm", "error")


def test_a_connection_paused_after_401_resumes_when_its_check_passes(ledger, clock):
    crm = CheckedCrm()
    application = ApplicationHarness(ledger, clock, acme=crm)
    application.crm = crm
    application.answer(application.surveyed(), 9)
    crm.raising = [AuthFailed("expired", connection="crm")]
    application.run()
    assert stopped(application) == {"connection:crm": "auth"}
    application.clock.forward("10m")
    application.run()
    assert application.deliveries("write_score")[0].state == "pending"
    crm.well = True
    application.clock.forward("10m")
    application.run()
    assert stopped(application) == {}
    assert application.deliveries("write_score")[0].state == "succeeded"
