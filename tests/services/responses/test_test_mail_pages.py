"""The pages of a test mail look like those of customers, and store nothing."""

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
    """Request pages like a browser that follows redirects."""

    def call(method: str, path: str, **form: str) -> httpx.Response:
        async def request() -> httpx.Response:
            app = create_app(application.backend, clock=application.clock)
            transport = httpx.ASGITransport(app)
            async with httpx.AsyncClient(
                transport=transport, base_url="https://nps.example.com", follow_redirects=True
            ) as client:
                response = await client.request(method, path, data=form or None)
            await app.site.close()
            return response

        return asyncio.run(request())

    return call


@pytest.fixture
def token(application) -> str:
    return application.ctx.links.test(links.TestLink("after-purchase", "en"))


def count_stored_rows(application) -> int:
    with application.ledger.read() as session:
        tables = (ResponseRow, PageViewRow, DeliveryRow, SuppressionRow)
        return sum(session.execute(select(func.count()).select_from(table)).scalar_one() for table in tables)


def test_a_submitted_score_shows_the_thank_you_page_with_form_and_review_links(application, browse, token):
    response = browse("POST", f"/s/{token}", score="9", lang="en")
    assert response.history[0].status_code == 303
    assert "This is a test." in response.text
    assert "We have received your score: 9 out of 10." in response.text
    assert "Would you like to add something?" in response.text
    assert "Write a review on" in response.text
    assert count_stored_rows(application) == 0


def test_send_shows_the_page_without_form_and_a_language_switch_keeps_the_state(application, browse, token):
    response = browse("POST", f"/s/{token}", send="3", comment="Too slow", lang="en")
    assert "Change my answer" in response.text
    switched = browse("POST", f"/s/{token}?lang=fr&score=3&pressed=1", switch_language="fr", lang="en")
    assert "Nous avons bien reçu votre note" in switched.text
    assert count_stored_rows(application) == 0


def test_views_and_unsubscribe_store_nothing(application, browse, token):
    assert "This is a test." in browse("GET", f"/s/{token}?score=2").text
    assert browse("POST", f"/u/{token}").status_code == 200
    assert count_stored_rows(application) == 0


def test_the_query_cannot_submit_a_score_on_a_customers_page(application, browse):
    token = application.surveyed()
    page = browse("GET", f"/s/{token}?score=9&pressed=1&lang=en").text
    assert "Thank you!" not in page
    with application.ledger.read() as session:
        assert session.execute(select(ResponseRow.revision)).scalars().all() == [0]
