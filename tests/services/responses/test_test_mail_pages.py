"""The pages of a test mail are those that customers see, and nothing that is pressed there is kept."""

from __future__ import annotations

import asyncio

import httpx
import pytest
from sqlalchemy import func, select

from nps_connect.ledger.suppressions import SuppressionRow
from nps_connect.ledger.tables import DeliveryRow, PageViewRow, ResponseRow
from nps_connect.services import links
from nps_connect.web.app import create_app


@pytest.fixture
def browse(application):
    """Calls the pages as a browser does that follows redirects."""

    def call(method: str, path: str, **form: str) -> httpx.Response:
        async def called() -> httpx.Response:
            app = create_app(application.backend, clock=application.clock)
            transport = httpx.ASGITransport(app)
            async with httpx.AsyncClient(
                transport=transport, base_url="https://nps.example.com", follow_redirects=True
            ) as client:
                answer = await client.request(method, path, data=form or None)
            await app.site.close()
            return answer

        return asyncio.run(called())

    return call


@pytest.fixture
def token(application) -> str:
    return application.ctx.links.test(links.TestLink("after-purchase", "en"))


def kept(application) -> int:
    with application.ledger.read() as session:
        tables = (ResponseRow, PageViewRow, DeliveryRow, SuppressionRow)
        return sum(session.execute(select(func.count()).select_from(table)).scalar_one() for table in tables)


def test_a_pressed_score_leads_to_the_thank_you_page_with_its_form_and_review_links(application, browse, token):
    answer = browse("POST", f"/s/{token}", score="9", lang="en")
    assert answer.history[0].status_code == 303
    assert "This is a test." in answer.text
    assert "We have received your score: 9 out of 10." in answer.text
    assert "Would you like to add something?" in answer.text
    assert "Write a review on" in answer.text
    assert kept(application) == 0


def test_send_leads_to_the_page_without_the_form_and_another_language_keeps_its_state(application, browse, token):
    answer = browse("POST", f"/s/{token}", send="3", comment="Too slow", lang="en")
    assert "Change my answer" in answer.text
    turned = browse("POST", f"/s/{token}?lang=fr&score=3&pressed=1", switch_language="fr", lang="en")
    assert "Nous avons bien reçu votre note" in turned.text
    assert kept(application) == 0


def test_opening_and_unsubscribing_keep_nothing_either(application, browse, token):
    assert "This is a test." in browse("GET", f"/s/{token}?score=2").text
    assert browse("POST", f"/u/{token}").status_code == 200
    assert kept(application) == 0


def test_a_customers_page_takes_no_score_for_pressed_that_its_address_calls_so(application, browse):
    token = application.surveyed()
    page = browse("GET", f"/s/{token}?score=9&pressed=1&lang=en").text
    assert "Thank you!" not in page
    with application.ledger.read() as session:
        assert session.execute(select(ResponseRow.revision)).scalars().all() == [0]
