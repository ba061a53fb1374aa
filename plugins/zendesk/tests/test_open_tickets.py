"""nps_open_tickets: one private ticket per detractor, without a mail to the customer, in any case."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nps_connect import Receipt, Rejected, SimulatedPerson
from nps_connect_zendesk import nps_open_tickets
from nps_connect_zendesk.simulated.account import AGENT_EMAIL, AGENT_ID
from nps_connect_zendesk.texts import (
    MAX_BODY_BYTES,
    MAX_SUBJECT_LENGTH,
    body_of,
    escape_placeholders,
    subject_of,
    tag_of,
)


def open_ticket(connection, draft):
    (outcome,) = nps_open_tickets(connection, [draft])
    assert isinstance(outcome, Receipt), outcome
    return outcome


def only_ticket(vendor):
    (ticket,) = vendor.state()["tickets"]
    return ticket


class TestTicket:
    def test_nps_open_tickets_writes_what_staff_need(self, vendor, helpdesk, draft):
        receipt = open_ticket(helpdesk(), draft())
        ticket = only_ticket(vendor)
        assert receipt.id == str(ticket["id"])
        assert receipt.link == f"https://exemple.zendesk.com/agent/tickets/{receipt.id}"
        assert receipt.note is None
        assert ticket["subject"] == "NPS 2 from Ada Example"
        assert ticket["priority"] == "urgent"
        assert ticket["external_id"] == "nps-resp1"
        assert ticket["tags"] == ["nps", "nps-detractor", "nps_connect"]
        assert ticket["comments"][0]["body"] == "Score: 2 (detractor)\nLate, and nobody answered."
        assert vendor.effects().tickets == {"ada@example.com": [receipt.id]}

    def test_the_first_comment_is_private_and_no_mail_is_sent(self, vendor, helpdesk, draft):
        open_ticket(helpdesk(), draft())
        assert only_ticket(vendor)["comments"][0]["public"] is False
        assert vendor.state()["mails"] == []

    def test_the_first_comment_is_public_if_configured(self, vendor, helpdesk, draft):
        open_ticket(helpdesk(public_comment=True), draft())
        assert only_ticket(vendor)["comments"][0]["public"] is True

    def test_a_retry_sends_the_same_bytes_with_the_same_key(self, vendor, helpdesk, draft, transport):
        connection = helpdesk()
        first, second = open_ticket(connection, draft()), open_ticket(connection, draft())
        request, repeated = [request for request in transport.requests if request.method == "POST"]
        assert request.body == repeated.body
        assert request.headers["idempotency-key"] == repeated.headers["idempotency-key"]
        assert len(request.headers["idempotency-key"]) <= 255
        assert first == second
        assert len(vendor.state()["tickets"]) == 1


class TestRequester:
    def test_an_existing_user_is_not_changed(self, vendor, helpdesk, draft, person):
        open_ticket(helpdesk(), draft(contact=person(name="Somebody Else", email="ADA@example.com")))
        user = vendor.account.user_with("ada@example.com")
        assert only_ticket(vendor)["requester_id"] == user["id"]
        assert user["name"] == "Ada Example"

    def test_a_new_user_gets_no_verification_mail(self, vendor, helpdesk, draft, person):
        open_ticket(helpdesk(), draft(contact=person(name="Bob Example", email="bob@example.com")))
        user = vendor.account.user_with("bob@example.com")
        assert user["name"] == "Bob Example"
        assert only_ticket(vendor)["requester_id"] == user["id"]
        assert vendor.state()["mails"] == []

    def test_a_secondary_address_finds_its_user(self, vendor, helpdesk, draft, person):
        user = vendor.account.user_with("ada@example.com")
        vendor.account.identities[user["id"]].append("ada@work.example.com")
        open_ticket(helpdesk(), draft(contact=person(email="ada@work.example.com")))
        assert only_ticket(vendor)["requester_id"] == user["id"]
        assert user["email"] == "ada@example.com"

    def test_a_contact_of_this_connection_needs_no_search(self, vendor, helpdesk, draft, person, transport):
        user = vendor.account.user_with("ada@example.com")
        open_ticket(helpdesk(), draft(contact=person(connection="helpdesk", id=str(user["id"]))))
        assert only_ticket(vendor)["requester_id"] == user["id"]
        assert [request.method for request in transport.requests] == ["POST"]

    def test_without_permission_to_read_users_the_address_is_in_the_ticket(self, vendor, helpdesk, draft):
        vendor.tokens.access["narrow"] = type(vendor.tokens.access["sandbox-zendesk-token"])(("tickets:write",))
        open_ticket(helpdesk(access_token="narrow"), draft())
        assert only_ticket(vendor)["requester_id"] == vendor.account.user_with("ada@example.com")["id"]

    @pytest.mark.parametrize("is_found_by_search", [True, False])
    def test_a_suspended_person_still_gets_a_ticket(self, vendor, helpdesk, draft, person, is_found_by_search):
        user = vendor.account.user_with("ada@example.com")
        user["suspended"] = True
        contact = person() if is_found_by_search else person(connection="helpdesk", id=str(user["id"]))
        receipt = open_ticket(helpdesk(), draft(contact=contact))
        ticket = only_ticket(vendor)
        assert ticket["requester_id"] == AGENT_ID
        assert "Ada Example <ada@example.com>" in ticket["comments"][0]["body"]
        assert "ne l'accepte pas comme demandeur" in ticket["comments"][0]["body"]
        assert "without requester" in receipt.note

    @pytest.mark.parametrize("email", ["not an address", "two@@example.com", "nodot@example", None])
    def test_an_invalid_address_still_gets_a_ticket(self, vendor, helpdesk, draft, person, email):
        open_ticket(helpdesk(), draft(contact=person(email=email)))
        ticket = only_ticket(vendor)
        assert ticket["requester_id"] == AGENT_ID
        assert (email or "Ada Example") in ticket["comments"][0]["body"]


class TestSettings:
    def test_group_brand_agent_type_and_tags_are_added(self, vendor, helpdesk, draft):
        vendor.account.resources["ticket_forms"] = [{"id": 77, "name": "Complaints", "active": True}]
        connection = helpdesk(
            group="customer CARE",
            brand="360",
            ticket_form="Complaints",
            assignee="agent@example.com",
            ticket_type="problem",
            tags=["Call Back"],
        )
        assert open_ticket(connection, draft()).note is None
        ticket = only_ticket(vendor)
        assert (ticket["group_id"], ticket["brand_id"], ticket["ticket_form_id"]) == (360, 360, 77)
        assert ticket["type"] == "problem"
        assert "call_back" in ticket["tags"]

    @pytest.mark.parametrize(
        ("role", "followers", "assignee"),
        [("follower", [AGENT_ID], None), ("assignee", [], AGENT_ID), ("none", [], None)],
    )
    def test_the_contacts_owner_gets_the_ticket(self, vendor, helpdesk, draft, role, followers, assignee):
        receipt = open_ticket(helpdesk(owner_role=role), draft(owner=AGENT_EMAIL.upper()))
        ticket = only_ticket(vendor)
        assert (ticket["follower_ids"], ticket["assignee_id"], receipt.note) == (followers, assignee, None)

    @pytest.mark.parametrize("role", ["follower", "assignee"])
    def test_an_owner_who_is_no_agent_is_left_out_and_no_user_is_made(self, vendor, helpdesk, draft, role):
        vendor.populate([SimulatedPerson("bo@example.com", "Bo", "en")])
        for number, owner in enumerate(("nobody@example.com", "bo@example.com")):
            users = len(vendor.account.users)
            item = draft(owner=owner, external_id=f"nps-{number}", idempotency_key=f"key-{number}")
            receipt = open_ticket(helpdesk(owner_role=role), item)
            assert f"the contact's owner is no agent in Zendesk, so not the {role}" in receipt.note
            assert owner not in receipt.note
            assert len(vendor.account.users) == users
        tickets = vendor.account.tickets.values()
        assert [(ticket["follower_ids"], ticket["assignee_id"]) for ticket in tickets] == [([], None)] * 2
        assert vendor.account.mails == []

    def test_without_permission_to_read_users_the_ticket_has_no_owner(self, vendor, helpdesk, draft):
        vendor.tokens.access["narrow"] = type(vendor.tokens.access["sandbox-zendesk-token"])(("tickets:write",))
        receipt = open_ticket(helpdesk(access_token="narrow"), draft(owner=AGENT_EMAIL))
        assert "without the contact's owner as follower: " in receipt.note
        assert only_ticket(vendor)["follower_ids"] == []

    def test_an_owner_replaces_the_fixed_assignee(self, vendor, helpdesk, draft):
        open_ticket(helpdesk(owner_role="assignee", assignee="other@example.com"), draft(owner=AGENT_EMAIL))
        assert only_ticket(vendor)["assignee_id"] == AGENT_ID

    def test_custom_fields_by_number_and_by_title(self, vendor, helpdesk, draft):
        vendor.account.resources["ticket_fields"] = [
            {"id": 41, "title": "NPS score", "type": "integer", "active": True},
            {"id": 42, "title": "Told", "type": "text", "active": True},
        ]
        open_ticket(helpdesk(custom_fields={"nps score": "{score}", "42": "{survey}: {comment}"}), draft())
        assert only_ticket(vendor)["custom_fields"] == [
            {"id": 41, "value": "2"},
            {"id": 42, "value": "after-purchase: Late, and nobody answered."},
        ]

    @pytest.mark.parametrize(
        "settings",
        [
            {"group": 999},
            {"assignee": "nobody@example.com"},
            {"custom_fields": {"999": "{score}"}},
            {"brand": 999, "ticket_form": 998},
        ],
    )
    def test_a_rejected_setting_is_left_out_and_noted(self, vendor, helpdesk, draft, settings):
        receipt = open_ticket(helpdesk(**settings), draft())
        assert "without the configured fields" in receipt.note
        assert only_ticket(vendor)["external_id"] == "nps-resp1"

    @pytest.mark.parametrize(
        ("settings", "text"),
        [
            ({"group": "Nowhere"}, "Zendesk has no group 'Nowhere'"),
            ({"custom_fields": {"No such field": "{score}"}}, "Zendesk has no ticket field 'No such field'"),
        ],
    )
    def test_an_unknown_name_is_left_out_and_noted(self, vendor, helpdesk, draft, settings, text):
        assert text in open_ticket(helpdesk(**settings), draft()).note
        assert only_ticket(vendor)["group_id"] is None

    def test_names_are_loaded_once_in_ten_minutes(self, vendor, helpdesk, draft, transport):
        connection = helpdesk(group="Customer care")
        for number in range(3):
            open_ticket(connection, draft(idempotency_key=f"case{number}", external_id=f"nps-{number}"))
        assert sum(request.path == "/api/v2/groups" for request in transport.requests) == 1


class TestTexts:
    @pytest.mark.parametrize(
        "text", ["{{ticket.id}}", "{{{ticket.id}}}", "{%if ticket%}x{%endif%}", "{{ ticket.requester.email }}"]
    )
    def test_a_customers_placeholder_is_not_expanded(self, vendor, helpdesk, draft, text):
        open_ticket(helpdesk(), draft(body=f"They wrote: {text}", subject=f"About {text}"))
        ticket = only_ticket(vendor)
        content = ticket["comments"][0]["body"] + ticket["subject"]
        assert "{{" not in content
        assert "{%" not in content
        assert content.replace(" ", "").count(text.replace(" ", "")) == 2

    def test_html_and_emoji_are_sent_unchanged(self, vendor, helpdesk, draft, transport):
        text = "<script>alert(1)</script> 😡 <b>déçu</b>"
        open_ticket(helpdesk(), draft(body=text))
        comment = json.loads(transport.requests[-1].body)["ticket"]["comment"]
        assert comment == {"body": text, "public": False}
        assert only_ticket(vendor)["comments"][0]["body"] == text

    def test_a_long_subject_is_truncated(self, vendor, helpdesk, draft):
        open_ticket(helpdesk(), draft(subject="x" * 10_000))
        subject = only_ticket(vendor)["subject"]
        assert len(subject) == MAX_SUBJECT_LENGTH
        assert subject.endswith("…")

    def test_a_long_body_is_truncated(self, vendor, helpdesk, draft):
        open_ticket(helpdesk(), draft(body="é" * 1_000_000))
        body = only_ticket(vendor)["comments"][0]["body"]
        assert len(body.encode()) <= MAX_BODY_BYTES
        assert body.endswith("[…]")

    @given(st.text(max_size=300))
    def test_any_subject_becomes_one_line(self, text):
        subject = subject_of(text)
        assert 0 < len(subject) <= MAX_SUBJECT_LENGTH
        assert not {"\n", "\r", "\t", "\x00"} & set(subject)
        assert "{{" not in subject

    @given(st.text(alphabet="{%} a", max_size=50))
    def test_every_placeholder_is_escaped(self, text):
        safe = escape_placeholders(text)
        assert "{{" not in safe
        assert "{%" not in safe
        assert safe.replace(" ", "") == text.replace(" ", "")

    @given(st.text(max_size=200))
    def test_tags_have_no_spaces(self, text):
        assert not any(char.isspace() for char in tag_of(text))

    @given(st.text(max_size=200))
    def test_a_body_is_never_empty(self, text):
        assert body_of(text).strip()


class TestRefusals:
    def test_an_unfixable_draft_is_rejected_with_the_reason(self, make_scripted_connection, draft, person):
        body = {"error": "RecordInvalid", "description": "Record validation errors", "details": {"base": []}}
        connection, scripted = make_scripted_connection(422, body)
        (outcome,) = nps_open_tickets(connection, [draft(contact=person(connection="helpdesk", id="5"))])
        assert isinstance(outcome, Rejected)
        assert "Record validation errors" in str(outcome)
        assert len(scripted.requests) == 1

    def test_a_404_of_a_new_ticket_is_rejected(self, make_scripted_connection, draft, person):
        connection, _ = make_scripted_connection(404, {"error": "RecordNotFound", "description": "Not found"})
        (outcome,) = nps_open_tickets(connection, [draft(contact=person(connection="helpdesk", id="5"))])
        assert isinstance(outcome, Rejected)
