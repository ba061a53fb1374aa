"""nps_complete_events and nps_find_contacts: contacts by id, address or ticket, in bulk."""

from __future__ import annotations

from datetime import timedelta

import pytest

from nps_connect import ContactKey, Event, SimulatedPerson, fact_key
from nps_connect.testing import START
from nps_connect_zendesk import nps_complete_events, nps_find_contacts, nps_veto_survey
from nps_connect_zendesk.ticket_facts import EXCLUSION_FIELD, contact_event


def find(connection, *keys):
    return [match.contacts for match in nps_find_contacts(connection, [ContactKey(kind=k, value=v) for k, v in keys])]


def solved(ticket, **changes):
    defaults = {
        "key": fact_key("ticket.solved", str(ticket["id"]), START),
        "kind": "ticket.solved",
        "object_id": str(ticket["id"]),
        "occurred_at": START,
        "contact_key": ContactKey(kind="ticket", value=str(ticket["id"])),
    }
    return Event(**{**defaults, **changes})


@pytest.fixture
def user(vendor):
    return vendor.account.user_with("ada@example.com")


@pytest.fixture
def ticket(vendor, clock):
    vendor.simulate_event("ticket.solved", "ada@example.com")
    return vendor.account.tickets[1]


class TestFind:
    def test_contacts_are_found_by_id_address_and_ticket(self, helpdesk, user, ticket):
        number = str(user["id"])
        matches = find(helpdesk(), ("id", number), ("email", "ADA@example.com"), ("ticket", str(ticket["id"])))
        for (contact,) in matches:
            assert contact.id == number
            assert contact.connection == "helpdesk"
            assert contact.email == "ada@example.com"
            assert (contact.name, contact.language, contact.timezone) == ("Ada Example", "fr", "Europe/Paris")
            assert contact.link == f"https://exemple.zendesk.com/agent/users/{number}"
            assert not contact.opted_out

    def test_nps_find_contacts_returns_empty_matches_for_unknown_keys(self, helpdesk):
        keys = [("id", "4711"), ("id", "x"), ("email", "no@example.com"), ("ticket", "9"), ("deal", "1")]
        assert find(helpdesk(), *keys) == [()] * 5

    def test_a_name_that_contains_the_address_is_no_match(self, vendor, helpdesk):
        vendor.account.add_user("friend of no@example.com", "other@example.com")
        assert find(helpdesk(), ("email", "no@example.com")) == [()]

    def test_a_secondary_address_finds_its_user(self, vendor, helpdesk, user):
        vendor.account.identities[user["id"]].append("ada@work.example.com")
        ((contact,),) = find(helpdesk(), ("email", "ada@work.example.com"))
        assert contact.id == str(user["id"])

    def test_suspended_and_tagged_users_are_opted_out(self, vendor, helpdesk, user):
        user["suspended"] = True
        vendor.populate([SimulatedPerson("ines@example.com", "Ines", "fr", opted_out=True)])
        matches = find(helpdesk(), ("id", str(user["id"])), ("email", "ines@example.com"))
        assert [contact.opted_out for (contact,) in matches] == [True, True]

    def test_a_deleted_user_is_reported_as_deleted(self, vendor, helpdesk, user):
        vendor.simulate_event("contact.deleted", "ada@example.com")
        ((contact,),) = find(helpdesk(), ("id", str(user["id"])))
        assert contact.deleted
        assert find(helpdesk(), ("email", "ada@example.com")) == [()]

    def test_250_ids_need_three_calls(self, vendor, helpdesk, transport):
        users = [vendor.account.add_user(f"P {number}", f"p{number}@example.com") for number in range(250)]
        matches = find(helpdesk(), *(("id", str(user["id"])) for user in users))
        assert [contact.id for (contact,) in matches] == [str(user["id"]) for user in users]
        assert len(transport.requests) == 3


class TestComplete:
    def test_nps_complete_events_loads_fields_and_requester_in_one_call(
        self, vendor, helpdesk, user, ticket, transport
    ):
        (event,) = nps_complete_events(helpdesk(), [solved(ticket)], ["priority", "channel"])
        assert event.key == solved(ticket).key
        assert event.contacts[0].id == str(user["id"])
        assert (event.contact_key.kind, event.contact_key.value) == ("id", str(user["id"]))
        assert event.fields["priority"] == "normal"
        assert event.fields["channel"] == "email"
        assert event.fields["first_reply_minutes"] == 60
        assert event.fields["solve_minutes"] == 60
        assert event.fields["reopens"] == 0
        assert EXCLUSION_FIELD not in event.fields
        assert len(transport.requests) == 1

    def test_custom_fields_and_other_attributes_are_loaded_on_request(self, helpdesk, ticket):
        ticket["custom_fields"] = [{"id": 41, "value": "gold"}, {"id": 42, "value": ["a", "b"]}]
        (event,) = nps_complete_events(
            helpdesk(), [solved(ticket)], ["field_41", "field_42", "subject", "no_such", "via"]
        )
        assert event.fields["field_41"] == "gold"
        assert event.fields["field_42"] == "a b"
        assert event.fields["subject"] == "A question about my order"
        assert not {"no_such", "via"} & set(event.fields)

    def test_an_event_of_a_ticket_that_is_gone_has_no_contact(self, vendor, helpdesk, user, ticket):
        received = solved(ticket, contact_key=ContactKey(kind="id", value=str(user["id"])))
        del vendor.account.tickets[ticket["id"]]
        (event,) = nps_complete_events(helpdesk(), [received], [])
        assert event.contacts == ()

    def test_the_ticket_wins_over_the_words_of_the_event(self, helpdesk, ticket):
        ticket |= {"status": "open", "priority": "low"}
        received = solved(ticket, fields={"status": "solved", "priority": "urgent"})
        (event,) = nps_complete_events(helpdesk(), [received], [])
        assert (event.fields["status"], event.fields["priority"], event.fields["is_open"]) == ("open", "low", True)

    def test_an_open_ticket_does_not_count_as_solved(self, helpdesk, ticket):
        ticket["status"] = "pending"
        (event,) = nps_complete_events(helpdesk(), [solved(ticket, fields={"status": "solved"})], [])
        assert nps_veto_survey(event).reason == "the ticket is open"

    def test_a_time_in_minutes_gets_its_seconds_from_the_ticket(self, helpdesk, ticket):
        ticket["metric_set"] |= {"solved_at": "2026-03-02T09:04:37Z", "status_updated_at": "2026-03-02T09:04:52Z"}
        minute = START + timedelta(minutes=4)
        for kind, second in (("ticket.solved", 37), ("ticket.reopened", 52)):
            received = solved(ticket, kind=kind, occurred_at=minute)
            (event,) = nps_complete_events(helpdesk(), [received], [])
            assert event.occurred_at == minute + timedelta(seconds=second)
            assert event.key == received.key

    def test_the_time_of_another_minute_is_kept(self, helpdesk, ticket):
        ticket["metric_set"] |= {"solved_at": "2026-03-02T10:04:37Z", "status_updated_at": "2026-03-02T10:04:37Z"}
        (event,) = nps_complete_events(helpdesk(), [solved(ticket, occurred_at=START)], [])
        assert event.occurred_at == START

    def test_a_solved_ticket_is_not_open(self, helpdesk, ticket):
        (event,) = nps_complete_events(helpdesk(), [solved(ticket)], [])
        assert event.fields["is_open"] is False

    def test_a_merge_is_about_the_user_who_is_still_active(self, vendor, helpdesk, user):
        survivor = vendor.account.add_user("Ada E.", "ada@work.example.com")
        vendor.account.merge_users(user, survivor)
        for first, second in ((user, survivor), (survivor, user)):
            received = contact_event("contact.merged", str(first["id"]), START, other_id=str(second["id"]))
            (event,) = nps_complete_events(helpdesk(), [received], [])
            (contact,) = event.contacts
            assert (event.object_id, contact.id) == (str(survivor["id"]), str(survivor["id"]))
            assert contact.merged_ids == (str(user["id"]),)
            assert event.key == received.key

    def test_a_merge_of_two_active_users_changes_nothing(self, vendor, helpdesk, user):
        other = vendor.account.add_user("Ada E.", "ada@work.example.com")
        received = contact_event("contact.merged", str(user["id"]), START, other_id=str(other["id"]))
        assert nps_complete_events(helpdesk(), [received], []) == [received]

    def test_an_event_of_a_deleted_ticket_is_unchanged(self, vendor, helpdesk, ticket):
        ticket["status"] = "deleted"
        event = solved(ticket)
        (completed,) = nps_complete_events(helpdesk(), [event], ["priority"])
        assert completed == event

    def test_order_and_number_are_kept(self, vendor, helpdesk, ticket, user):
        other = Event(
            key="contact.deleted:1",
            kind="contact.deleted",
            object_id=str(user["id"]),
            occurred_at=START,
            contact_key=ContactKey(kind="id", value=str(user["id"])),
        )
        events = [solved(ticket), other, solved(ticket, key="again")]
        completed = nps_complete_events(helpdesk(), events, [])
        assert [event.key for event in completed] == [event.key for event in events]
        assert all(event.contacts for event in completed)

    def test_contacts_of_an_imported_file_are_not_completed(self, helpdesk):
        event = Event(
            key="campaign:spring:1",
            kind="contact.imported",
            object_id="spring",
            occurred_at=START,
            contact_key=ContactKey(kind="email", value="ada@example.com"),
        )
        assert nps_complete_events(helpdesk(), [event], []) == [event]

    def test_groups_by_name_and_staff_are_excluded_at_completion(self, vendor, helpdesk, ticket, user):
        ticket["group_id"] = 360
        (event,) = nps_complete_events(helpdesk(exclude={"groups": ["customer care"]}), [solved(ticket)], [])
        assert "excluded group" in event.fields[EXCLUSION_FIELD]
        ticket["group_id"], user["role"] = None, "agent"
        (event,) = nps_complete_events(helpdesk(), [solved(ticket)], [])
        assert "staff" in event.fields[EXCLUSION_FIELD]

    def test_a_reopened_ticket_counts_its_reopenings(self, vendor, helpdesk, ticket, clock):
        clock.forward(timedelta(hours=1))
        vendor.simulate_event("ticket.reopened", "ada@example.com")
        (event,) = nps_complete_events(helpdesk(), [solved(ticket)], [])
        assert event.fields["reopens"] == 1
