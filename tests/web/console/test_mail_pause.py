"""Pause all mail: on every page of an administrator, with who and why."""

import pytest
from support.console import ConsoleClient, add_console_user

from nps_connect.ledger import pauses
from nps_connect.services.users.mail_pause import load_mail_pause


def test_an_administrator_pauses_and_resumes_all_mail_from_any_page(harness, admin_client, ledger, runner):
    viewer = ConsoleClient(harness, runner, add_console_user(harness, "paul@example.com", "viewer"))
    assert "Pause all mail" in admin_client.get("/console/audit").text
    assert "Pause all mail" not in viewer.get("/console/account").text
    reason = "Wrong link <b>in</b> the mail"
    response = admin_client.post("/console/pause-mail", {"reason": reason, "next": "/console/audit"})
    assert response.headers["location"] == "/console/audit"
    for client, path in ((admin_client, "/console/users"), (viewer, "/console/account")):
        page = client.get(path).text
        assert "by Claire Dubois" in page
        assert "Wrong link &lt;b&gt;in&lt;/b&gt; the mail" in page
        assert ("Resume mail" in page) == (client is admin_client)
    with ledger.read() as session:
        assert pauses.is_paused(session, pauses.MAIL_SCOPE)
    assert admin_client.post("/console/resume-mail").status_code == 303
    with ledger.read() as session:
        assert load_mail_pause(session, None) is None


@pytest.mark.parametrize("path", ["/console/pause-mail", "/console/resume-mail"])
def test_nobody_else_pauses_or_resumes(harness, runner, ledger, path):
    worker = ConsoleClient(harness, runner, add_console_user(harness, "paul@example.com", "case_worker"))
    assert worker.post(path, {"reason": "x"}).status_code == 403
    with ledger.read() as session:
        assert load_mail_pause(session, None) is None
