"""Plans of assistants: an administrator approves or rejects each one, once."""

import pytest
from sqlalchemy import select
from sqlmodel import col
from support.console import ConsoleClient, add_console_user

from nps_connect.ledger import pauses
from nps_connect.ledger.audit_log import AuditRow
from nps_connect.records.api_results import ApiCaller
from nps_connect.records.assistant_requests import PauseRequest
from nps_connect.services.assistants.plans import make_plan


@pytest.fixture
def plan(harness):
    return make_plan(harness.app.ctx, ApiCaller(1, "shop", frozenset()), "pause", PauseRequest())


def is_mail_paused(ledger):
    with ledger.read() as session:
        return pauses.is_paused(session, pauses.MAIL_SCOPE)


def test_a_plan_is_carried_out_after_its_number_of_people_is_typed(admin_client, plan, ledger):
    path = f"/console/plans/{plan.public_id}"
    assert "Pause all mail to customers" in admin_client.get(path).text
    assert "Pause all mail to customers" in admin_client.get("/console/plans").text
    refused = admin_client.post(f"{path}/approve", {"people": "1"})
    assert (refused.status_code, is_mail_paused(ledger)) == (422, False)
    assert admin_client.post(f"{path}/approve", {"people": "0"}).status_code == 303
    assert is_mail_paused(ledger)
    assert "approved by claire@example.com" in admin_client.get("/console/plans").text
    assert admin_client.post(f"{path}/approve", {"people": "0"}).status_code == 422
    with ledger.read() as session:
        query = select(col(AuditRow.actor_name)).where(col(AuditRow.command) == "approvals approve")
        assert session.execute(query).scalars().all() == ["claire@example.com"]


def test_a_rejected_or_expired_plan_cannot_be_approved(admin_client, plan, ledger, clock):
    path = f"/console/plans/{plan.public_id}"
    assert admin_client.post(f"{path}/reject").status_code == 303
    assert admin_client.post(f"{path}/approve", {"people": "0"}).status_code == 422
    assert admin_client.get("/console/plans/nothing").status_code == 404
    assert not is_mail_paused(ledger)


def test_nobody_else_decides(harness, runner, plan, admin, ledger):
    worker = ConsoleClient(harness, runner, add_console_user(harness, "paul@example.com", "case_worker"))
    assert worker.post(f"/console/plans/{plan.public_id}/approve", {"people": "0"}).status_code == 403
    assert not is_mail_paused(ledger)
