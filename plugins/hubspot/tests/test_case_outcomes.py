"""nps_write_case_outcomes: properties of the newest case, a note for each case, a task for the contact's owner."""

from __future__ import annotations

import json
from datetime import timedelta

import httpx
import pytest

import nps_connect_hubspot as plugin
from nps_connect import Contact, ContactErasure, NotAllowed, OutcomeUnknown, Receipt, Response, SetupMissing, TargetGone
from nps_connect.testing.samples import build_case_outcome
from nps_connect_hubspot.simulated.portal import NOTE, TASK

OWNER = "77001"


@pytest.fixture
def build_outcome(clock):
    """Return a function that builds the outcome of a case that was opened a day ago."""

    def build(contact_id, state="open", revision=1, *, case="r-1", days=1, **changes):
        response = Response(
            id=case,
            revision=1,
            survey="after-purchase",
            touchpoint="purchase",
            score=2,
            language="fr",
            answered_at=clock() - timedelta(days=days),
        )
        contact = Contact(connection="crm", id=contact_id, name="Zoé <Müller>", email="zoe@example.com")
        outcome = build_case_outcome(contact, response, key=f"{case}-{revision}", state=state, revision=revision)
        return outcome.model_copy(update=changes)

    return build


@pytest.fixture
def full(make_connection, connection):
    """A connection with notes and tasks to a portal after its setup."""
    return make_connection(notes=True, tasks=True)


def write(connection, *outcomes):
    return plugin.nps_write_case_outcomes(connection, list(outcomes))


def bodies(portal, kind):
    name = {NOTE: "hs_note_body", TASK: "hs_task_body"}[kind]
    return [record.properties[name] for record in portal.records[kind].values() if not record.archived]


def case_properties(record):
    return {name: value for name, value in record.properties.items() if name.startswith("nps_case_") and value}


@pytest.mark.parametrize("version", ["2026-03", "2026-09"])
def test_nps_write_case_outcomes_sends_these_requests(
    make_connection, connection, transport, create_contacts, build_outcome, version
):
    [person] = create_contacts(1, hubspot_owner_id=OWNER)
    crm = make_connection(api_version=version, notes=True, tasks=True)
    [receipt] = write(crm, build_outcome(person.id, handled_by=None))
    assert (receipt.id, receipt.note) == (person.id, None)
    sent = [(request.path, json.loads(request.body)) for request in transport.requests if "read" not in request.path]
    opened = "2026-03-01T09:00:00.000Z"
    text = (
        "<p><strong>Dossier NPS: Ouvert</strong> (NPS 2)<br>Dossier NPS ouvert le: 2026-03-01 09:00 UTC<br>"
        "Dossier NPS dans cet état depuis le: 2026-03-01 10:00 UTC<br>"
        "Ticket du dossier NPS: https://example.com/tickets/1</p><p>Référence: nps-case:r-1 / 1</p>"
    )
    properties = {
        "nps_case_state": "open",
        "nps_case_opened_at": opened,
        "nps_case_changed_at": "2026-03-01T10:00:00.000Z",
        "nps_case_handled_by": "",
        "nps_case_recovered_score": "",
        "nps_case_ticket": "https://example.com/tickets/1",
        "nps_case_reference": f"{opened} r-1 1",
    }
    task = {
        "hs_timestamp": "2026-03-02T09:00:00.000Z",
        "hs_task_subject": "Client mécontent (NPS 2): Zoé <Müller>",
        "hs_task_status": "NOT_STARTED",
        "hs_task_priority": "HIGH",
        "hs_task_type": "TODO",
        "hubspot_owner_id": OWNER,
        "hs_task_body": text,
    }
    assert sent == [
        (f"/crm/objects/{version}/contacts/batch/update", {"inputs": [{"id": person.id, "properties": properties}]}),
        creation(version, NOTE, 202, person.id, {"hs_timestamp": opened, "hs_note_body": text}),
        creation(version, TASK, 204, person.id, task),
    ]


def creation(version, kind, type_id, contact_id, properties):
    association = {"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": type_id}
    entry = {
        "properties": properties,
        "associations": [{"to": {"id": contact_id}, "types": [association]}],
        "objectWriteTraceId": "nps-case:r-1",
    }
    return f"/crm/objects/{version}/{kind}/batch/create", {"inputs": [entry]}


def test_a_change_updates_properties_note_and_task_and_a_solved_case_completes_the_task(
    full, create_contacts, build_outcome, portal
):
    [person] = create_contacts(1, hubspot_owner_id=OWNER)
    for state, revision, status in (("open", 1, "NOT_STARTED"), ("solved", 2, "COMPLETED"), ("open", 3, "NOT_STARTED")):
        for _ in range(2):
            [receipt] = write(full, build_outcome(person.id, state, revision))
            assert isinstance(receipt, Receipt)
        [task] = portal.records[TASK].values()
        [note] = bodies(portal, NOTE)
        assert (person.properties["nps_case_state"], task.properties["hs_task_status"]) == (state, status)
        assert note.endswith(f"nps-case:r-1 / {revision}</p>")
    write(full, build_outcome(person.id, "recovered", 4, handled_by='Zoë & "Łukasz"'))
    assert person.properties["nps_case_handled_by"] == 'Zoë & "Łukasz"'
    assert (person.properties["nps_case_recovered_score"], task.properties["hs_task_status"]) == ("9", "COMPLETED")
    assert "Zoë &amp; &quot;Łukasz&quot;" in bodies(portal, TASK)[0]
    assert bodies(portal, NOTE) == bodies(portal, TASK)


def test_neither_note_nor_task_without_their_settings_and_no_task_without_an_owner(
    connection, full, create_contacts, build_outcome, portal
):
    owned, free = create_contacts(2)
    owned.properties["hubspot_owner_id"] = OWNER
    write(connection, build_outcome(owned.id))
    assert (bodies(portal, NOTE), bodies(portal, TASK)) == ([], [])
    write(full, build_outcome(free.id))
    assert (len(bodies(portal, NOTE)), bodies(portal, TASK)) == (1, [])
    write(full, build_outcome(owned.id, "solved", 2))
    assert bodies(portal, TASK) == []


def test_the_properties_hold_the_newest_case_and_each_case_has_its_note(full, create_contacts, build_outcome, portal):
    [person] = create_contacts(1)
    write(full, build_outcome(person.id, case="r-2", days=1))
    [receipt] = write(full, build_outcome(person.id, "solved", 5, case="r-1", days=3))
    assert receipt.note == "a newer state or case is already there"
    assert person.properties["nps_case_reference"].split()[1:] == ["r-2", "1"]
    assert [body.split("nps-case:")[1] for body in bodies(portal, NOTE)] == ["r-2 / 1</p>", "r-1 / 5</p>"]
    both = write(
        full,
        build_outcome(person.id, "solved", 2, case="r-2", days=1),
        build_outcome(person.id, "open", 6, case="r-1", days=3),
    )
    assert [receipt.note for receipt in both] == [None, "a newer state or case is already there"]


def test_a_late_older_state_changes_nothing(full, create_contacts, build_outcome, portal, transport):
    [person] = create_contacts(1)
    write(full, build_outcome(person.id, "solved", 2))
    before = case_properties(person), bodies(portal, NOTE)
    transport.requests.clear()
    [receipt] = write(full, build_outcome(person.id, "open", 1))
    assert receipt.note == "a newer state or case is already there"
    assert (case_properties(person), bodies(portal, NOTE)) == before
    assert [path.rpartition("/")[2] for path in transport.paths()] == ["read"]


def test_a_lost_response_to_a_note_creates_no_second_one(full, create_contacts, build_outcome, portal, transport):
    [person] = create_contacts(1)

    def lose_response(request):
        type(transport).__mro__[1].handle_request(transport, request)
        raise httpx.ReadTimeout("no response", request=request)

    transport.faults = [lambda _request: None] * 3 + [lose_response]
    [outcome] = write(full, build_outcome(person.id))
    assert isinstance(outcome, OutcomeUnknown)
    [receipt] = write(full, build_outcome(person.id))
    assert isinstance(receipt, Receipt)
    assert len(bodies(portal, NOTE)) == 1


def test_a_rejected_task_is_a_remark(full, create_contacts, build_outcome, portal, transport):
    [person] = create_contacts(1, hubspot_owner_id="unknown")
    refusal = httpx.Response(400, json={"category": "VALIDATION_ERROR", "message": "owner unknown does not exist"})
    transport.faults = [lambda request: refusal if "/tasks/batch/create" in request.url.path else None] * 8
    [receipt] = write(full, build_outcome(person.id))
    assert "the outcome is written, its task is not" in receipt.note
    assert len(bodies(portal, NOTE)) == 1


def test_missing_properties_and_scopes_stop_the_action_and_a_deleted_contact_is_gone(
    unprepared_connection, create_contacts, build_outcome, portal
):
    person, deleted = create_contacts(2)
    with pytest.raises(SetupMissing, match="nps_case_"):
        write(unprepared_connection, build_outcome(person.id))
    plugin.nps_apply_setup(unprepared_connection, plugin.nps_plan_setup(unprepared_connection))
    deleted.archived = True
    first, second = write(unprepared_connection, build_outcome(deleted.id), build_outcome(person.id))
    assert isinstance(first, TargetGone)
    assert isinstance(second, Receipt)
    portal.scopes.remove("crm.objects.contacts.write")
    with pytest.raises(NotAllowed) as refused:
        write(unprepared_connection, build_outcome(person.id))
    assert refused.value.scope == "crm.objects.contacts.write"


def test_an_erasure_removes_properties_note_and_task(full, create_contacts, build_outcome, portal):
    [person] = create_contacts(1, hubspot_owner_id=OWNER)
    write(full, build_outcome(person.id))
    [receipt] = plugin.nps_erase_contacts(full, [ContactErasure(idempotency_key="key", contact_ids=(person.id,))])
    assert receipt.note.startswith("emptied 6 properties, deleted 1 notes and 1 tasks")
    assert (case_properties(person), bodies(portal, NOTE), bodies(portal, TASK)) == ({}, [], [])
    assert person.properties["hubspot_owner_id"] == OWNER


def test_from_a_detractor_to_the_case_on_the_contact(make_scenario):
    scenario = make_scenario(notes=True, tasks=True)
    zoe = scenario.add_contact("zoe@example.com", hubspot_owner_id=OWNER)
    scenario.respond("zoe@example.com", 1, "Personne ne répond")
    assert (zoe.properties["nps_score"], zoe.properties["nps_case_state"]) == ("1", "open")
    assert zoe.properties["nps_case_ticket"].startswith("https://vendor.example.com/")
    [task] = scenario.vendor.portal.records[TASK].values()
    assert task.properties["hubspot_owner_id"] == OWNER


def test_check_names_the_missing_properties_and_the_probe_of_tasks(make_connection):
    crm = make_connection(tasks=True)
    [finding] = [finding for finding in plugin.nps_check(crm) if finding.id == "property-missing"]
    assert "property:nps_case_state" in finding.text
    assert any("read tasks" in finding.text for finding in plugin.nps_check(crm))
