"""From the mail to the thank-you page with a real ledger. `test_crawl.py` covers bots."""

from __future__ import annotations

import socket
import threading

import pytest
import uvicorn
from sqlalchemy import select
from support.application import ApplicationHarness
from support.clock import ManualClock

from nps_connect.ledger.ledger import Ledger
from nps_connect.ledger.tables import ResponseRow, RevisionRow
from nps_connect.web.app import create_app


@pytest.fixture
def application(tmp_path, sqlite_template):
    """A complete application whose pages are served on a loopback port."""
    path = tmp_path / "ledger.db"
    path.write_bytes(sqlite_template.read_bytes())
    ledger = Ledger(f"sqlite:///{path}")
    listener = socket.create_server(("127.0.0.1", 0))
    address = f"http://127.0.0.1:{listener.getsockname()[1]}"
    application = ApplicationHarness(ledger, ManualClock(), {"core": {"public_url": address}})
    app = create_app(application.backend, clock=application.clock)
    server = uvicorn.Server(uvicorn.Config(app, access_log=False, log_level="warning", ws="none"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    application.stop = lambda: (setattr(server, "should_exit", True), thread.join(10))
    yield application
    application.stop()
    listener.close()
    ledger.close()


@pytest.fixture
def address(application):
    return application.ctx.settings.core.url


def mail_of(application, email):
    return next(message for message in application.post.items if message.to.email == email)


def stored(application, table):
    with application.ledger.read() as session:
        return list(session.execute(select(table)).scalars())


@pytest.mark.parametrize("javascript", [True, False], ids=["scripts", "no-scripts"])
@pytest.mark.parametrize(("device", "language"), [("phone", "fr"), ("desktop", "en")])
def test_a_response_from_the_mail_reaches_ledger_ticket_and_alert(
    application, visit, screenshot, device, language, javascript
):
    application.surveyed(language=language)
    page = visit(device, javascript=javascript)
    page.set_content(mail_of(application, "marie@example.com").html)
    screenshot(page, f"real-mail-{device}-{language}")
    application.clock.forward("1h")
    page.locator("a[href*='score=4']").click()
    page.wait_for_url("**/s/*")
    assert stored(application, RevisionRow) == []
    page.fill("textarea[name=comment] >> visible=true", "Trop <lent>")
    page.locator("button[name=send] >> visible=true").click()
    page.wait_for_load_state()
    assert ("Merci" if language == "fr" else "Thank you") in page.inner_text("h1")
    screenshot(page, f"real-thanks-{device}-{language}-{'scripts' if javascript else 'plain'}")
    (response,) = stored(application, ResponseRow)
    assert (response.score, response.comment, response.language, response.revision) == (4, "Trop <lent>", language, 1)
    application.run()
    assert len(application.desk.items) == len(application.bell.items) == 1
    assert {url.split("/")[2] for _, url in page.requests} <= {application.ctx.settings.core.url.split("/")[2]}
