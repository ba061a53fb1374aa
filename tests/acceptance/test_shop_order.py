"""A shop's order leads to survey, score, review mail and ticket, by the configuration of docs/sources.md alone."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select
from support.shop import PUBLIC_URL, open_shop, sample

from nps_connect.ledger.tables import ContactRow, DecisionRow, EventRow, RawRequest
from nps_connect.services.intake.replay import replay
from nps_connect.services.operations.ledger_findings import load_findings

LEA, OMAR, STRANGER = "lea.martin@example.com", "omar.diallo@example.com", "nadia.roux@example.com"
DELIVERED_AT = datetime(2026, 3, 5, 11, 0, tzinfo=UTC)
WORKING_HOURS = timedelta(hours=26)
"""After the delay of a day it is Friday at one o'clock in the afternoon."""


@pytest.fixture
def shop(tmp_path, ledger):
    with open_shop(tmp_path, ledger, DELIVERED_AT) as shop:
        yield shop


def order(name, email, number):
    payload = sample(name)
    payload |= {"email": email, "order_id" if "order_id" in payload else "id": number}
    return payload


def buy(shop, email, number):
    """The three webhooks of an order, out of order and one of them twice."""
    delivered = order("shopify-fulfillments-update.json", email, number)
    for topic, payload in (
        ("fulfillments/update", delivered),
        ("orders/paid", order("shopify-orders-paid.json", email, number)),
        ("fulfillments/update", {**delivered, "updated_at": "2026-03-05T12:00:00+01:00"}),
        ("fulfillments/update", {**delivered, "shipment_status": "out_for_delivery"}),
        ("orders/fulfilled", order("shopify-orders-fulfilled.json", email, number)),
    ):
        assert shop.post(topic, payload) == 200


def test_an_order_leads_to_survey_score_review_mail_and_ticket(shop):
    shop.add_person(LEA, "Léa Martin")
    shop.add_person(OMAR, "Omar Diallo")
    buy(shop, LEA, 1)
    buy(shop, OMAR, 2)
    with shop.application.ctx.ledger.read() as session:
        kinds = sorted(session.execute(select(EventRow.kind)).scalars())
        reasons = list(session.execute(select(DecisionRow.reason)).scalars())
    assert kinds == ["order.delivered"] * 2 + ["order.paid"] * 2 + ["order.shipped"] * 2
    assert reasons == ["surveyed", "surveyed"]

    shop.run(WORKING_HOURS)
    assert [len(shop.mails(email)) for email in (LEA, OMAR)] == [1, 1]
    shop.respond(LEA, 10, "Livraison rapide")
    shop.respond(OMAR, 2, "Colis abîmé")

    crm, helpdesk = shop.vendors["hubspot"].effects(), shop.vendors["zendesk"].effects()
    assert dict(crm.scores) == {LEA: 10, OMAR: 2}
    assert crm.comments[OMAR] == "Colis abîmé"
    assert {email: len(tickets) for email, tickets in helpdesk.tickets.items()} == {OMAR: 1}

    shop.run(timedelta(hours=3))
    assert [len(shop.mails(email)) for email in (LEA, OMAR)] == [2, 1]
    [review] = shop.mails(LEA)[-1].links_to(f"{PUBLIC_URL}/r/")
    assert shop.client.get(review).headers["location"] == "https://directory.example.com/exemple-sa/review"


def test_somebody_the_crm_does_not_know_is_surveyed_and_leaves_no_contact_there(shop):
    buy(shop, STRANGER, 3)
    shop.run(WORKING_HOURS)
    shop.respond(STRANGER, 9, "Parfait")
    assert dict(shop.vendors["hubspot"].effects().scores) == {}
    [delivery] = shop.deliveries("write_score")
    assert (delivery.state, delivery.last_error) == ("skipped", "crm does not know this person")


def test_who_unsubscribes_is_not_surveyed_after_the_next_order(shop):
    buy(shop, LEA, 4)
    shop.run(WORKING_HOURS)
    [link] = shop.mails(LEA)[-1].links_to(f"{PUBLIC_URL}/u/")
    assert shop.client.post(link, data={"List-Unsubscribe": "One-Click"}).status_code == 200
    shop.run(timedelta(days=200))
    payload = order("shopify-fulfillments-update.json", LEA, 5)
    shop.post("fulfillments/update", {**payload, "updated_at": shop.clock().isoformat()})
    with shop.application.ctx.ledger.read() as session:
        reasons = list(session.execute(select(DecisionRow.reason).order_by(DecisionRow.id)).scalars())
    assert reasons == ["surveyed", "suppressed"]
    assert len(shop.mails(LEA)) == 1


def test_a_forged_order_has_no_effect(shop):
    payload = order("shopify-fulfillments-update.json", LEA, 6)
    assert shop.post("fulfillments/update", payload, secret="guessed") == 401
    assert shop.post("fulfillments/update", b"x" * 1_100_000) == 413
    with shop.application.ctx.ledger.read() as session:
        assert list(session.execute(select(EventRow.id)).scalars()) == []
        assert list(session.execute(select(ContactRow.id)).scalars()) == []


def test_a_payload_that_no_mapping_reads_is_kept_and_replayed_after_the_fix(tmp_path, ledger):
    def damage(text):
        return re.sub(r"^sample = .*$", "", text.replace('"order_id"', '"order.id"'), flags=re.MULTILINE)

    with open_shop(tmp_path, ledger, DELIVERED_AT, damage) as shop:
        assert shop.post("fulfillments/update", order("shopify-fulfillments-update.json", LEA, 7)) == 200
        assert shop.post("orders/cancelled", order("shopify-orders-paid.json", LEA, 7)) == 200
        with ledger.read() as session:
            findings = load_findings(session, shop.ctx.settings, shop.clock())
        [finding] = [finding for finding in findings if finding.id == "webhooks-unreadable"]
        assert "unreadable webhooks: 2" in finding.text
        assert "no mapping applies (x-shopify-topic orders/cancelled)" in finding.text
        assert finding.fix.endswith("nps-connect events replay --raw --connection shop")
    with open_shop(tmp_path, ledger, shop.clock() + timedelta(hours=1)) as shop:
        with ledger.write() as session:
            ids = list(session.execute(select(RawRequest.id)).scalars())
            replay(session, RawRequest, ids, shop.clock())
        shop.run()
        with ledger.read() as session:
            states = list(session.execute(select(RawRequest.state).order_by(RawRequest.id)).scalars())
            kinds = list(session.execute(select(EventRow.kind)).scalars())
        assert (states, kinds) == (["succeeded", "dead"], ["order.delivered"])
