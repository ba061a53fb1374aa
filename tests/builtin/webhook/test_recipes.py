"""The recipes of docs/sources.md, word by word: each vendor's own signature and payload lead to the event."""

import base64
import hashlib
import hmac
import tomllib
from datetime import UTC, datetime

import pytest
from support.builtin_webhook import build_request
from support.shop import DOCS, shopify_headers, toml_blocks

from nps_connect import Connection, WebhookRejected, mailbox_contact_id
from nps_connect.builtin import webhook
from nps_connect.builtin.webhook.sample_check import find_settings_mistakes
from nps_connect.builtin.webhook.settings import WebhookSettings

SECRET = "the-secret-of-the-vendor"
NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def load(title):
    """The only webhook connection of a configuration of the page."""
    tables = tomllib.loads(toml_blocks()[title])["connections"]
    [(name, table)] = [(name, table) for name, table in tables.items() if table["plugin"] == "webhook"]
    assert [set(secret) for secret in table["incoming"]["signature"]["secrets"]] == [{"env"}]
    table["incoming"]["signature"]["secrets"] = [SECRET]
    return Connection(name=name, settings=WebhookSettings.model_validate(table))


def shopify(topic):
    return lambda body: shopify_headers(topic, body, SECRET)


def woocommerce(body):
    digest = hmac.new(SECRET.encode(), body, hashlib.sha256).digest()
    return {"X-WC-Webhook-Topic": "order.updated", "X-WC-Webhook-Signature": base64.b64encode(digest).decode()}


def timestamped(header):
    stamp = int(NOW.timestamp())
    return lambda body: {
        header: f"t={stamp},v1={hmac.new(SECRET.encode(), f'{stamp}.'.encode() + body, hashlib.sha256).hexdigest()}"
    }


RECIPES = [
    (
        "nps-connect.toml",
        "shopify-orders-paid.json",
        shopify("orders/paid"),
        ("order.paid", "5728394017625", "2026-03-02T08:58:09+00:00"),
        ("lea.martin@example.com", "Léa Martin", "fr-FR"),
        {"total": 84.9, "currency": "EUR", "country": "FR"},
    ),
    (
        "nps-connect.toml",
        "shopify-orders-fulfilled.json",
        shopify("orders/fulfilled"),
        ("order.shipped", "5728394017625", "2026-03-03T15:20:00+00:00"),
        ("lea.martin@example.com", "Léa Martin", "fr-FR"),
        {"total": 84.9, "currency": "EUR", "country": "FR"},
    ),
    (
        "nps-connect.toml",
        "shopify-fulfillments-update.json",
        shopify("fulfillments/update"),
        ("order.delivered", "5728394017625", "2026-03-05T10:42:37+00:00"),
        ("lea.martin@example.com", "Léa Martin", None),
        {"country": "FR", "carrier": "Colissimo"},
    ),
    (
        "stripe.toml",
        "stripe-checkout-session-completed.json",
        timestamped("Stripe-Signature"),
        ("order.paid", "cs_live_a1b2c3example", "2026-03-02T09:00:12+00:00"),
        ("omar.diallo@example.com", "Omar Diallo", "fr"),
        {"cents": 4900, "currency": "eur", "country": "FR"},
    ),
    (
        "stripe.toml",
        "stripe-invoice-paid.json",
        timestamped("Stripe-Signature"),
        ("subscription.renewed", "sub_1TfExample", "2026-03-02T10:00:03+00:00"),
        ("omar.diallo@example.com", "Omar Diallo", None),
        {"cents": 2900, "currency": "eur"},
    ),
    (
        "woocommerce.toml",
        "woocommerce-order-updated.json",
        woocommerce,
        ("order.completed", "4711", "2026-03-04T13:30:00+00:00"),
        ("ines.benali@example.com", "Inès Benali", None),
        {"total": 49.9, "currency": "EUR", "country": "FR"},
    ),
    (
        "calendly.toml",
        "calendly-invitee-created.json",
        timestamped("Calendly-Webhook-Signature"),
        (
            "appointment.completed",
            "https://api.calendly.com/scheduled_events/EXAMPLEEVENT/invitees/EXAMPLEINVITEE",
            "2026-03-04T13:30:00+00:00",
        ),
        ("zoe.petit@example.com", "Zoé Petit", None),
        {"service": "Conseil, 30 minutes", "location": "Boutique de Lyon"},
    ),
]


@pytest.mark.parametrize(
    ("title", "sample", "sign", "fact", "person", "fields"), RECIPES, ids=[recipe[1] for recipe in RECIPES]
)
def test_a_payload_of_the_vendor_becomes_the_event(title, sample, sign, fact, person, fields):
    connection, body = load(title), (DOCS / "samples" / sample).read_bytes()
    request = build_request(body, sign(body), at=NOW)
    webhook.nps_verify_webhook(connection, request)
    [event] = webhook.nps_parse_events(connection, request)
    assert (event.kind, event.object_id, event.occurred_at.isoformat()) == fact
    [contact] = event.contacts
    assert (contact.email, contact.name, contact.language) == person
    assert contact.id == mailbox_contact_id(person[0])
    assert event.fields == fields
    with pytest.raises(WebhookRejected):
        webhook.nps_verify_webhook(connection, request.model_copy(update={"body": body + b" "}))


@pytest.mark.parametrize("title", toml_blocks())
def test_the_samples_fit_the_mappings(title):
    assert find_settings_mistakes(load(title).settings, DOCS) == []


def test_an_invoice_that_begins_a_subscription_is_an_invoice():
    body = (DOCS / "samples" / "stripe-invoice-paid.json").read_bytes().replace(b"_cycle", b"_create")
    [event] = webhook.nps_parse_events(load("stripe.toml"), build_request(body))
    assert (event.kind, event.object_id) == ("invoice.paid", "in_1TqC9bExample")


def test_other_states_of_an_order_are_ignored():
    body = (DOCS / "samples" / "woocommerce-order-updated.json").read_bytes().replace(b"completed", b"processing")
    request = build_request(body, {"X-WC-Webhook-Topic": "order.updated"})
    assert webhook.nps_parse_events(load("woocommerce.toml"), request) == []
