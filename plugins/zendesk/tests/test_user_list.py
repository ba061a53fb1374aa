"""List of all end users of an account, and the check of the fields that a population names."""

from __future__ import annotations

from dataclasses import replace

import pytest

from nps_connect import Rejected, SimulatedPerson
from nps_connect.records.filters import FilterUse
from nps_connect_zendesk import nps_check, nps_list_contacts


def test_nps_list_contacts_pages_through_end_users_without_staff(helpdesk, vendor, clock):
    vendor.populate([SimulatedPerson(f"p{number}@example.com", "Person", "en") for number in range(150)])
    vendor.account.delete_user(vendor.account.user_with("p3@example.com"))
    vendor.account.user_with("p4@example.com")["user_fields"]["nps_score"] = 7
    connection = helpdesk()
    first = nps_list_contacts(connection, None, ["nps_score", "unknown"])
    second = nps_list_contacts(connection, first.cursor, ["nps_score", "unknown"])
    assert (len(first.contacts), second.cursor) == (100, None)
    listed = {item.contact.email: item for item in (*first.contacts, *second.contacts)}
    assert set(listed) == {"ada@example.com", *(f"p{number}@example.com" for number in range(150) if number != 3)}
    assert listed["p4@example.com"].contact.fields == {"nps_score": 7}
    assert listed["p4@example.com"].created_at == clock().replace(microsecond=0)
    with pytest.raises(Rejected):
        nps_list_contacts(connection, "a cursor of another list", [])


def test_check_names_fields_of_a_population_that_users_lack(helpdesk):
    fields = {"plan": ("text",), "nps_score": ("number",), "role": ("text",)}
    use = FilterUse(trigger="schedule:relationship", on="schedule.due", fields=fields)
    findings = [finding for finding in nps_check(replace(helpdesk(), filters=(use,))) if finding.id == "filter-field"]
    assert [finding.text for finding in findings if "'plan', which Zendesk does not have" in finding.text]
    assert len(findings) == 1
