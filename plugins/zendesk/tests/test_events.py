"""nps_parse_events: the event envelope and our trigger template have the same events as the export."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nps_connect import Event, WebhookRejected, WebhookRequest, fact_key
from nps_connect.testing import START
from nps_connect_zendesk import nps_parse_events, nps_poll_events
from nps_connect_zendesk.ticket_facts import EXCLUSION_FIELD
from nps_connect_zendesk.webhook_setup import trigger_body

URL = "https://nps.example.com/hooks/helpdesk"
MOMENT = datetime(2026, 3, 2, 8, 30, tzinfo=UTC)


def webhook(body, **headers):
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return WebhookRequest(method="POST", url=URL, headers=headers, body=raw, received_at=START)


def status_changed(current, previous="OPEN", **detail):
    defaults = {
        "id": "35436",
        "status": current,
        "updated_at": "2026-03-02T08:30:00Z",
        "requester_id": "1001",
        "tags": [],
        "via": {"channel": "email"},
        "subject": "Where is my order?",
        "external_id": "",
    }
    return {
        "type": "zen:event-type:ticket.status_changed",
        "account_id": 12514403,
        "id": "2b24ef10-19d4-4740-93cf-8f98ec4776c0",
        "time": "2026-03-02T08:30:00.512345678Z",
        "zendesk_event_version": "2022-11-06",
        "subject": "zen:ticket:35436",
        "detail": {**defaults, **detail},
        "event": {"current": current, "previous": previous, "meta": {}},
    }


def parse(connection, body):
    return nps_parse_events(connection, webhook(body))


def user_event(kind, separator=":", **change):
    return {
        "type": f"zen:event-type{separator}{kind}",
        "time": "2026-03-02T08:30:00Z",
        "detail": {"id": "1001", "email": "ada@example.com", "updated_at": "2026-03-02T08:30:00Z"},
        "event": change,
    }


class TestEnvelope:
    @pytest.mark.parametrize("status", ["SOLVED", "solved", "Solved"])
    def test_solved_in_any_case(self, helpdesk, status):
        (event,) = parse(helpdesk(), status_changed(status))
        assert event.kind == "ticket.solved"
        assert event.object_id == "35436"
        assert event.key == fact_key("ticket.solved", "35436", MOMENT)
        assert event.occurred_at == MOMENT
        assert (event.contact_key.kind, event.contact_key.value) == ("id", "1001")
        assert event.fields["status"] == "solved"
        assert event.fields["channel"] == "email"
        assert EXCLUSION_FIELD not in event.fields

    @pytest.mark.parametrize(
        ("current", "previous", "kind"),
        [
            ("OPEN", "SOLVED", "ticket.reopened"),
            ("PENDING", "SOLVED", "ticket.reopened"),
            ("CLOSED", "SOLVED", "ticket.closed"),
            ("SOLVED", "PENDING", "ticket.solved"),
        ],
    )
    def test_other_status_changes_have_their_events(self, helpdesk, current, previous, kind):
        (event,) = parse(helpdesk(), status_changed(current, previous))
        assert event.kind == kind

    @pytest.mark.parametrize(("current", "previous"), [("OPEN", "NEW"), ("HOLD", "OPEN"), ("DELETED", "OPEN")])
    def test_other_status_changes_are_ignored(self, helpdesk, current, previous):
        assert parse(helpdesk(), status_changed(current, previous)) == []

    def test_a_changed_priority_has_an_event(self, helpdesk):
        body = status_changed("OPEN", priority="HIGH")
        body |= {
            "type": "zen:event-type:ticket.priority_changed",
            "event": {"current": "HIGH", "previous": "LOW"},
        }
        (event,) = parse(helpdesk(), body)
        assert event.kind == "ticket.priority_changed"
        assert (event.fields["previous_priority"], event.fields["priority"]) == ("low", "high")

    @pytest.mark.parametrize("kind", ["soft_deleted", "permanently_deleted"])
    def test_deleted_tickets_have_an_event(self, helpdesk, kind):
        (event,) = parse(helpdesk(), {**status_changed("OPEN"), "type": f"zen:event-type:ticket.{kind}"})
        assert event.kind == "ticket.deleted"

    def test_deleted_users_have_an_event(self, helpdesk):
        (event,) = parse(helpdesk(), user_event("user.deleted"))
        assert event.kind == "contact.deleted"
        assert event.key == fact_key("contact.deleted", "1001", MOMENT)
        assert event.contact_key.value == "1001"

    @pytest.mark.parametrize("separator", [":", "/"])
    def test_merged_users_have_an_event_with_both_ids(self, helpdesk, separator):
        body = user_event("user.merged", separator, user={"id": "77"})
        (event,) = parse(helpdesk(), body)
        assert (event.kind, event.object_id) == ("contact.merged", "1001")
        assert event.fields["other_user_id"] == "77"

    @pytest.mark.parametrize("change", [{}, {"user": None}, {"user": {}}, {"user": {"id": "x"}}])
    def test_a_merge_without_the_second_user_is_unreadable(self, helpdesk, change):
        with pytest.raises(WebhookRejected):
            parse(helpdesk(), user_event("user.merged", **change))

    def test_a_permanent_deletion_is_no_event_of_zendesk(self, helpdesk):
        assert parse(helpdesk(), user_event("user.permanently_deleted")) == []

    def test_nps_parse_events_returns_the_same_key_for_a_resend(self, vendor, helpdesk, clock):
        facts = vendor.simulate_event("ticket.solved", "ada@example.com")
        (first,) = vendor.webhooks(facts, URL)
        clock.forward(timedelta(minutes=7))
        (second,) = vendor.webhooks(facts, URL)
        invocation = "x-zendesk-webhook-invocation-id"
        assert first.headers[invocation] == second.headers[invocation]
        assert first.headers != second.headers
        events = [nps_parse_events(helpdesk(), webhook(sent.body)) for sent in (first, second)]
        assert events[0] == events[1]

    def test_unknown_fields_and_kinds_are_ignored(self, helpdesk):
        (event,) = parse(helpdesk(), {**status_changed("SOLVED"), "new_key": {"deep": [1]}})
        assert event.kind == "ticket.solved"
        assert parse(helpdesk(), {"type": "zen:event-type:article.published", "detail": {}}) == []
        assert parse(helpdesk(), {"type": "zen:event-type:ticket.tags_changed"}) == []

    def test_the_subject_is_not_among_the_fields(self, helpdesk):
        (event,) = parse(helpdesk(), status_changed("SOLVED"))
        assert "Where is my order?" not in event.model_dump_json()


class TestTemplate:
    @pytest.mark.parametrize("ticket_id", [35436, "35436"])
    @pytest.mark.parametrize("status", ["solved", "SOLVED", "Solved"])
    def test_the_four_documented_fields_are_sufficient(self, helpdesk, ticket_id, status):
        body = {"ticket_id": ticket_id, "external_id": None, "status": status, "updated_at": "2026-03-02T08:30:00Z"}
        (event,) = parse(helpdesk(), body)
        assert event.kind == "ticket.solved"
        assert event.key == fact_key("ticket.solved", "35436", MOMENT)
        assert (event.contact_key.kind, event.contact_key.value) == ("ticket", "35436")

    @pytest.mark.parametrize("kind", ["ticket.solved", "ticket.reopened", "ticket.priority_changed"])
    def test_the_bodies_of_our_triggers_are_parsed(self, helpdesk, kind):
        body = trigger_body(kind)
        for name, value in {
            "{{ticket.id}}": "35436",
            "{{ticket.updated_at_with_timestamp}}": "2026-03-02T08:30:00Z",
            "{{ticket.requester.id}}": "1001",
            "{{ticket.tags}}": "vip slow",
            "{{ticket.external_id}}": "",
        }.items():
            body = body.replace(name, value)
        (event,) = parse(helpdesk(), json.loads(body))
        assert event.kind == kind
        assert event.fields["tags"] == "vip slow"
        assert event.contact_key.value == "1001"

    def test_other_statuses_are_ignored(self, helpdesk):
        body = {"ticket_id": 1, "status": "pending", "updated_at": "2026-03-02T08:30:00Z"}
        assert parse(helpdesk(), body) == []

    @pytest.mark.parametrize(
        "changes",
        [
            {"status": "Résolu"},
            {"status": None},
            {"updated_at": "November 21"},
            {"updated_at": None},
            {"ticket_id": "{{ticket.id}}"},
            {"ticket_id": ""},
            {"ticket_id": True},
        ],
    )
    def test_an_invalid_value_is_unreadable(self, helpdesk, changes):
        body = {"ticket_id": 1, "status": "solved", "updated_at": "2026-03-02T08:30:00Z", **changes}
        with pytest.raises(WebhookRejected) as raised:
            parse(helpdesk(), body)
        assert raised.value.reason == "unreadable"


class TestUnreadable:
    @pytest.mark.parametrize(
        "body", [b"", b"{", b"[]", b"null", b"7", b'"x"', b"{}", b'{"type": 7}', b"\xff\xfe", b"[" * 100_000]
    )
    def test_a_malformed_body_is_unreadable(self, helpdesk, body):
        with pytest.raises(WebhookRejected) as raised:
            parse(helpdesk(), body)
        assert raised.value.reason == "unreadable"

    @pytest.mark.parametrize("detail", [None, "x", {}, {"id": None}, {"id": "x"}, {"id": "1", "updated_at": "now"}])
    def test_a_known_kind_without_its_detail_is_unreadable(self, helpdesk, detail):
        body = {**status_changed("SOLVED"), "detail": detail, "time": None}
        with pytest.raises(WebhookRejected):
            parse(helpdesk(), body)

    json_values = st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=8),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
        max_leaves=8,
    )

    @given(
        st.fixed_dictionaries(
            {},
            optional={
                "type": st.sampled_from(["zen:event-type:ticket.status_changed", "zen:event-type:user.deleted"]),
                "detail": st.fixed_dictionaries(
                    {},
                    optional=dict.fromkeys(
                        ("id", "status", "tags", "via", "updated_at", "requester_id", "group_id"), json_values
                    ),
                ),
                "event": json_values,
                "time": json_values,
                "ticket_id": json_values,
                "status": json_values,
            },
        )
    )
    def test_any_json_has_events_or_is_unreadable(self, body):
        connection = type("C", (), {"settings": type("S", (), {"exclude": _no_exclusions()})()})()
        try:
            events = parse(connection, body)
        except WebhookRejected as error:
            rejected, events = error, []
        else:
            rejected = None
        assert rejected is None or rejected.reason == "unreadable"
        assert all(isinstance(event, Event) for event in events)


def _no_exclusions():
    from nps_connect_zendesk.settings import Exclusions

    return Exclusions()


class TestOneFact:
    def test_webhook_poll_and_template_have_the_same_key(self, vendor, helpdesk, clock):
        connection = helpdesk()
        cursor = nps_poll_events(connection, None).cursor
        clock.forward(timedelta(minutes=1, seconds=37))
        facts = vendor.simulate_event("ticket.solved", "ada@example.com")
        (sent,) = vendor.webhooks(facts, URL)
        (received,) = nps_parse_events(connection, webhook(sent.body))
        detail = json.loads(sent.body)["detail"]
        minutes = f"{detail['updated_at'][:16]}Z"  # Zendesk's placeholder has no seconds
        body = {"ticket_id": detail["id"], "status": "solved", "updated_at": minutes}
        (templated,) = parse(connection, body)
        clock.forward(timedelta(minutes=5))
        polled = nps_poll_events(connection, cursor).events
        assert [event.key for event in polled] == [received.key] == [templated.key]
