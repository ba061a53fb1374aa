"""People of a source that cannot be asked: the ledger's contact counts, and what an event does not say stays."""

import json

import pytest
from sqlalchemy import select
from support.application import ApplicationHarness
from support.webhooks import accept_webhook

from nps_connect.builtin import webhook
from nps_connect.ledger.tables import ContactRow, DecisionRow, EventRow, RawRequest
from nps_connect.records.events import WebhookRequest
from nps_connect.settings.origins import ReferencedText

TOKEN = "the-token-of-the-shop"
LEA = "lea.martin@example.com"
PERSON = {"id": "who", "email": "email", "name": "name", "language": "language"}
CHANGE = {
    "connections": {
        "shop": {
            "plugin": "webhook",
            "events": "webhook",
            "incoming": {
                "signature": {"scheme": "bearer", "secrets": [ReferencedText(TOKEN, "environment")]},
                "mappings": [
                    {"when": "gone", "kind": "contact.privacy_deleted", "object_id": "who", "person": PERSON},
                    {"kind": "order.paid", "object_id": "order", "person": PERSON},
                ],
            },
        }
    },
    "triggers": [{"on": "order.paid", "from": "shop", "survey": "after-purchase", "delay": "3d"}],
}


@pytest.fixture
def shop(ledger, clock):
    return ApplicationHarness(ledger, clock, CHANGE, webhook=webhook)


def post(shop, **payload):
    request = WebhookRequest(
        method="POST",
        url="https://nps.example.com/hooks/shop",
        headers={"authorization": f"Bearer {TOKEN}", "x-topic": "order"},
        body=json.dumps(payload).encode(),
        received_at=shop.clock(),
    )
    accept_webhook(shop.backend, "shop", request)
    shop.run()


def reasons(shop):
    with shop.ledger.read() as session:
        return list(session.execute(select(DecisionRow.reason).order_by(DecisionRow.id)).scalars())


def contact(shop):
    with shop.ledger.read() as session:
        [row] = session.execute(select(ContactRow)).scalars()
    return row


def test_an_event_with_an_id_only_is_about_the_stored_person(shop):
    post(shop, order=1, who=12)
    post(shop, order=2, who=12, email=LEA, name="Léa", language="fr")
    post(shop, order=3, who=12)
    assert reasons(shop) == ["no_contact", "surveyed", "cooldown"]
    shop.clock.forward("3d")
    shop.run()
    [mail] = shop.post.sent("survey")
    assert (mail.to.email, mail.to.name, mail.language) == (LEA, "Léa", "fr")


def test_an_event_that_names_less_leaves_what_is_stored(shop):
    post(shop, order=1, who=12, email=LEA, name="Léa", language="fr")
    post(shop, order=2, who=12, email="lea@example.com")
    assert (contact(shop).email, contact(shop).name, contact(shop).language) == ("lea@example.com", "Léa", "fr")


def test_who_is_erased_at_the_source_is_erased_and_not_surveyed_again(shop):
    post(shop, order=1, who=12, email=LEA, name="Léa")
    post(shop, gone=True, who=12, email=LEA)
    post(shop, order=2, who=12, email=LEA)
    assert (contact(shop).email, contact(shop).name) == (None, None)
    with shop.ledger.read() as session:
        queries = (select(RawRequest.body), select(EventRow.record))
        stored = [str(content) for query in queries for content in session.execute(query).scalars()]
    assert not [content for content in stored if LEA in content]
    post(shop, order=3, who=13, email=LEA)
    shop.clock.forward("3d")
    shop.run()
    assert shop.post.sent("survey") == []
    assert set(reasons(shop)) == {"surveyed", "suppressed"}


def test_the_token_of_a_webhook_is_not_stored(shop):
    post(shop, order=1, who=12, email=LEA)
    with shop.ledger.read() as session:
        [request] = session.execute(select(RawRequest)).scalars()
    assert request.headers == {"x-topic": "order"}
