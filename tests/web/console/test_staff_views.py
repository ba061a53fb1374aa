"""Figures about staff: off by default; switching them on needs a reason and a confirmation, and is recorded."""

from sqlalchemy import select
from sqlmodel import col
from support.console import ConsoleClient, add_console_user

from nps_connect.ledger.audit_log import AuditRow
from nps_connect.services.reports.staff_figures import load_staff_figures

PATH = "/console/staff-figures"
REASON = {"reason": "coaching, agreed with the works council on 3 March"}


def is_enabled(ledger):
    with ledger.read() as session:
        decision = load_staff_figures(session)
        return decision is not None and decision.enabled


def test_an_administrator_switches_them_on_and_off_with_a_reason(admin_client, ledger):
    page = admin_client.get(PATH).text
    assert "consult the works council (CSE) first" in page
    for form in ({"enabled": "1", "informed": "1"}, {"enabled": "1", **REASON}):
        assert admin_client.post(PATH, form).status_code == 422
    assert not is_enabled(ledger)
    assert admin_client.post(PATH, {"enabled": "1", "informed": "1", **REASON}).status_code == 303
    assert is_enabled(ledger)
    assert REASON["reason"] in admin_client.get(PATH).text
    assert admin_client.post(PATH, {"enabled": "0", "reason": "no longer needed"}).status_code == 303
    assert not is_enabled(ledger)
    with ledger.read() as session:
        query = select(col(AuditRow.command), col(AuditRow.reason)).where(col(AuditRow.command).like("staff figures%"))
        assert {tuple(row) for row in session.execute(query)} == {
            ("staff figures on", REASON["reason"]),
            ("staff figures off", "no longer needed"),
        }


def test_nobody_else_decides(harness, runner, admin, ledger):
    worker = ConsoleClient(harness, runner, add_console_user(harness, "paul@example.com", "case_worker"))
    assert worker.get(PATH).status_code == 403
    assert worker.post(PATH, {"enabled": "1", "informed": "1", **REASON}).status_code == 403
    assert not is_enabled(ledger)
