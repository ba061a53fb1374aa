"""List of all contacts of a portal, and the check of the properties that a population names."""

from __future__ import annotations

from dataclasses import replace

import pytest

from nps_connect import Rejected
from nps_connect.records.filters import FilterUse
from nps_connect_hubspot import nps_check, nps_list_contacts


def test_nps_list_contacts_pages_through_living_contacts_with_the_properties_asked_for(
    connection, create_contacts, portal, clock
):
    records = create_contacts(150, city="Lyon")
    records[0].archived = True
    first = nps_list_contacts(connection, None, ["city", "no.property"])
    second = nps_list_contacts(connection, first.cursor, ["city", "no.property"])
    assert (len(first.contacts), second.cursor) == (100, None)
    listed = {item.contact.id: item for item in (*first.contacts, *second.contacts)}
    assert set(listed) == {record.id for record in portal.records["contacts"].values() if not record.archived}
    assert listed[records[5].id].contact.fields == {"city": "Lyon"}
    assert listed[records[5].id].created_at == clock()
    with pytest.raises(Rejected):
        nps_list_contacts(connection, "a cursor of another list", [])


def test_check_names_properties_of_a_population_that_the_portal_lacks(connection):
    fields = {"lifecyclestages": ("text",), "firstname": ("text",)}
    use = FilterUse(trigger="schedule:relationship", on="schedule.due", fields=fields)
    findings = [finding for finding in nps_check(replace(connection, filters=(use,))) if finding.id == "filter-field"]
    assert [finding.severity for finding in findings] == ["error"]
    assert "'lifecyclestages', which HubSpot does not have" in findings[0].text
