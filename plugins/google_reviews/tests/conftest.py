from __future__ import annotations

import pytest

import nps_connect_google_reviews as plugin
from nps_connect import Contact, Response, ReviewInvitation
from nps_connect.testing import START, connect

PLACE_ID = "ChIJexample_place-0001"


@pytest.fixture
def google():
    """Return a function that builds a connection; keyword arguments are its table."""

    def build(**table):
        return connect(plugin, table or {"place_id": PLACE_ID}, name="google")

    return build


@pytest.fixture
def invitation():
    """Return a function that builds an invitation, by score, location and the contact's fields."""

    def build(score=10, location=None, fields=None) -> ReviewInvitation:
        return ReviewInvitation(
            idempotency_key="invite_review:7:1",
            contact=Contact(connection="crm", id="7", email="marie@example.com", fields=fields or {}),
            response=Response(
                id="r7",
                revision=1,
                survey="after-purchase",
                touchpoint="purchase",
                score=score,
                language="fr",
                answered_at=START,
            ),
            lead="review" if score >= 9 else "help",
            location=location,
        )

    return build
