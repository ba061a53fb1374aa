"""From the mail to the thank-you page with the real ledger behind it. What machines do there is in `test_crawl.py`."""

from __future__ import annotations

import socket
import threading

import pytest
import uvicorn
from sqlalchemy import select
from support.clock import SteadyClock
from support.house import House

from nps_connect.ledger.ledger import Ledger
from nps_connect.ledger.tables import ResponseRow, RevisionRow
from nps_connect.web.app import create_app


@pytest.fixture
def house(tmp_path, sqlite_template):
    """A whole product whose pages are served on a loopback port."""
    path = tmp_path / "ledger.db"
    path.write_bytes(sqlite_template.read_bytes())
    ledger = Ledger(f"sqlite:///{path}")
    listener = socket.create_server(("127.0.0.1", 0))
    address = f"http://127.0.0.1:{listener.getsockname()[1]}"
    house = House(ledger, SteadyClock(), {"core": {"public_url": address}})
    app = create_app(house.doors, clock=house.clock)
    server = uvicorn.Server(uvicorn.Config(app, access_log=False, log_level="warning", ws="none"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    house.stop = lambda: (setattr(server, "should_exit", True), thread.join(10))
    yield house
    house.stop()
    listener.close()
    ledger.close()


@pytest.fixture
def address(house):
    return house.ctx.settings.core.url


def mail_of(house, email):
    return next(message for message in house.post.items if message.to.email == email)


def stored(house, table):
    with house.ledger.read() as session:
        return list(session.execute(select(table)).scalars())


@pytest.mark.parametrize("javascript", [True, False], ids=["scripts", "no-scripts"])
@pytest.mark.parametrize(("device", "language"), [("phone", "fr"), ("desktop", "en")])
def test_a_customer_walks_from_the_mail_to_the_thank_you_page(house, visit, picture, device, language, javascript):
    house.surveyed(language=language)
    page = visit(device, javascript=javascript)
    page.set_content(mail_of(house, "marie@example.com").html)
    picture(page, f"real-mail-{device}-{language}")
    house.clock.forward("1h")
    page.locator("a[href*='score=4']").click()
    page.wait_for_url("**/s/*")
    assert stored(house, RevisionRow) == []
    page.fill("textarea[name=comment] >> visible=true", "Trop <lent>")
    page.locator("button[name=send] >> visible=true").click()
    page.wait_for_load_state()
    assert ("Merci" if language == "fr" else "Thank you") in page.inner_text("h1")
    picture(page, f"real-thanks-{device}-{language}-{'scripts' if javascript else 'plain'}")
    (answer,) = stored(house, ResponseRow)
    assert (answer.score, answer.comment, answer.language, answer.revision) == (4, "Trop <lent>", language, 1)
    house.run()
    assert len(house.desk.items) == len(house.bell.items) == 1
    assert {url.split("/")[2] for _, url in page.loaded} <= {house.ctx.settings.core.url.split("/")[2]}
