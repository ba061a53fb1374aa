"""nps_erase_contacts: our user fields are emptied, and nothing else."""

from __future__ import annotations

import json

from nps_connect import ContactErasure, Receipt, SimulatedPerson, TargetGone
from nps_connect_zendesk import nps_erase_contacts, nps_write_scores

OWN = ("nps_score", "nps_category", "nps_responded_at", "nps_answer", "nps_comment")


def erase(connection, *contact_ids, emails=()):
    [outcome] = nps_erase_contacts(
        connection, [ContactErasure(idempotency_key="key", contact_ids=contact_ids, emails=emails)]
    )
    return outcome


def test_nps_erase_contacts_empties_our_user_fields_and_no_others(vendor, helpdesk, score, transport):
    user = vendor.account.user_with("ada@example.com")
    user["user_fields"]["plan"] = "gold"
    connection = helpdesk(comment_field="nps_comment")
    nps_write_scores(connection, [score()])
    receipt = erase(connection, str(user["id"]))
    assert isinstance(receipt, Receipt)
    assert receipt.link == f"https://exemple.zendesk.com/agent/users/{user['id']}"
    assert receipt.note == "emptied 5 user fields; the user and their tickets stay until they are deleted in Zendesk"
    assert [user["user_fields"][key] for key in OWN] == [None] * 5
    assert (user["user_fields"]["plan"], user["email"], user["active"]) == ("gold", "ada@example.com", True)
    sent = json.loads([request for request in transport.requests if request.method == "PUT"][-1].body)
    assert sent == {"user": {"user_fields": dict.fromkeys(OWN)}}
    writes = len([request for request in transport.requests if request.method == "PUT"])
    assert erase(connection, str(user["id"])).note.startswith("emptied 0 user fields")
    assert len([request for request in transport.requests if request.method == "PUT"]) == writes


def test_a_person_is_found_by_address(vendor, helpdesk, score):
    nps_write_scores(helpdesk(), [score()])
    assert isinstance(erase(helpdesk(), emails=("ADA@example.com",)), Receipt)
    assert vendor.effects().scores == {}


def test_an_unknown_or_deleted_user_is_gone(vendor, helpdesk):
    vendor.populate([SimulatedPerson("bo@example.com", "Bo", "en")])
    user = vendor.account.user_with("bo@example.com")
    vendor.account.delete_user(user)
    assert isinstance(erase(helpdesk(), str(user["id"]), "999999"), TargetGone)
    assert isinstance(erase(helpdesk(), emails=("nobody@example.com",)), TargetGone)
