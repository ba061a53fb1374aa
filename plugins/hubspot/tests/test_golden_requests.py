"""Golden requests: method, path and body of each action, kept as reviewed examples."""

from __future__ import annotations

import json

import pytest

import nps_connect_hubspot as plugin
from nps_connect import Contact, OptOut

PROPERTIES = {
    "nps_score": "9",
    "nps_category": "promoter",
    "nps_comment": "Merci !",
    "nps_answered_at": "2026-03-02T08:59:00.000Z",
    "nps_survey": "after-purchase",
    "nps_touchpoint": "purchase",
    "nps_previous_score": "",
    "nps_response_id": "r-101",
    "nps_response_count": "1",
}
NOTE = {
    "properties": {
        "hs_timestamp": "2026-03-02T08:59:00.000Z",
        "hs_note_body": (
            "<p><strong>NPS 9</strong> (Promoteur), purchase</p><p>Merci !</p><p>Référence: nps-response:r-101 / 1</p>"
        ),
    },
    "associations": [
        {"to": {"id": "101"}, "types": [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 202}]}
    ],
    "objectWriteTraceId": "nps-response:r-101",
}
SWITCHED_OFF = {"channel": "EMAIL", "subscriptionId": 77, "statusState": "UNSUBSCRIBED"}


def sent_requests(transport):
    return [(request.method, request.path, json.loads(request.body)) for request in transport.requests]


@pytest.mark.parametrize("version", ["2026-03", "2026-09"])
def test_write_score(make_connection, connection, transport, create_contacts, build_score_update, version):
    [person] = create_contacts(1)
    plugin.nps_write_scores(
        make_connection(api_version=version, notes=True), [build_score_update(person.id, comment="Merci !")]
    )
    assert sent_requests(transport) == [
        (
            "POST",
            f"/crm/objects/{version}/contacts/batch/update",
            {"inputs": [{"id": "101", "properties": PROPERTIES}]},
        ),
        ("POST", f"/crm/objects/{version}/notes/batch/create", {"inputs": [NOTE]}),
    ]
    assert transport.requests[0].headers["authorization"].startswith("Bearer ")


@pytest.mark.parametrize("version", ["2026-03", "2026-09"])
def test_write_opt_out(make_connection, connection, transport, create_contacts, clock, version):
    [person] = create_contacts(1)
    contact = Contact(connection="crm", id=person.id, email="person0@example.com")
    opt_out = OptOut(idempotency_key="key", contact=contact, at=clock())
    plugin.nps_write_opt_outs(make_connection(api_version=version, opt_out_subscription=77), [opt_out])
    path = f"/communication-preferences/{version}/statuses/person0@example.com"
    assert sent_requests(transport) == [("POST", path, SWITCHED_OFF)]
