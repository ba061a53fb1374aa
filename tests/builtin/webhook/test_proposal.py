"""Proposed mappings: what the names and forms of payloads say, for shapes of different sources."""

import json
import tomllib

import pytest
from support.builtin_webhook import NOW, build_connection, build_request
from support.shop import DOCS

from nps_connect import WebhookRejected
from nps_connect.builtin import webhook
from nps_connect.builtin.webhook.learner import propose_mappings, sign_webhook
from nps_connect.builtin.webhook.settings import MappingSettings

CHARGEBEE = {
    "id": "ev_1",
    "occurred_at": 1772442000,
    "object": "event",
    "event_type": "subscription_renewed",
    "content": {
        "subscription": {"id": "sub_7", "plan_id": "pro", "status": "active", "current_term_start": 1772442000},
        "customer": {
            "id": "c1",
            "first_name": "Nora",
            "last_name": "Lind",
            "email": "nora@example.com",
            "locale": "sv",
        },
        "invoice": {"id": "inv_1", "total": 2900, "currency_code": "EUR"},
    },
}
MEETING = {
    "triggerEvent": "MEETING_ENDED",
    "createdAt": "2026-03-04T13:31:00.000Z",
    "payload": {
        "uid": "bk_9",
        "startTime": "2026-03-04T13:00:00Z",
        "endTime": "2026-03-04T13:30:00Z",
        "organizer": {"email": "staff@example.com", "name": "Staff"},
        "attendees": [{"email": "zoe@example.com", "name": "Zoé Petit", "language": {"locale": "fr"}}],
    },
}
LIST = [
    {"orderId": 1, "deliveredAt": "2026-03-05T10:00:00Z", "customerEmail": "lea@example.com", "customerName": "Léa"},
    {"orderId": 2, "deliveredAt": "2026-03-05T11:00:00Z", "customerEmail": "omar@example.com", "customerName": "Omar"},
]
TILL = {
    "sent": "2026-03-05T10:00:00Z",
    "store": "LYON",
    "records": [
        {
            "ticket_no": "T-9",
            "sold_at": "2026-03-05 09:12:00",
            "buyer": {"mail": "lea@example.com", "full_name": "Léa Martin"},
            "amount": 12.5,
        }
    ],
}
PARCEL = {
    "action": "parcel_status_changed",
    "timestamp": 1772705557000,
    "parcel": {
        "id": 123,
        "name": "Hugo Blanc",
        "email": "hugo@example.com",
        "status": {"id": 11, "message": "Delivered"},
    },
}
FRENCH = {
    "evenement": "commande.livree",
    "commande": {
        "reference": "CMD-118",
        "date_livraison": "2026-03-05T10:12:00+01:00",
        "client": {"courriel": "paul@example.com", "prenom": "Paul", "nom": "Durand"},
    },
}


def sample(name):
    return json.loads((DOCS / "samples" / name).read_text())


SHAPES = {
    "calendly": (
        sample("calendly-invitee-created.json"),
        ("appointment.completed", "2026-03-04T13:30:00", "zoe.petit@example.com", "Zoé Petit"),
    ),
    "shopify paid": (
        sample("shopify-orders-paid.json"),
        ("order.paid", "2026-03-02T08:58:09", "lea.martin@example.com", "Léa Martin"),
    ),
    "shopify fulfilled": (
        sample("shopify-orders-fulfilled.json"),
        ("order.shipped", "2026-03-02T08:58:09", "lea.martin@example.com", "Léa Martin"),
    ),
    "shopify delivered": (
        sample("shopify-fulfillments-update.json"),
        (
            "order.delivered",
            "2026-03-05T10:42:37",
            "lea.martin@example.com",
            None,
        ),  # miss: the name is in `destination`
    ),
    "stripe invoice": (
        sample("stripe-invoice-paid.json"),
        ("invoice.paid", "2026-03-02T10:00:03", "omar.diallo@example.com", "Omar Diallo"),
    ),
    "woocommerce": (
        sample("woocommerce-order-updated.json"),
        ("order.completed", "2026-03-04T13:30:00", "ines.benali@example.com", "Inès Benali"),
    ),
    "chargebee": (CHARGEBEE, ("subscription.renewed", "2026-03-02T09:00:00", "nora@example.com", "Nora Lind")),
    "meeting": (MEETING, ("appointment.completed", "2026-03-04T13:30:00", "zoe@example.com", "Zoé Petit")),
    "list": (LIST, ("order.delivered", "2026-03-05T10:00:00", "lea@example.com", "Léa")),
    "till": (TILL, ("order.completed", "2026-03-05T08:12:00", "lea@example.com", "Léa Martin")),
    "parcel": (PARCEL, ("order.delivered", "2026-03-05T10:12:37", "hugo@example.com", "Hugo Blanc")),
    "french": (FRENCH, ("order.delivered", "2026-03-05T09:12:00", "paul@example.com", "Paul Durand")),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_a_proposal_reads_its_payload(shape):
    content, (kind, moment, email, name) = SHAPES[shape]
    proposal = propose_mappings("shop", build_connection().settings, {"a.json": content}, "Europe/Paris")
    assert proposal.unread == ()
    [table] = tomllib.loads(proposal.toml)["connections"]["shop"]["incoming"]["mappings"]
    assert table["sample"] == "a.json"
    connection = build_connection(MappingSettings.model_validate(table).model_dump(exclude_unset=True))
    event, *_ = webhook.nps_parse_events(connection, build_request(json.dumps(content).encode()))
    [contact] = event.contacts
    assert (event.kind, event.occurred_at.isoformat()[:19]) == (kind, moment)
    assert (contact.email, contact.name) == (email, name)


def test_mappings_with_conditions_come_first_and_each_form_once():
    samples = {"/tmp/plain.json": LIST, "/tmp/a.json": MEETING, "/tmp/b.json": MEETING}
    proposal = propose_mappings("shop", build_connection().settings, samples, "Europe/Paris")
    tables = tomllib.loads(proposal.toml)["connections"]["shop"]["incoming"]["mappings"]
    assert [table.get("when") for table in tables] == ["triggerEvent == 'MEETING_ENDED'", None]
    assert not [table for table in tables if "sample" in table]


@pytest.mark.parametrize("content", [{}, [], {"id": 1}, {"email": "lea@example.com"}, {"type": "ping"}, [[1]]])
def test_a_payload_without_person_or_object_has_no_proposal(content):
    proposal = propose_mappings("shop", build_connection().settings, {"a.json": content}, "Europe/Paris")
    assert (proposal.toml, proposal.unread) == ("", ("a.json",))


SECRETS = ["the-secret-of-the-shop"]
SCHEMES = [
    {"scheme": "hmac-sha256", "header": "X-Signature", "prefix": "sha256=", "secrets": SECRETS},
    {"scheme": "hmac-sha1", "header": "X-S", "timestamp_header": "X-Time", "encoding": "base64", "secrets": SECRETS},
    {"scheme": "hmac-sha256", "header": "X-S", "signature_element": "v1", "timestamp_element": "t", "secrets": SECRETS},
    {"scheme": "standard-webhooks", "secrets": ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]},
    {"scheme": "bearer", "secrets": SECRETS},
    {"scheme": "bearer", "header": "X-Api-Key", "secrets": SECRETS},
]


@pytest.mark.parametrize("signature", SCHEMES)
def test_a_trial_signs_as_the_source_does(signature):
    connection = build_connection(signature=signature)
    headers = sign_webhook(connection.settings, b"{}", NOW, False)
    webhook.nps_verify_webhook(connection, build_request(b"{}", headers))
    forged = sign_webhook(connection.settings, b"{}", NOW, True)
    with pytest.raises(WebhookRejected):
        webhook.nps_verify_webhook(connection, build_request(b"{}", forged))
