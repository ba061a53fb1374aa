"""`nps-connect doctor`: one page of what needs attention, worst first; exit codes 0, 1 and 2."""

from __future__ import annotations

import json
import socket
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from nps_connect.ledger import pauses
from nps_connect.ledger.audit_log import AuditRow
from nps_connect.ledger.ledger import Ledger


@pytest.fixture(autouse=True)
def patient_checks(monkeypatch):
    """A busy machine may take longer than the deadline of an operator."""
    monkeypatch.setattr("nps_connect.services.operations.doctor.CHECK_TIMEOUT", timedelta(minutes=5))


@pytest.fixture
def closed_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        yield probe.getsockname()[1]


@pytest.fixture
def doctor(configured_cli, closed_port):
    """Run `doctor` with a public address on this machine and an unreachable mail server."""

    def run(*arguments, **environ):
        environ = {
            "NPS_CONNECT_CORE__PUBLIC_URL": f"http://127.0.0.1:{closed_port}",
            "NPS_CONNECT_CORE__FALLBACK_EMAIL": "care@nps.example.net",
            "NPS_CONNECT_CORE__PRIVACY_NOTICE_URL": "https://nps.example.net/privacy",
            "NPS_CONNECT_CORE__POSTAL_ADDRESS": "1 rue de l'Exemple, 75000 Paris",
            "SMTP_URL": f"smtp://127.0.0.1:{closed_port}",
            "ALERT_URL": "json://alerts.example.net/x",
            **environ,
        }
        return configured_cli("doctor", *arguments, **environ)

    run.cli = configured_cli
    return run


def findings_of(result):
    return json.loads(result.out)["findings"]


def problems_of(result):
    return {(finding["id"], finding["subject"]) for finding in findings_of(result) if finding["severity"] != "ok"}


def test_the_page_names_what_why_and_how_to_fix_it_worst_first(doctor):
    doctor.cli("db", "create")
    result = doctor()
    assert (result.code, result.err) == (1, "")
    lines = result.out.splitlines()
    shown = " ".join(result.out.split())  # lines are wrapped
    finding = shown[shown.index("✗ mail: the mail server 127.0.0.1:") : shown.index("[smtp-failing]")]
    assert "✗" not in finding[1:]
    assert (
        "[smtp-failing] No survey and no mail to staff goes out. "
        "Fix: check host and port in connections.mail.smtp_url (environment variable SMTP_URL), and that this machine "
        "may reach them"
    ) in shown
    marks = [line[0] for line in lines if line[0] in "✗!"]
    assert marks == sorted(marks, key="✗!".index)
    assert "3 errors, 2 warnings; " in result.out
    assert "docs/findings.md" in lines[-1]


def test_json_holds_every_finding_with_its_id_and_consequence(doctor):
    doctor.cli("db", "create")
    result = doctor("--json")
    assert result.code == 1
    assert json.loads(result.out).keys() == {"ok", "offline", "complete", "findings"}
    assert problems_of(result) == {
        ("smtp-failing", "mail"),
        ("public-url", "public_url"),
        ("worker-missing", None),
        ("backup-old", "database"),
        ("trigger-missing", None),
    }
    for finding in findings_of(result):
        assert finding.keys() == {"id", "subject", "severity", "text", "fix", "why"}


def test_offline_asks_nobody(doctor):
    doctor.cli("db", "create")
    result = doctor("--offline", "--json")
    assert {kind for kind, _ in problems_of(result)} == {"worker-missing", "backup-old", "trigger-missing"}
    assert "The network was not used (--offline).\n" in doctor("--offline").out


def test_a_backup_ends_its_finding(doctor):
    doctor.cli("db", "create")
    doctor.cli("db", "backup", "monday.db")
    assert ("backup-old", "database") not in problems_of(doctor("--offline", "--json"))


def test_example_values_are_errors_unless_only_this_machine_is_reached(doctor):
    doctor.cli("db", "create")
    example = {"NPS_CONNECT_CORE__FALLBACK_EMAIL": "care@example.com"}
    assert "example-value" not in {kind for kind, _ in problems_of(doctor("--offline", "--json", **example))}
    result = doctor("--offline", "--json", NPS_CONNECT_CORE__PUBLIC_URL="https://nps.example.net", **example)
    examples = [finding for finding in findings_of(result) if finding["id"] == "example-value"]
    assert {finding["severity"] for finding in examples} == {"error"}
    assert "core.fallback_email still has its example value" in {finding["text"] for finding in examples}


def test_without_a_database_the_rest_is_still_checked(doctor):
    result = doctor()
    assert result.code == 1
    assert result.out.splitlines()[0].startswith("✗ database: the database file")
    assert "nps-connect db create" in result.out
    assert "! no trigger is configured" in result.out
    assert "The connections were not checked: the database cannot be used.\n" in result.out
    assert json.loads(doctor("--json").out)["complete"] is False


def test_an_invalid_configuration_has_exit_code_2(doctor):
    result = doctor(NPS_CONNECT_CORE__MODE="lvie")
    assert (result.code, result.out) == (2, "")
    assert "core.mode" in result.err


def test_subcommands_stay_and_the_help_names_options_and_subcommands(doctor):
    help_text = doctor("--help").out
    assert "--offline" in help_text
    assert "mail " in help_text
    assert "Usage: " in doctor("mail", "--help").out
    assert doctor("nothing").code == 2


def test_a_received_mail_that_was_checked_is_reported(doctor):
    doctor.cli("db", "create")
    copy = doctor.cli.folder / "copy.eml"
    copy.write_text(
        "Authentication-Results: mx.example.net; spf=pass smtp.mailfrom=example.com; dkim=none; dmarc=pass\n"
        "From: care@example.com\nSubject: x\n\n",
        encoding="utf-8",
    )
    doctor("mail", "--copy", str(copy))
    result = doctor("--offline", "--json", NPS_CONNECT_CORE__PUBLIC_URL="https://nps.example.net")
    [finding] = [finding for finding in findings_of(result) if finding["id"] == "sender-domain"]
    assert finding["severity"] == "error"
    assert "failed: dkim" in finding["text"]


def test_a_pause_that_the_check_ends_is_in_the_audit_log(doctor, mailbox):
    doctor.cli("db", "create")
    ledger = Ledger(f"sqlite:///{doctor.cli.folder / 'nps-connect.db'}")
    with ledger.write() as session:
        pauses.pause(session, "connection:mail", cause="auth", reason="login refused", now=datetime.now(UTC))
    doctor()
    with ledger.read() as session:
        assert "connection:mail" in pauses.load_pauses(session)
    doctor(SMTP_URL=mailbox.smtp_url)
    with ledger.read() as session:
        entry = session.scalars(select(AuditRow)).all()[-1]
        assert pauses.load_pauses(session) == {}
    ledger.close()
    assert (entry.command, entry.object) == ("doctor", "connection:mail")
