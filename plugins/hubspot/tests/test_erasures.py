"""nps_erase_contacts: our properties and notes are removed, and nothing else."""

from __future__ import annotations

import json

import pytest
from sqlalchemy import select

import nps_connect_hubspot as plugin
from nps_connect import ContactErasure, Receipt, SimulatedPerson, TargetGone
from nps_connect.ledger.tables import DeliveryRow
from nps_connect.services.operations.data_requests import erase_person, find_person
from nps_connect_hubspot.simulated.portal import NOTE


def erase(connection, *contact_ids, emails=()):
    [outcome] = plugin.nps_erase_contacts(
        connection, [ContactErasure(idempotency_key="key", contact_ids=contact_ids, emails=emails)]
    )
    return outcome


def own_values(record):
    return {name: value for name, value in record.properties.items() if name.startswith("nps_") and value}


def live_notes(vendor):
    return [note for note in vendor.portal.records[NOTE].values() if not note.archived]


@pytest.mark.parametrize("version", ["2026-03", "2026-09"])
def test_nps_erase_contacts_empties_our_properties_and_deletes_our_notes(
    vendor, make_connection, connection, create_contacts, build_score_update, clock, version
):
    marie, paul = create_contacts(2, lifecyclestage="customer")
    crm = make_connection(api_version=version, notes=True)
    plugin.nps_write_scores(crm, [build_score_update(record.id, comment="Merci !") for record in (marie, paul)])
    foreign = vendor.portal.create(NOTE, {"hs_note_body": "Called on Monday", "hs_timestamp": "1"}, clock())
    vendor.portal.link(foreign, marie, 202)
    receipt = erase(crm, marie.id)
    assert isinstance(receipt, Receipt)
    assert (receipt.id, receipt.link) == (marie.id, f"https://app.hubspot.com/contacts/4242424/record/0-1/{marie.id}")
    assert receipt.note.startswith("emptied 8 properties, deleted 1 notes and 0 tasks; the contact, the history")
    assert own_values(marie) == {}
    assert (marie.properties["email"], marie.properties["lifecyclestage"]) == ("person0@example.com", "customer")
    assert own_values(paul)["nps_score"] == "9"
    assert {note.properties["hs_note_body"].partition("<")[0] for note in live_notes(vendor)} == {
        "",
        "Called on Monday",
    }
    assert len(live_notes(vendor)) == 2
    again = erase(crm, marie.id)
    assert again.note.startswith("emptied 0 properties, deleted 0 notes")


def test_the_archive_of_notes_is_one_batch_and_the_update_names_only_what_is_filled(
    connection, make_connection, transport, create_contacts, build_score_update
):
    [person] = create_contacts(1)
    crm = make_connection(notes=True)
    plugin.nps_write_scores(crm, [build_score_update(person.id)])
    transport.requests.clear()
    erase(crm, person.id)
    archive, update = [(r.path, json.loads(r.body)) for r in transport.requests][-2:]
    assert archive == ("/crm/objects/2026-09/notes/batch/archive", {"inputs": [{"id": "102"}]})
    filled = ("score", "category", "answered_at", "survey", "touchpoint", "response_id", "response_count")
    assert update == (
        "/crm/objects/2026-09/contacts/batch/update",
        {"inputs": [{"id": person.id, "properties": {f"nps_{name}": "" for name in filled}}]},
    )


def test_a_person_is_found_by_address_and_by_an_id_that_was_merged(
    vendor, connection, create_contacts, build_score_update, clock
):
    first, second, third = create_contacts(3)
    plugin.nps_write_scores(connection, [build_score_update(record.id) for record in (first, third)])
    vendor.portal.merge(first, second, clock())
    assert erase(connection, second.id).id == first.id
    assert erase(connection, emails=("PERSON2@example.com",)).id == third.id
    assert (own_values(first), own_values(third)) == ({}, {})


def test_an_unknown_or_deleted_person_is_gone(connection, create_contacts):
    [person] = create_contacts(1)
    person.archived = True
    assert isinstance(erase(connection, person.id, "999999"), TargetGone)
    assert isinstance(erase(connection, emails=("nobody@example.com",)), TargetGone)


def test_a_portal_without_our_properties_is_left_alone(unprepared_connection, transport, create_contacts):
    [person] = create_contacts(1)
    assert isinstance(erase(unprepared_connection, person.id), Receipt)
    assert not [request for request in transport.requests if request.path.endswith("/update")]


def test_an_operator_s_erasure_reaches_the_portal(make_scenario, vendor):
    scenario = make_scenario(notes=True)
    record = scenario.add_contact("zoe@example.com")
    vendor.populate([SimulatedPerson("other@example.com", "Other", "fr")])
    scenario.respond("zoe@example.com", 9, "Merci !")
    assert own_values(record)["nps_comment"] == "Merci !"
    ctx = scenario.application.ctx
    with ctx.ledger.write() as session:
        erase_person(ctx, session, find_person(session, "zoe@example.com", list(ctx.connections)))
    scenario.application.run()
    assert (own_values(record), live_notes(vendor)) == ({}, [])
    with ctx.ledger.read() as session:
        [delivery] = session.execute(select(DeliveryRow).where(DeliveryRow.action == "erase_contact")).scalars()
    assert (delivery.state, delivery.receipt_id, delivery.options) == ("succeeded", record.id, {})
    assert delivery.receipt_note.startswith("emptied 8 properties, deleted 1 notes")
