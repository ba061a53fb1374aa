"""`diagnose`: every check together, worst first."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import count
from threading import Event

import httpx
import pytest
from support.application import ApplicationHarness
from support.fake_vendors import FakeCrm

from nps_connect import AuthFailed, Finding, hookimpl
from nps_connect.ledger.observations import record_observation
from nps_connect.ledger.workers import JobRow, WorkerRow, record_heartbeat
from nps_connect.records.finding_kinds import FINDING_KINDS
from nps_connect.services.operations.doctor import diagnose
from nps_connect.services.operations.public_url_check import build_probe
from nps_connect.services.suppressions.store import suppress_erased_mailboxes
from nps_connect.settings.effective import fingerprint


class CheckedCrm(FakeCrm):
    """A CRM whose check the test decides."""

    def __init__(self):
        super().__init__()
        self.check = lambda: [Finding(severity="ok", text="account 7")]
        self.checked = 0

    @hookimpl
    def nps_check(self, connection):
        self.checked += 1
        return self.check()


@pytest.fixture
def crm():
    return CheckedCrm()


@pytest.fixture
def application(ledger, clock, crm):
    application = ApplicationHarness(ledger, clock, acme=crm)
    application.crm = crm
    with ledger.write() as session:
        for kind in ("backup", "foreign_request", "sender_authentication"):
            record_observation(session, kind, "", now=clock())
        beat(application, session)
    return application


def beat(application, session, **values):
    now, own = application.clock(), fingerprint(application.ctx.settings)
    record_heartbeat(session, "w", role="run", started_at=now, queues=[], config_fingerprint=own, now=now)
    for name, value in values.items():
        setattr(session.get(WorkerRow, "w"), name, value)


def run(application, *, offline=False, **options):
    probe = build_probe(httpx.MockTransport(lambda _request: httpx.Response(200, json={"status": "ok"})))
    defaults = {"free": lambda _path: 10**12, "monotonic": lambda: 0.0}  # no deadline passes on a busy machine
    return diagnose(application.ctx, None if offline else probe, **(defaults | options)).findings


def problems(application, **options):
    return [finding for finding in run(application, **options) if finding.severity != "ok"]


def test_a_healthy_system_has_only_passing_checks(application):
    application.crm.knows("1", "marie@example.com")
    application.webhook(application.won("1"))
    application.run()
    findings = run(application)
    assert [finding.text for finding in findings if finding.severity != "ok"] == []
    texts = " | ".join(finding.text for finding in findings)
    for expected in (
        "account 7",
        "is answered from this host",
        "last request from another host",
        "plugins in use: acme",
    ):
        assert expected in texts


def test_findings_come_worst_first_and_each_has_a_kind_and_what_to_do(application):
    def refuse():
        raise AuthFailed("the token is wrong")

    application.crm.check = refuse
    findings = run(application)
    assert [finding.severity for finding in findings] == sorted(
        (finding.severity for finding in findings), key=["error", "warning", "ok"].index
    )
    assert (findings[0].id, findings[0].subject) == ("credentials-refused", "crm")
    for finding in findings:
        assert finding.id in FINDING_KINDS
        if finding.severity != "ok":
            assert finding.id != "connection-check"
            assert finding.fix


def test_without_the_network_no_plugin_is_asked_and_the_database_still_is(application):
    application.crm.check = lambda: [Finding(severity="error", text="never seen")]
    findings = run(application, offline=True)
    assert application.crm.checked == 0
    assert [finding.id for finding in findings if finding.severity != "ok"] == ["webhook-silence"]


def test_a_dropped_signing_key_of_erased_people_is_named(application):
    """Without it they are strangers; one that only signs links may be dropped."""
    with application.ledger.write() as session:
        suppress_erased_mailboxes(application.ctx, session, ["ab" * 32], source="request")
    assert "signing-key-missing" not in {finding.id for finding in problems(application, offline=True)}
    former = application.ctx.erasure_keys
    application.ctx = replace(application.ctx, erasure_keys=(b"0" * 32,))
    [finding] = [finding for finding in problems(application, offline=True) if finding.id == "signing-key-missing"]
    assert finding.text.startswith(f"people who were erased until {application.clock():%Y-%m-%d} are not recognised")
    assert "core.signing_keys" in finding.fix
    application.ctx = replace(application.ctx, erasure_keys=(b"0" * 32, *former))
    assert "signing-key-missing" not in {finding.id for finding in problems(application, offline=True)}


def test_a_check_that_hangs_is_a_finding_and_resumes_nothing(application):
    released, elapsed = Event(), count()
    application.crm.check = lambda: [Finding(severity="ok", text="too late")] * released.wait()
    findings = problems(application, timeout=timedelta(seconds=40), monotonic=lambda: float(next(elapsed)))
    released.set()
    [finding] = [finding for finding in findings if finding.id == "check-timeout"]
    assert (finding.severity, finding.subject) == ("error", "crm")
    assert finding.fix == "nps-connect connections check crm"


def test_a_pause_after_a_refusal_ends_when_the_check_passes(application):
    application.crm.raising = [AuthFailed("the token was revoked")]
    application.answer(application.surveyed("1"), 9)
    application.run()
    with application.ledger.write() as session:
        beat(application, session)

    def refuse():
        raise AuthFailed("the token was revoked")

    passing, application.crm.check = application.crm.check, refuse
    assert "connection:crm is paused" in " ".join(finding.text for finding in problems(application))
    application.crm.check = passing
    findings = run(application)
    assert "connection:crm is paused" not in " ".join(finding.text for finding in findings)
    assert any("connection:crm resumed" in finding.text for finding in findings)


@pytest.mark.parametrize("values", [{"version": "0.0.9"}, {"config_fingerprint": "000000000000"}])
def test_a_process_of_another_version_or_configuration_is_named(application, values):
    with application.ledger.write() as session:
        beat(application, session, **values)
    [finding] = [finding for finding in problems(application) if finding.id == "worker-outdated"]
    assert finding.text.startswith("process ")
    assert finding.fix.startswith("restart it, on ")
    application.clock.forward("1h")
    assert "worker-outdated" not in {finding.id for finding in problems(application)}


def test_the_last_check_of_a_received_mail_is_reported(application):
    for detail, severity in (({"failed": []}, "ok"), ({"failed": ["dkim", "spf"]}, "error")):
        with application.ledger.write() as session:
            now = application.clock()
            record_observation(session, "sender_authentication", "", now=now, detail=detail)
        [finding] = [finding for finding in run(application) if "mail that was checked" in finding.text]
        assert finding.severity == severity
    assert finding.text == "the mail that was checked 0 seconds ago failed: dkim, spf"


def test_a_sandbox_needs_no_public_address(ledger, clock):
    application = ApplicationHarness(ledger, clock, {"core": {"public_url": "http://127.0.0.1:8000"}})
    ids = {finding.id for finding in problems(application)}
    assert ids.isdisjoint({"public-url", "public-url-insecure", "sender-domain"})


def test_a_full_disk_is_an_error(application):
    findings = [finding for finding in problems(application, free=lambda _path: 10) if finding.id == "disk-low"]
    assert [finding.severity for finding in findings] == (["error"] if application.ledger.is_sqlite else [])


def test_the_last_reading_of_a_bounce_mailbox_is_reported(application):
    with application.ledger.write() as session:
        memo = {"cursor": "7:1", "read_at": application.clock().isoformat()}
        session.add(JobRow(name="bounces:mail", queue_name="mail/poll", due_at=application.clock(), memo=memo))
    for hours, severity in ((1, "ok"), (1, "warning")):
        application.clock.forward(f"{hours}h")
        [finding] = [finding for finding in run(application) if "bounce mailbox was last read" in finding.text]
        assert (finding.severity, finding.subject) == (severity, "mail")
    assert (finding.id, finding.text) == ("bounce-mailbox-unread", "the bounce mailbox was last read 2 hours ago")
