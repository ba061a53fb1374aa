"""Contact look-up: vendor ids as identity, merges followed, ambiguity reported, all in bulk."""

from __future__ import annotations

import json

import pytest

import nps_connect_hubspot as plugin
from nps_connect import ContactKey, Event, SimulatedPerson
from nps_connect_hubspot.simulated.event_log import DEAL_TO_CONTACT_TYPE_ID


def test_an_event_by_hand_needs_no_deal(connection, create_contacts, clock):
    [person] = create_contacts(1)
    key = ContactKey(kind="email", value=person.properties["email"])
    by_hand = Event(key="k", kind="deal.won", object_id="by-hand", occurred_at=clock(), contact_key=key)
    [event] = plugin.nps_complete_events(connection, [by_hand], ["amount"])
    assert [contact.id for contact in event.contacts] == [person.id]


def ids(*values):
    return [ContactKey(kind="id", value=value) for value in values]


def emails(*values):
    return [ContactKey(kind="email", value=value) for value in values]


def find_contacts(connection, keys):
    return [match.contacts for match in plugin.nps_find_contacts(connection, keys)]


def test_a_contact_has_the_fields_of_its_record(connection, vendor, portal):
    vendor.populate([SimulatedPerson("zoe@example.com", "Zoë Çelik-Ærø", "fr-CA")])
    record = portal.contact("zoe@example.com")
    record.properties |= {
        "hs_timezone": "america_slash_montreal",
        "hs_additional_emails": "z@example.com;zc@example.com",
    }
    [[contact]] = find_contacts(connection, ids(record.id))
    assert contact.model_dump() == {
        "connection": "crm",
        "id": record.id,
        "email": "zoe@example.com",
        "other_emails": ("z@example.com", "zc@example.com"),
        "name": "Zoë Çelik-Ærø",
        "language": "fr-CA",
        "timezone": "America/Montreal",
        "opted_out": False,
        "deleted": False,
        "merged_ids": (),
        "link": f"https://app.hubspot.com/contacts/4242424/record/0-1/{record.id}",
        "fields": {},
    }


def test_a_contact_without_an_address_or_a_name(connection, portal, clock):
    record = portal.create("contacts", {}, clock())
    [[contact]] = find_contacts(connection, ids(record.id))
    assert (contact.email, contact.name, contact.language) == (None, None, None)


@pytest.mark.parametrize("version", ["2026-03", "2026-09"])
def test_unknown_contacts_are_no_match(make_connection, version):
    assert find_contacts(
        make_connection(api_version=version), [*ids("999999", "not-a-number"), *emails("nobody@example.com")]
    ) == [
        (),
        (),
        (),
    ]


def test_a_hundred_ids_need_one_call(connection, transport, create_contacts):
    people = create_contacts(100)
    assert all(len(contacts) == 1 for contacts in find_contacts(connection, ids(*[person.id for person in people])))
    assert len(transport.requests) == 1


def test_a_hundred_and_one_addresses_need_two_calls_and_no_search(connection, transport, create_contacts):
    people = create_contacts(101)
    find_contacts(connection, emails(*[person.properties["email"].upper() for person in people]))
    assert transport.paths() == ["/crm/objects/2026-09/contacts/batch/read"] * 2


def test_a_merged_id_leads_to_the_survivor(connection, create_contacts, portal, clock):
    first, second, third = create_contacts(3)
    portal.merge(second, first, clock())
    portal.merge(third, second, clock())
    [[contact], [direct]] = find_contacts(connection, ids(second.id, third.id))
    assert contact.id == third.id == direct.id
    assert second.id in contact.merged_ids
    assert "person1@example.com" in contact.other_emails


def test_a_secondary_address_is_found(connection, transport, create_contacts, portal, clock):
    survivor, merged = create_contacts(2)
    portal.merge(survivor, merged, clock())
    [[contact]] = find_contacts(connection, emails("PERSON1@example.com"))
    assert contact.id == survivor.id
    assert contact.email == "person0@example.com"
    assert transport.paths()[-1].endswith("/search")


def test_a_shared_address_is_ambiguous(connection, create_contacts):
    first, second = create_contacts(2)
    for record in (first, second):
        record.properties["hs_additional_emails"] = "family@example.com"
    [contacts] = find_contacts(connection, emails("family@example.com"))
    assert {contact.id for contact in contacts} == {first.id, second.id}


def test_a_deleted_contact_is_reported_as_deleted(connection, create_contacts):
    [person] = create_contacts(1)
    person.archived = True
    [[contact]] = find_contacts(connection, ids(person.id))
    assert contact.deleted
    assert find_contacts(connection, emails("person0@example.com")) == [()]


@pytest.mark.parametrize(
    ("name", "value", "opted_out"), [("hs_email_optout", "true", True), ("hs_email_optout", "false", False)]
)
def test_opt_outs_are_read_in_the_same_batch(connection, transport, create_contacts, name, value, opted_out):
    [person] = create_contacts(1, **{name: value})
    [[contact]] = find_contacts(connection, ids(person.id))
    assert contact.opted_out is opted_out
    assert len(transport.requests) == 1


def test_an_opt_out_of_our_own_subscription_counts(make_connection, create_contacts):
    [person] = create_contacts(1, hs_email_optout_77="true")
    assert find_contacts(make_connection(), ids(person.id))[0][0].opted_out is False
    assert find_contacts(make_connection(opt_out_subscription=77), ids(person.id))[0][0].opted_out is True


def test_a_hundred_deals_are_completed_in_three_calls(
    connection, transport, vendor, build_webhook_request, create_contacts
):
    people = create_contacts(100)
    facts = [fact for person in people for fact in vendor.simulate_event("deal.won", person.properties["email"])]
    [webhook] = vendor.webhooks(facts, "https://nps.example.com/hooks/crm")
    events = plugin.nps_parse_events(connection, build_webhook_request(webhook.body))
    completed = plugin.nps_complete_events(connection, events, ["amount", "deal_currency_code", "contact.language"])
    assert transport.paths() == [
        "/crm/objects/2026-09/deals/batch/read",
        "/crm/associations/2026-09/deals/contacts/batch/read",
        "/crm/objects/2026-09/contacts/batch/read",
    ]
    assert [event.key for event in completed] == [event.key for event in events]
    assert all(len(event.contacts) == 1 for event in completed)
    assert completed[0].fields == {
        "amount": "125",
        "closedate": None,
        "deal_currency_code": None,
        "dealname": "Order 1",
        "dealstage": "closedwon",
        "pipeline": "default",
    }


def deal_with(portal, vendor, clock, people, labels=()):
    deal = portal.create("deals", {"dealname": "Big", "amount": "900", "dealstage": "closedwon"}, clock())
    for index, person in enumerate(people):
        portal.link(deal, person, DEAL_TO_CONTACT_TYPE_ID)
        if index < len(labels) and labels[index]:
            portal.link(deal, person, 26, labels[index])
    return ContactKey(kind="deal", value=deal.id)


def test_several_contacts_of_a_deal_are_all_returned(connection, vendor, portal, clock, create_contacts):
    [contacts] = find_contacts(connection, [deal_with(portal, vendor, clock, create_contacts(2))])
    assert len(contacts) == 2


@pytest.mark.parametrize(
    ("labels", "chosen"),
    [(("", "Decision maker"), [1]), (("Decision maker", "Decision maker"), [0, 1]), (("Billing", ""), [0, 1])],
)
def test_a_label_selects_the_contact_of_a_deal(make_connection, vendor, portal, clock, create_contacts, labels, chosen):
    people = create_contacts(2)
    connection = make_connection(contact_label="decision maker")
    [contacts] = find_contacts(connection, [deal_with(portal, vendor, clock, people, labels)])
    assert [contact.id for contact in contacts] == [people[index].id for index in chosen]


def test_a_deal_without_contacts_has_no_match(connection, vendor, portal, clock):
    assert find_contacts(connection, [deal_with(portal, vendor, clock, [])]) == [()]


def test_a_merged_contact_of_a_deal_leads_to_the_survivor(connection, vendor, portal, clock, create_contacts):
    survivor, merged = create_contacts(2)
    key = deal_with(portal, vendor, clock, [merged])
    portal.merge(survivor, merged, clock())
    [[contact]] = find_contacts(connection, [key])
    assert contact.id == survivor.id


def test_contact_events_get_the_fields_that_filters_name(
    connection, transport, vendor, build_webhook_request, create_contacts
):
    create_contacts(1, country="FR")
    [webhook] = vendor.webhooks(
        vendor.simulate_event("contact.property_changed", "person0@example.com"), "https://x.example.com"
    )
    [event] = plugin.nps_complete_events(
        connection,
        plugin.nps_parse_events(connection, build_webhook_request(webhook.body)),
        ["country", "property", "contact.language", "no_such_property"],
    )
    assert event.fields["country"] == "FR"
    assert (event.fields["property"], event.fields["value"]) == ("lifecyclestage", "customer")
    requested = json.loads(transport.requests[0].body)["properties"]
    assert "country" in requested
    assert "contact.language" not in requested


def test_events_of_deleted_records_stay_without_contacts(
    connection, vendor, build_webhook_request, create_contacts, portal
):
    create_contacts(1)
    [webhook] = vendor.webhooks(vendor.simulate_event("deal.won", "person0@example.com"), "https://x.example.com")
    events = plugin.nps_parse_events(connection, build_webhook_request(webhook.body))
    portal.records["deals"].clear()
    portal.records["contacts"].clear()
    completed = plugin.nps_complete_events(connection, events, ["amount"])
    assert [(event.key, event.contacts) for event in completed] == [(event.key, ()) for event in events]


def test_a_closed_ticket_has_its_contact(make_connection, vendor, build_webhook_request, create_contacts):
    create_contacts(1)
    connection = make_connection(listen_to=["tickets"])
    [webhook] = vendor.webhooks(vendor.simulate_event("ticket.closed", "person0@example.com"), "https://x.example.com")
    [event] = plugin.nps_complete_events(
        connection, plugin.nps_parse_events(connection, build_webhook_request(webhook.body)), []
    )
    assert event.contacts[0].email == "person0@example.com"
    assert event.fields["subject"] == "A question"


def test_contacts_of_an_imported_file_are_found_by_address(connection, create_contacts, clock):
    create_contacts(1)
    event = Event(
        key="campaign:spring:1",
        kind="contact.imported",
        object_id="spring",
        occurred_at=clock(),
        contact_key=ContactKey(kind="email", value="person0@example.com"),
        fields={"campaign": "spring"},
    )
    [completed] = plugin.nps_complete_events(connection, [event], [])
    assert [contact.email for contact in completed.contacts] == ["person0@example.com"]
    assert completed.fields == {"campaign": "spring"}


def test_no_events_and_no_keys_need_no_calls(connection, transport):
    assert plugin.nps_complete_events(connection, [], ["amount"]) == []
    assert plugin.nps_find_contacts(connection, []) == []
    assert transport.requests == []
