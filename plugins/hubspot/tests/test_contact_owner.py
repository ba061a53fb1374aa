"""The contact's owner: read with every look-up, named in ticket and alert, checked at the portal."""

from __future__ import annotations

from dataclasses import replace

import pytest

import nps_connect_hubspot as plugin
from nps_connect import ContactFieldUse, ContactKey

OWNER_FIELD = "hubspot_owner_id"


def uses(field, *, is_only_source=True):
    return (ContactFieldUse(setting="cases.owner_field", field=field, is_only_source=is_only_source),)


def test_the_owner_reaches_the_ticket_although_the_contact_is_looked_up_again_before_the_mail(make_scenario):
    cases = {"owner_field": OWNER_FIELD, "owners": {"77001": "anna@example.com"}}
    scenario = make_scenario({"cases": cases})
    scenario.add_contact("zoe@example.com", hubspot_owner_id="77001")
    scenario.respond("zoe@example.com", 1)
    [draft] = scenario.application.desk.tickets.values()
    [alert] = scenario.application.bell.items
    assert (draft.owner, alert.recipient) == ("anna@example.com", "anna@example.com")
    assert draft.contact.fields == {OWNER_FIELD: "77001"}


def test_a_look_up_reads_the_fields_that_settings_name(connection, create_contacts):
    [person] = create_contacts(1, hubspot_owner_id="77001")
    named = replace(connection, contact_fields=uses(OWNER_FIELD))
    for key in (ContactKey(kind="id", value=person.id), ContactKey(kind="email", value="person0@example.com")):
        [match] = plugin.nps_find_contacts(named, [key])
        assert match.contacts[0].fields == {OWNER_FIELD: "77001"}


@pytest.mark.parametrize(
    ("field", "is_only_source", "severity", "fix"),
    [
        ("hubspot_owner", True, "warning", "write 'hubspot_owner_id'"),
        ("hubspot_owner", False, "warning", "write 'hubspot_owner_id'"),
        ("account_manager", True, "warning", "name a field that HubSpot has, by its internal name"),
        ("account_manager", False, "ok", None),
    ],
)
def test_check_names_an_unknown_field(connection, field, is_only_source, severity, fix):
    named = replace(connection, contact_fields=uses(field, is_only_source=is_only_source))
    [finding] = [finding for finding in plugin.nps_check(named) if "cases.owner_field" in finding.text]
    assert (finding.severity, finding.fix) == (severity, fix)
    assert f"contacts have no field {field} of cases.owner_field at HubSpot" in finding.text


def test_check_accepts_an_existing_field(connection):
    findings = plugin.nps_check(replace(connection, contact_fields=uses(OWNER_FIELD)))
    assert [finding for finding in findings if "cases.owner_field" in finding.text] == []
