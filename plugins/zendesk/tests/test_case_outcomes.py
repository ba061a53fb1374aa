"""nps_write_case_outcomes: user fields of the newest case of a user."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from nps_connect import Contact, ContactErasure, Event, Receipt, SetupMissing, TargetGone
from nps_connect.testing import START, VendorTransport
from nps_connect.testing.samples import AGENT, build_case_outcome
from nps_connect_zendesk import nps_complete_events, nps_erase_contacts, nps_open_tickets, nps_write_case_outcomes
from nps_connect_zendesk.simulated import Simulated
from nps_connect_zendesk.simulated.account import AGENT_ID

EMAIL = "ada@example.com"
FIELDS = ("nps_case_state", "nps_case_changed_at", "nps_case_handled_by", "nps_case")


@pytest.fixture
def outcome(vendor, make_response):
    def build(state="solved", revision=2, *, case="resp1", days=1, contact_id=None):
        user_id = contact_id or str(vendor.account.user_with(EMAIL)["id"])
        response = make_response(id=case, answered_at=START - timedelta(days=days))
        contact = Contact(connection="helpdesk", id=user_id, email=EMAIL)
        return build_case_outcome(contact, response, key=f"{case}-{revision}", state=state, revision=revision)

    return build


def write(connection, *outcomes):
    return list(nps_write_case_outcomes(connection, outcomes))


def case_fields(vendor):
    return [vendor.account.user_with(EMAIL)["user_fields"].get(key) for key in FIELDS]


def test_nps_write_case_outcomes_writes_state_day_agent_and_reference(vendor, helpdesk, outcome, transport):
    [receipt] = write(helpdesk(), outcome())
    assert receipt.link == f"https://exemple.zendesk.com/agent/users/{receipt.id}"
    opened = "2026-03-01T09:00:00.000Z"
    assert case_fields(vendor) == ["solved", "2026-03-01T00:00:00+00:00", AGENT, f"{opened} resp1 2"]
    [sent] = [request for request in transport.requests if request.method == "PUT"]
    values = ("solved", "2026-03-01T10:00:00.000Z", AGENT, f"{opened} resp1 2")
    assert json.loads(sent.body) == {"user": {"user_fields": dict(zip(FIELDS, values, strict=True))}}


def test_the_newest_state_of_the_newest_case_stays(vendor, helpdesk, outcome):
    connection = helpdesk()
    receipts = write(
        connection,
        outcome("open", 3, case="resp2"),
        outcome("solved", 2, case="resp2"),
        outcome("recovered", 9, days=3),
    )
    assert [receipt.note for receipt in receipts] == [None, *["a newer state or case is already there"] * 2]
    assert (case_fields(vendor)[0], case_fields(vendor)[3].split()[1:]) == ("open", ["resp2", "3"])
    [receipt] = write(connection, outcome("open", 3, case="resp2"))
    assert receipt.note is None


def test_a_value_that_was_edited_is_replaced(vendor, helpdesk, outcome):
    vendor.account.user_with(EMAIL)["user_fields"]["nps_case"] = "by hand"
    [receipt] = write(helpdesk(), outcome())
    assert (receipt.note, case_fields(vendor)[0]) == (None, "solved")


def test_a_missing_user_field_stops_the_action_and_a_deleted_user_is_gone(clock, helpdesk, outcome):
    empty = Simulated(clock, set_up=False)
    user = empty.account.add_user("Ada Example", EMAIL)
    connection = helpdesk(at=empty, through=VendorTransport(empty))
    [refused] = write(connection, outcome(contact_id=str(user["id"])))
    assert isinstance(refused, SetupMissing)
    assert "'nps_case_state': run 'nps-connect connections apply helpdesk'" in refused.message
    [gone] = write(helpdesk(), outcome(contact_id="999999"))
    assert isinstance(gone, TargetGone)


def test_an_erasure_empties_the_case(vendor, helpdesk, outcome):
    [receipt] = write(helpdesk(), outcome())
    [erased] = nps_erase_contacts(helpdesk(), [ContactErasure(idempotency_key="key", contact_ids=(receipt.id,))])
    assert isinstance(erased, Receipt)
    assert erased.note.startswith("emptied 4 user fields")
    assert case_fields(vendor) == [None] * 4


def test_a_solved_ticket_names_its_agent(vendor, helpdesk, draft):
    connection = helpdesk(assignee=AGENT_ID)
    [opened] = nps_open_tickets(connection, [draft()])
    event = Event(key="k", kind="ticket.solved", object_id=opened.id, occurred_at=START)
    vendor.account.tickets[int(opened.id)]["status"] = "solved"
    [completed] = nps_complete_events(connection, [event], [])
    assert completed.fields["agent_name"] == vendor.account.users[AGENT_ID]["name"]
    vendor.account.tickets[int(opened.id)]["assignee_id"] = None
    [completed] = nps_complete_events(connection, [event], [])
    assert "agent_name" not in completed.fields
